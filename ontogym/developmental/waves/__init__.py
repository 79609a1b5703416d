"""Retinal waves: spontaneous activity of the retina before it sees, simulated from its physiology.

The model is that of Godfrey & Swindale, "Retinal wave behavior through activity-dependent refractory periods", PLoS
Comput. Biol. 3(11):e245 (2007), as "ReWaRD" (arXiv 2311.17232) uses it to train networks before they see anything.

- `WaveSimulator`: B retinas, state in, state out; fast (`kernel`, `layout`, `state`).
- `DenseRetina`: the model again, readable; the oracle of the simulator's tests. Both count in the units of `fixed_point`.
- `wave_statistics`: size, interval, speed and duration of waves, followed in calcium (`calcium`).
- `render`: pictures; `indicator`: what a calcium indicator shows; `receptive_fields`: any number of sensory channels.
- `pool`: warmed-up retinas to begin lives from; `settings`: what a user may say, checked.

May change: presets, pictures, fields, and the kernel's ways as long as it equals the oracle to the last bit. Must stay: a
retina depends on its seed and parameters alone; data sets, films and saved agents rest on the same bits.
"""

from ontogym.developmental.waves.grid import HexGrid
from ontogym.developmental.waves.oracle import DenseRetina
from ontogym.developmental.waves.parameters import PRESETS, WaveParameters, resolve_parameters
from ontogym.developmental.waves.rendering import render
from ontogym.developmental.waves.simulator import WaveSimulator
from ontogym.developmental.waves.state import WaveState
from ontogym.developmental.waves.statistics import WaveStatistics, WaveTracker, wave_statistics

__all__ = [
    "PRESETS",
    "DenseRetina",
    "HexGrid",
    "WaveParameters",
    "WaveSimulator",
    "WaveState",
    "WaveStatistics",
    "WaveTracker",
    "render",
    "resolve_parameters",
    "wave_statistics",
]
