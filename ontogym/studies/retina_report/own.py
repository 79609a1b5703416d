"""One's own pictures, electrodes and model: what ways to encode that need no training are worth there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import load_object
from ontogym.retina_env.actor import shipped_actor
from ontogym.retina_env.animals import HELD_OUT_ANIMALS
from ontogym.retina_env.cells import FIELD_UM
from ontogym.retina_env.encoding import encoders
from ontogym.retina_env.encoding.animals_judge import AnimalsJudge
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout, make_layout
from ontogym.retina_env.encoding.networks import shipped_network
from ontogym.retina_env.encoding.percept_judge import PerceptJudge, layout_of
from ontogym.retina_env.encoding.responders import ExternalModel
from ontogym.retina_env.encoding.retina_judge import RetinaJudge
from ontogym.retina_env.encoding.scenes import HELD_OUT_SEED
from ontogym.retina_env.images import dead_leaves, folder_pictures
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.percept.implants import Implant, implant
from ontogym.retina_env.percept.patients import HELD_OUT_PATIENTS
from ontogym.retina_env.twins import default_twin, load_twin
from ontogym.statistics import mean_summary
from ontogym.studies.retina_report.config import JUDGES
from ontogym.studies.retina_report.own_page import Seen, write_own_page

__all__ = ["OwnConfig", "run_own"]

SIZE, PATIENTS, EXAMPLES = 128, 16, 3
Images = NDArray[np.float32]
Ways = dict[str, encoders.Encode]


@dataclass(frozen=True)
class OwnConfig:
    """What is one's own.

    Attributes:
        images: a folder of pictures; None for dead leaves.
        electrodes: ``32x32`` (rows x columns over the 3.2 mm that a retina sees), an implant's name or a file of its
            coordinates.
        twin: ``module:attribute``, a function or module of images to rates, or a ``.safetensors`` file; None for the
            shipped twin.
        judges: of `JUDGES`; () for all that the electrodes allow.
        count: the most patches of pictures.
    """

    images: str | None = None
    electrodes: str = "32x32"
    twin: str | None = None
    judges: tuple[str, ...] = ()
    count: int = 96

    def __post_init__(self) -> None:
        for name in self.judges:
            if name not in JUDGES:
                raise UnknownNameError("judge", name, JUDGES)
        if not 8 <= self.count <= 1000:
            raise OntogymError(f"{self.count} patches of pictures are too few or too many; pass 8 to 1000.")


class _Stage(NamedTuple):
    """Where one judge is asked."""

    layout: Layout
    judge: Callable[[Images], Judge]


def run_own(config: OwnConfig, out: Path | str) -> dict[str, Any]:
    """Score every way by every judge; write ``report.html`` and ``report.json`` into `out`.

    Returns:
        ``judges``: by name and way, the share of averaging's loss that is taken away (``mean``, ``ci95`` over subjects,
        or over pictures where there is one subject) and the median reliability; JSON-able.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OntogymError(f"{folder} is a file, but the report needs a folder; pass another --out.")
    before = folder / "report.json"
    if before.is_file() and _settings(before) != json.loads(json.dumps(asdict(config))):
        raise OntogymError(f"{folder} holds another report; pass another --out, or remove it.")
    images, source = _pictures(config)
    stages, words = _stages(config)
    found: dict[str, Any] = {}
    for name, stage in stages.items():
        judge = stage.judge(images)
        found[name] = {way: _scored(encode(images), judge) for way, encode in _ways(stage.layout).items()}
    layout = next(iter(stages.values())).layout
    shown = {way: _shown(layout, encode(images[:EXAMPLES])) for way, encode in _ways(layout).items()}
    summary = {"settings": asdict(config), "pictures": len(images), "source": source}
    summary |= {"electrodes": words, "judges": found}
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.write_json(folder / "report.json", summary)
    write_own_page(folder / "report.html", summary, Seen(images[:EXAMPLES], shown))
    return summary


def _settings(report: Path) -> Any:
    """What a report was about; None where that cannot be read."""
    try:
        return json.loads(report.read_text())["settings"]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _pictures(config: OwnConfig) -> tuple[Images, str]:
    """Patches, evenly over all of them, and in words where they are from."""
    if config.images is None:
        return dead_leaves(config.count, HELD_OUT_SEED, SIZE), "dead leaves."
    found = folder_pictures(config.images, SIZE)
    some = np.unique(np.linspace(0, len(found.images) - 1, config.count).round().astype(int))
    return found.images[some], f"{len(some)} from {config.images}, which holds {found.told()}"


