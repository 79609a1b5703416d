"""The report about one's own pictures, electrodes and model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ontogym.cli import main
from ontogym.cli.commands import parse
from ontogym.errors import OntogymError
from ontogym.studies.retina_report import own
from ontogym.studies.retina_report.figures import image_figure


class Variance(torch.nn.Module):
    """Images (B, 128, 128) to rates (B, 64): the variance in each part."""

    def forward(self, images):
        parts = images.unfold(1, 16, 16).unfold(2, 16, 16)
        return 50 * parts.var((-2, -1)).flatten(1) + 0.1


class Remembers(Variance):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.GRUCell(4, 4)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "mine").mkdir()
    coarse = rng.integers(0, 255, (2, 16, 24)).astype(np.uint8)
    for k, part in enumerate(coarse):
        Image.fromarray(part).resize((384, 256)).save(tmp_path / "mine" / f"{k}.png")
    return tmp_path / "mine"


def test_a_folder_a_grid_and_a_model(folder, tmp_path, capsys):
    words = [
        "--images",
        str(folder),
        "--electrodes",
        "16x16",
        "--twin",
        f"{__name__}:Variance",
        "--judge",
        "twin",
    ]
    assert main(["retina", "report", *words, "--out", str(tmp_path / "a"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    ways = found["judges"]["twin"]
    shipped = ["shipped actor", "shipped network"]
    assert list(ways) == ["averaging", "averaging, contrast x 1.5", "Lanczos-3, antialiased", *shipped]
    assert ways["averaging"]["mean"] == pytest.approx(0, abs=1e-6)
    assert found["pictures"] == 12  # 2 pictures of 2 x 3 patches
    assert found["source"] == f"12 from {folder}, which holds 12 patches of 2 pictures."
    page = (tmp_path / "a" / "report.html").read_text()
    assert page.index("<figure>") < page.index("<h2>")
    # A stranger's configuration imports nothing: what it names as code stands on the line too.
    fed = parse(["retina", "report", "--config", str(tmp_path / "a"), "--twin", f"{__name__}:Variance"])
    assert fed.configuration() == parse(["retina", "report", *words]).configuration()
    assert (
        json.loads((tmp_path / "a" / "report.json").read_text())["judges"]["twin"]["averaging"]["mean"] == 0
    )


def test_the_names_of_the_ways_do_not_run_into_each_other():
    figure = image_figure(
        {name: np.zeros((1, 8, 8)) for name in ("averaging, contrast x 1.5", "Lanczos-3, antialiased")}
    )
    figure.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert boxes[0].x1 < boxes[1].x0
    assert all(box.y1 <= figure.bbox.y1 for box in boxes)


def test_an_implant_is_shown_at_its_true_size(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(own, "PATIENTS", 2)
    words = ["--images", str(folder), "--electrodes", "argus-ii", "--judge", "percept", "--quick"]
    assert main(["retina", "report", *words, "--out", str(tmp_path / "a")]) == 0
    told = capsys.readouterr().out
    assert "argus-ii: 60 electrodes over 5.2 x 2.9 mm, of which 36 lie within the 3.2 mm" in told
    layout, _ = own._at_true_size(own.implant("argus-ii"))
    assert layout.n == 36
    # A file of coordinates is an implant like another.
    (tmp_path / "own.csv").write_text("-300,0\n300,0\n0,250\n")
    stages, words = own._stages(own.OwnConfig(electrodes=str(tmp_path / "own.csv")))
    assert list(stages) == ["twin", "animals", "percept"]
    assert words.startswith("own: 3 electrodes")


def test_what_does_not_fit_is_refused_in_a_sentence(folder, tmp_path):
    with pytest.raises(OntogymError, match="did you mean 'animals'"):
        own.OwnConfig(judges=("animal",))
    with pytest.raises(OntogymError, match="pass --electrodes argus-ii"):
        own._stages(own.OwnConfig(judges=("percept",)))
    with pytest.raises(OntogymError, match="Remembers has memory \\(GRUCell\\)"):
        own.run_own(
            own.OwnConfig(str(folder), twin=f"{__name__}:Remembers", judges=("twin",), count=8),
            tmp_path / "a",
        )
    (tmp_path / "far.csv").write_text("9000,0\n-9000,0\n")
    with pytest.raises(OntogymError, match="No electrode of far lies"):
        own._stages(own.OwnConfig(electrodes=str(tmp_path / "far.csv")))
    assert not (tmp_path / "a").exists()
