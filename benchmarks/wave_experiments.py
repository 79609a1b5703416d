"""What films of retinal waves teach that snapshots cannot: the last part of docs/experiments/prenatal.md.

    python benchmarks/wave_experiments.py --list                                  # names, and what each is shown
    python benchmarks/wave_experiments.py invariance-frames --seeds 1 2 3 --parallel 1
    python benchmarks/wave_experiments.py --write                                 # the tables, into the page

**Named before the run.** Sizes were chosen by pilots with seed 0, which is not kept; what is kept has seeds 1 to 10.

Invariance (Ligeralde et al. 2023, arXiv 2312.02791). *Primary endpoint: `recalibrated.far`, `invariance-frames` minus
`invariance-nothing`, paired by seed*: 32 exemplars of 14 pixels in a field of 32 are learnt with their left edge in columns 0 to 8, and
named with it in columns 10 to 18, by a linear read-out of the frozen features of a network that was trained to give successive frames of films like
features, as they are. Secondary: `near` (other positions in columns 0 to 8), the manifolds' capacity, the same with crops and turns beside
time (`invariance-frames-views`), and the statistics of normalisation that training left (`as_trained`) in place of those of the
exemplars. Every arm has 192 steps of 64 pairs, but `nothing`. Films are the mouse's, 32 pixels a side, 500 ms a frame, new ones for every
seed: so are the exemplars, the network and the order.

Prediction (May, Dauphin & Gjorgjieva 2025). *Primary endpoint: the loss on held-out films after a tenth of the film training (20 of
200 steps), `prediction-waves` minus `prediction-nothing` at equal total training* (50 steps on waves, then 20 on films, against 70 on
films). Secondary: the loss at the end (50 and 200 against 250), and after 20 steps on films whatever was before. A loss is the mean
squared error over the variance of the held-out films, of predictions with two frames or more before them. Films are dead leaves that
scroll by .5 to 2 pixels a frame, 256 to learn from and 64 to test on, new ones for every seed; stretches have 8 frames.

Added after the first seed: `prediction-continued`. Every arm begins its films with a new optimiser, whose first steps undo some of what was learnt, in
`prediction-nothing` too; a network that sees films throughout would not be interrupted. It is the control that decides.

What a run found is kept as one small JSON file in docs/experiments/prenatal/; a run that is there is not repeated.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cells import keep, kept, main, markdown

from ontogym.statistics import mean_summary, mean_text, paired_difference

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "prenatal"
FILMS = ROOT / "runs" / "prenatal" / "films"
SEEDS = tuple(range(1, 11))
MARKS = ("<!-- films: python benchmarks/wave_experiments.py --write -->", "<!-- end of films -->")

PRESET, MOVIES, FRAMES, SIZE, RADIUS, FRAME_MS = "mouse", 48, 160, 32, 36, 500.0
LEAST = 16
"""A frame with fewer cells at work shows too little to be learnt from."""
PAIRS, EPOCHS = 2048, 6
FRACTALS = (64, 32)
"""Classes, and images of each."""


class Arm(NamedTuple):
    """What a network is trained on before its features are read."""

    title: str
    films: str
    positives: str
    shuffled: bool = False


ARMS = {
    "nothing": Arm("nothing (random weights)", "", ""),
    "frames": Arm("successive frames of waves", "waves", "frames-alone"),
    "shuffled": Arm("frames of waves, pairs from anywhere", "waves", "frames-alone", True),
    "noise": Arm("successive frames of noise with the waves' spectrum", "noise", "frames-alone"),
    "views": Arm("two views of one frame of waves", "waves", "views"),
    "frames-views": Arm("views of successive frames of waves", "waves", "frames"),
    "fractals": Arm("two views of a FractalDB image", "fractals", "views"),
}

FIRST = {
    "nothing": "the films themselves",
    "continued": "the films themselves, optimiser kept",
    "waves": "waves",
    "shuffled": "waves, frames shuffled",
    "noise": "noise with the waves' spectrum",
}
"""What a network predicts in its first steps."""
BEFORE, LEARNING = 50, 200
MEASURED = (0, 5, 10, 20, 50, 100, 150, 200)
TENTH = LEARNING // 10
STRETCH = 8
LR = 3e-3


def kept_array(name: str, make: Any) -> Any:
    """An array made once."""
    path = FILMS / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    return np.load(path, allow_pickle=False)


def wave_films(seed: int) -> Any:
    """Films ``(M, F, H, W)`` uint8 of a seed's own retinas."""
    from ontogym.studies.wave_pretraining.movies import WaveMovies

    def record() -> Any:
        movies = WaveMovies.record(PRESET, MOVIES, FRAMES, SIZE, RADIUS, FRAME_MS, seed)
        return movies.read(np.arange(MOVIES * FRAMES)).reshape(MOVIES, FRAMES, SIZE, SIZE)

    return kept_array(f"{PRESET}-s{seed}", record)