def _stages(config: OwnConfig) -> tuple[dict[str, _Stage], str]:
    """Judges that the electrodes allow, or those that were asked for; and the electrodes in words."""
    grid = re.fullmatch(r"(\d+)x(\d+)", config.electrodes)
    device = None if grid else implant(config.electrodes)
    if grid:
        words = f"{config.electrodes} electrodes over {FIELD_UM / 1000:g} mm"
        on_retina = make_layout(SIZE, grid=(int(grid[1]), int(grid[2])))
    else:
        assert device is not None
        on_retina, words = _at_true_size(device)
    wanted = config.judges or tuple(name for name in JUDGES if device is not None or name != "percept")
    stages: dict[str, _Stage] = {}
    for name in wanted:
        if name == "percept":
            if device is None:
                raise OntogymError(
                    "A percept is that of an implant's patient, and a grid has none; pass --electrodes argus-ii, "
                    "another implant or a file of coordinates."
                )
            stages[name] = _Stage(layout_of(device, SIZE), _percepts(device))
        elif name == "animals":
            stages[name] = _Stage(on_retina, _animals(on_retina))
        else:
            stages[name] = _Stage(on_retina, _twin(config.twin, on_retina))
    return stages, words


def _at_true_size(device: Implant) -> tuple[Layout, str]:
    """The electrodes of an implant on the fovea that lie within what a simulated retina sees, where they lie."""
    at = device.um + FIELD_UM / 2
    inside = ((at >= 0) & (at <= FIELD_UM)).all(1)
    if not inside.any():
        raise OntogymError(f"No electrode of {device.name} lies within {FIELD_UM / 2000:g} mm of its middle.")
    wide = device.um.max(0) - device.um.min(0)
    words = (
        f"{device.name}: {device.n} electrodes over {wide[0] / 1000:.1f} x {wide[1] / 1000:.1f} mm, of which "
        f"{int(inside.sum())} lie within the {FIELD_UM / 1000:g} mm that a simulated retina sees"
    )
    return make_layout(SIZE, grid=at[inside]), words


def _percepts(device: Implant) -> Callable[[Images], Judge]:
    return lambda images: PerceptJudge(device, HELD_OUT_PATIENTS[:PATIENTS], images)


def _animals(layout: Layout) -> Callable[[Images], Judge]:
    return lambda images: AnimalsJudge(HELD_OUT_ANIMALS, layout, torch.from_numpy(images))


def _twin(name: str | None, layout: Layout) -> Callable[[Images], Judge]:
    if name is None:
        model: torch.nn.Module = default_twin()
    elif name.endswith(".safetensors"):
        model = load_twin(name)
    else:
        given = load_object(name)
        model = ExternalModel(given() if isinstance(given, type) else given, SIZE)

    def judge(images: Images) -> Judge:
        return RetinaJudge([model], layout, torch.from_numpy(images))

    return judge


def _ways(layout: Layout) -> Ways:
    """What can be shown without training for these electrodes."""
    return {
        "averaging": encoders.averaging(layout),
        "averaging, contrast x 1.5": encoders.contrast(layout, 1.5),
        "Lanczos-3, antialiased": encoders.lanczos(layout),
        "shipped actor": encoders.shown_by_actor(layout, shipped_actor()),
        "shipped network": encoders.network(shipped_network(), layout),
    }


@torch.no_grad()
def _scored(low: Images, judge: Judge) -> dict[str, Any]:
    values = torch.from_numpy(np.ascontiguousarray(low, dtype=np.float32)).flatten(1).clamp(0, 1)
    rows = list(_by_subject(values, judge))
    taken = [float(1 - loss.mean() / average.mean()) for loss, average, _ in rows]
    if len(rows) == 1:
        loss, average, _ = rows[0]
        taken = [float(v) for v in (average - loss) / average.mean()]
    told = mean_summary(taken)
    return {
        "mean": told["mean"],
        "ci95": told["ci95"],
        "values": [round(v, 4) for v in taken],
        "reliability": float(np.median([reliability for _, _, reliability in rows])),
    }


def _by_subject(values: torch.Tensor, judge: Judge) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
    """Losses ``(M,)``, those of averaging, and the median reliability, of one subject after the other."""
    picture = torch.arange(judge.pictures)
    for k in range(judge.subjects):
        who = torch.full_like(picture, k)
        answers = judge.answer(values, who)
        same = neuronal_reliability(answers.numpy(), judge.reference(picture, who).numpy())
        yield judge.loss(answers, picture, who), judge.average_losses(picture, who), float(np.median(same))


def _shown(layout: Layout, low: Images) -> Images:
    values = torch.from_numpy(np.ascontiguousarray(low, dtype=np.float32)).flatten(1).clamp(0, 1)
    return np.asarray(layout.show(values).numpy())
