"""``ontogym retina fit`` and ``ontogym retina images``."""

from __future__ import annotations

import json

import pytest

from ontogym.cli import main
from ontogym.retina_env import twins


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(twins, "HELD_OUT_IMAGES", 4)


def test_fit_writes_a_twin_and_says_what_it_is_worth(tmp_path, capsys):
    out = tmp_path / "twin.safetensors"
    assert main(["retina", "fit", "--out", str(out), "--images", "60", "--epochs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 <= found["r2_median"] <= 1
    assert found["file"] == str(out)
    assert twins.load_twin(out).facts["epochs"] == 1
    assert {p.name for p in tmp_path.iterdir()} == {"twin.safetensors", "twin.json"}


def test_fit_with_bad_input_writes_nothing(tmp_path, capsys):
    for words in (["--out", str(tmp_path / "twin.pt")], ["--images", "3"], ["--epochs", "0"]):
        assert main(["retina", "fit", *words]) == 2
    assert (
        main(["retina", "fit", "--out", str(tmp_path / "a.safetensors"), "--images", "60", "--resume"]) == 2
    )
    assert "There is no file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_images_draws_a_sheet(tmp_path, capsys):
    assert (
        main(["retina", "images", "--out", str(tmp_path / "a"), "--count", "6", "--size", "32", "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["images"] == 6
    assert -3 < found["power_slope"] < -1.5
    assert (tmp_path / "a" / "images.png").read_bytes().startswith(b"\x89PNG")
    for words in (["--kind", "van-hateren"], ["--count", "0"], ["--kind", "nonsense"], ["--size", "3"]):
        assert main(["retina", "images", "--out", str(tmp_path / "b"), *words]) == 2
    assert not (tmp_path / "b").exists()