def fractal_images() -> Any:
    """One set for all seeds."""
    from ontogym.studies.wave_pretraining.fractals import FractalRecipe

    recipe = FractalRecipe(*FRACTALS, size=SIZE)

    def make() -> Any:
        classes = [recipe.make(label) for label in range(recipe.classes)]
        return np.concatenate([np.concatenate([c.train, c.validation]) for c in classes]).reshape(
            -1, SIZE, SIZE
        )

    return kept_array("fractals", make)


def images_of(arm: Arm, seed: int) -> Any:
    """What the arm is trained on: `PAIRS` training images, each with its partner if the arm has pairs."""
    from ontogym.studies.wave_pretraining.images import ArrayImages
    from ontogym.studies.wave_pretraining.movies import WaveMovies, phase_randomised

    if arm.films == "fractals":
        found = fractal_images()
        labels = np.zeros(len(found), np.int64)
        return ArrayImages("fractals", found, labels, found[:64], labels[:64])
    films = wave_films(seed)
    if arm.films == "noise":
        films = phase_randomised(films, seed)
    return WaveMovies(films, f"{arm.films}:{PRESET}", LEAST).with_pairs(PAIRS, seed, arm.shuffled)


def invariance(name: str, seed: int) -> dict[str, Any]:
    """Train one network and read it out."""
    import torch

    from ontogym.developmental.feature_extractors.networks import build_network
    from ontogym.developmental.feature_extractors.saved_network import load_network
    from ontogym.seeding import derive
    from ontogym.studies.wave_pretraining.schedule import TrainingConfig
    from ontogym.studies.wave_pretraining.training import train
    from ontogym.studies.wave_pretraining.translation import (
        TranslatedExemplars,
        read_translated,
        recalibrated,
    )

    torch.set_num_threads(1)
    begun = time.process_time()
    arm = ARMS[name]
    config = TrainingConfig(
        "simclr", "small", epochs=EPOCHS, batch=64, lr=0.1, resize=SIZE, crop=SIZE, seed=seed
    )  # fmt: skip
    found: dict[str, Any] = {"steps": 0, "loss": None}
    if arm.films:
        config = dataclasses.replace(config, positives=arm.positives)
        with tempfile.TemporaryDirectory() as folder:
            result = train(config, images_of(arm, seed), f"{folder}/run", device="cpu")
            network = load_network(f"{folder}/run").network
        found = {"steps": EPOCHS * (PAIRS // config.batch), "loss": result.history[-1]["loss"]}
    else:
        network = build_network("small", 2, 1, seed=derive(seed, "network"))
    exemplars = TranslatedExemplars(exemplars=32, field=SIZE, side=14, positions=16, columns=9, seed=seed)
    fresh = recalibrated(network, exemplars, config)
    found["recalibrated"] = read_translated(fresh, exemplars, config, "cpu").as_json()
    found["as_trained"] = read_translated(network, exemplars, config, "cpu").as_json()
    return found | {"cpu_seconds": round(time.process_time() - begun, 1)}


def first_films(name: str, films: Any, seed: int) -> Any:
    """Stretches ``(n, T, H, W)`` that a network predicts before its films."""
    from ontogym.studies.wave_pretraining.movies import phase_randomised
    from ontogym.studies.wave_pretraining.next_frame import windows

    if name in ("nothing", "continued"):
        return films
    waves = wave_films(seed)
    waves = phase_randomised(waves, seed) if name == "noise" else waves
    return windows(waves, STRETCH, LEAST, seed if name == "shuffled" else None)


def prediction(name: str, seed: int) -> dict[str, Any]:
    """Train one network on one thing and then on films."""
    import torch

    from ontogym.seeding import derive
    from ontogym.studies.wave_pretraining.next_frame import (
        NextFrame,
        copy_loss,
        learn_films,
        scrolling_leaves,
    )

    torch.set_num_threads(1)
    begun = time.process_time()
    films = kept_array(f"films-s{seed}", lambda: scrolling_leaves(256, STRETCH, SIZE, derive(seed, "films")))
    held_out = kept_array(
        f"held-out-s{seed}", lambda: scrolling_leaves(64, STRETCH, SIZE, derive(seed, "held-out films"))
    )
    variance = float(held_out.var())
    model = NextFrame(12, derive(seed, "network"))
    phases = {"before": (first_films(name, films, seed), BEFORE), "films": (films, LEARNING)}
    found: dict[str, Any] = {"copying": copy_loss(torch.from_numpy(held_out)) / variance}
    adam = torch.optim.Adam(model.parameters(), LR) if name == "continued" else None
    for phase, (shown, steps) in phases.items():
        losses = learn_films(
            model, shown, steps, derive(seed, phase), held_out, MEASURED, lr=LR, optimiser=adam
        )
        found[phase] = {str(step): loss / variance for step, loss in losses.items()}
    return found | {"cpu_seconds": round(time.process_time() - begun, 1)}


def run(name: str, seed: int) -> str:
    """One cell, kept; returns a line about it."""
    file = RESULTS / f"{name}-s{seed}.json"
    if file.exists():
        return f"{name} seed {seed}: already there"
    kind, _, arm = name.partition("-")
    found = {"invariance": invariance, "prediction": prediction}[kind](arm, seed)
    keep(file, found)
    return f"{name} seed {seed}: done in {found['cpu_seconds']} CPU seconds"


def column(name: str, *path: str) -> list[float]:
    """The number at `path` of every seed."""
    found = []
    for cell in kept(RESULTS, name):
        for key in path:
            cell = cell[key]
        found.append(float(cell))
    return found


def minus(high: Sequence[float], low: Sequence[float]) -> str:
    """The difference paired by seed."""
    return mean_text(paired_difference("", high, low, "")["difference"])


def table_invariance() -> str:
    """Every arm, in per cent, beside its difference from random weights."""
    heads = [
        "first seen",
        "far, %",
        "minus nothing",
        "near, %",
        "minus nothing",
        "capacity",
        "far, % (statistics of training)",
        "seeds",
        "CPU s",
    ]
    rows = []
    for name, arm in ARMS.items():
        cell = f"invariance-{name}"
        if not kept(RESULTS, cell):
            continue
        words = []
        for part in ("far", "near"):
            own, base = (
                [100 * v for v in column(c, "recalibrated", part)] for c in (cell, "invariance-nothing")
            )
            words += [mean_text(mean_summary(own)), minus(own, base) if name != "nothing" else "–"]
        words += [
            mean_text(mean_summary(column(cell, "recalibrated", "capacity"))),
            mean_text(mean_summary([100 * v for v in column(cell, "as_trained", "far")])),
            str(len(kept(RESULTS, cell))),
            f"{np.mean(column(cell, 'cpu_seconds')):.0f}",
        ]
        rows.append([arm.title, *words])
    return markdown(heads, rows)


def table_prediction() -> str:
    """Every arm's loss, and by how much it is larger than with films from the first step on."""
    tenth, last = str(TENTH), str(LEARNING)
    heads = [
        f"first {BEFORE} steps",
        f"after {TENTH} on films",
        "minus films throughout",
        f"minus {TENTH} on films alone",
        "at the end",
    ]
    heads += ["minus films throughout", "seeds", "CPU s"]
    rows = []
    films = {step: column("prediction-continued", "films", step) for step in (tenth, last)}
    alone = column("prediction-nothing", "before", tenth)
    for name, title in FIRST.items():
        cell = f"prediction-{name}"
        if not kept(RESULTS, cell):
            continue
        early, late = (column(cell, "films", step) for step in (tenth, last))
        words = [mean_text(mean_summary(early)), minus(early, films[tenth]), minus(early, alone)]
        words += [mean_text(mean_summary(late)), minus(late, films[last])]
        if name == "continued":
            words[1] = words[4] = "–"
        words += [str(len(early)), f"{np.mean(column(cell, 'cpu_seconds')):.0f}"]
        rows.append([title, *words])
    copied = mean_text(mean_summary(column("prediction-nothing", "copying")))
    return f"{markdown(heads, rows)}\n\nA copy of the last frame has a loss of {copied}."


def tables() -> str:
    """All tables as Markdown, with 95 % intervals over seeds."""
    parts = {"Exemplars named where they were not learnt": table_invariance()}
    if kept(RESULTS, "prediction-nothing"):
        parts["The next frame of a film: loss"] = table_prediction()
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts.items()) + "\n"


def listed(name: str) -> Iterable[str]:
    """What an experiment is shown."""
    kind, _, arm = name.partition("-")
    yield ARMS[arm].title if kind == "invariance" else f"{FIRST[arm]}, then films"


if __name__ == "__main__":
    names = [f"invariance-{arm}" for arm in ARMS] + [f"prediction-{first}" for first in FIRST]
    page = ROOT / "docs" / "experiments" / "prenatal.md"
    main(__doc__, names, listed, run, tables, page, MARKS, SEEDS)
