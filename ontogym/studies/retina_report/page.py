"""The page: words, tables and pictures in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.figures.page import Page
from ontogym.retina_env.actor import load_actor
from ontogym.retina_env.downsampling import downsampler
from ontogym.studies.retina_report import figures, published, words
from ontogym.studies.retina_report.config import ANTIALIASED, SUBJECTS
from ontogym.studies.retina_report.parts import actor_path, example_scenes

__all__ = ["write_page"]

Part = dict[str, Any]


def write_page(path: Path, summary: dict[str, Any], parts: Sequence[Part], folder: Path) -> None:
    """Write the page of `summary` and `parts`; actors are read from `folder`."""
    four = [part for part in parts if part["fold"] == 4]
    seeds = ", ".join(map(str, summary["seeds"]))
    page = Page(
        "The actor-model framework on simulated retinas",
        f"Leong et al. 2024 repeated with source retinas {seeds}, their twins, and retinas that nothing was fitted to.",
    )
    # What it is about comes before what is concluded.
    page.picture(
        figures.image_figure(_examples(four[0], folder)),
        "Fig. 6a: three scenes, and what 32 x 32 pixels show of them.",
    )
    page.picture(
        figures.pair_figure(four),
        "Figs. 3 and 5: pairwise differences in reliability. Boxes: all neurons of all seeds.",
    )
    page.heading("What holds")
    for text in words.conclusions(summary):
        page.text(text)
    page.text(
        "A direction is claimed where a Wilcoxon test over all neurons gives p < .05 and every seed has its sign. "
        "Brackets are 95 % intervals of the median gain, from a bootstrap over seeds and neurons; with few seeds "
        "they are rough. Neurons of one retina share images and actor, so p values overstate what is known."
    )
    page.heading("Beside the published values")
    page.table(published.HEADS, published.published_rows(summary))
    _reliability(page, summary, four)
    _contrast(page, summary, four)
    _kernels(page, summary, four)
    page.heading("Folds (Fig. 9)")
    page.table(
        ("fold", "paper, in silico: p", *(f"actor over average, {n}" for n in SUBJECTS.values())),
        published.fold_rows(summary),
    )
    page.picture(
        figures.fold_figure(parts),
        "Fig. 9: difference in reliability to high resolution. Boxes: all neurons of all seeds.",
    )
    page.heading("How it was made")
    r2 = ", ".join("?" if value is None else f"{value:.3f}" for value in summary["twin_r2"])
    page.text(
        f"Twins predict held-out responses with a median R2 of {r2}. {summary['cpu_seconds'] / 60:.0f} CPU minutes, "
        f"of which an actor at 4-fold took {max(summary['actor_cpu_seconds']):.0f} seconds at most. Scenes are dead "
        "leaves, retinas are simulated: nothing here was measured on an animal."
    )
    page.write(path)


def _reliability(page: Page, summary: dict[str, Any], four: Sequence[Part]) -> None:
    """Figs. 3, 5 and 4."""
    page.heading("Reliability at 4-fold (Figs. 3 to 5)")
    for subject in ("twin", "ex-vivo"):
        page.picture(
            figures.method_figure(four, subject),
            f"Fig. 4 on {SUBJECTS[subject]}: actor minus each learning-free method; above 0 the actor is better.",
        )
    rows = []
    for method in summary["subjects"]["twin"]["median_reliability"]:
        cells = [method]
        for subject in SUBJECTS:
            value = summary["subjects"][subject]["median_reliability"].get(method)
            found = summary["subjects"][subject].get(f"actor_vs_{method}")
            cells += ["" if value is None else f"{value:.3f}", "" if found is None else f"{words.gain_text(found)}, p = {words.p_text(found['p'])}"]  # fmt: skip
        rows.append(cells)
    heads = [head for name in SUBJECTS.values() for head in (f"{name}: reliability", "actor over it")]
    page.table(("method", *heads), rows)


def _contrast(page: Page, summary: dict[str, Any], four: Sequence[Part]) -> None:
    """Figs. 6 and 7."""
    page.heading("Contrast (Figs. 6 and 7)")
    page.picture(
        figures.method_figure(four, "contrast"),
        "Figs. 6b and 7a: local contrast, actor minus each method; all images of all seeds.",
    )
    page.picture(
        figures.contrast_figure(four, summary),
        "Fig. 7b and d: average with its contrast changed; thin lines are seeds.",
    )


def _kernels(page: Page, summary: dict[str, Any], four: Sequence[Part]) -> None:
    """Fig. 8."""
    k = summary["kernels"]
    page.heading("Kernels (Fig. 8)")
    page.picture(
        figures.kernel_figure(four[0]),
        f"Fig. 8: kernels of seed {four[0]['seed']} with their middle row (blue) and column (red), and the one filter that they are together near grey.",
    )
    page.text(
        f"{k['mexican_hats']} of {k['count']} kernels are Mexican hats: a difference of Gaussians fits them better than one Gaussian, "
        f"with a surround that opposes the centre (median R2 {k['r2']:.2f} against {k['r2_gaussian']:.2f}; centre SD {25 * k['centre_sigma']:.0f} um; "
        f"surround to centre {k['surround']:.2f}). Together they make one filter with a centre SD of {25 * k['together_centre_sigma']:.0f} um "
        f"and a surround of {k['together_surround']:.2f} (R2 {k['together_r2']:.2f}; one Gaussian {k['together_r2_gaussian']:.2f}). "
        f"Kernels start as noise, so their shape is learned. That {k['on']} are ON and {k['count'] - k['on']} OFF is not: "
        "half of the maps are added and half taken away from the start."
    )


def _examples(part: Part, folder: Path) -> dict[str, Any]:
    scenes = example_scenes()
    actor = load_actor(actor_path(folder, part["seed"], 4))
    shown = {name: np.clip(downsampler(name)(scenes, 4), 0, 1) for name in ("average", ANTIALIASED)}
    return {"high resolution": scenes, **shown, "actor": actor.encode(scenes[:, None])[:, 0]}
