"""``ontogym retina report``: what it measures, what it says, and that done parts are not done again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ontogym.cli import main
from ontogym.errors import OntogymError
from ontogym.retina_env.actor import load_actor
from ontogym.retina_env.downsampling import DOWNSAMPLERS, downsampler, upsample_nearest
from ontogym.retina_env.images import dead_leaves
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import IMAGES_SEED, default_twin
from ontogym.runs import holding
from ontogym.studies.retina_report import parts, run, words
from ontogym.studies.retina_report.config import ANTIALIASED, PUBLISHED_FOLDS, SUBJECTS, ReportConfig
from ontogym.studies.retina_report.parts import OWN
from ontogym.studies.retina_report.published import HEADS, published_rows
from ontogym.studies.retina_report.run import run_report
from ontogym.studies.retina_report.summary import compare, verdict
from ontogym.studies.retina_report.supplement import PUBLISHED

SMALL = ReportConfig(
    seeds=(0,),
    folds=(4, 32),
    alphas=(0.5, 1.0),
    images=24,
    test_images=10,
    repeats=2,
    new_retinas=1,
    epochs=1,
)


@pytest.fixture(scope="module")
def report(cache, tmp_path_factory):
    """A small report: its folder, its summary, and how often a part was run."""
    folder, calls = tmp_path_factory.mktemp("report") / "r", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SCENES", 24)
        parts.source_of.cache_clear()
        real = run.run_part

        def counted(config, seed, fold, where):
            calls.append((seed, fold))
            return real(config, seed, fold, where)

        patch.setattr(run, "run_part", counted)
        yield folder, run_report(SMALL, folder, show_progress=False), calls
    parts.source_of.cache_clear()


def test_every_subject_and_method_is_measured(report):
    _, summary, _ = report
    assert set(summary["subjects"]) == set(SUBJECTS)
    for subject in ("twin", "ex-vivo"):
        assert set(summary["subjects"][subject]["median_reliability"]) == {
            "high",
            "actor",
            OWN,
            *DOWNSAMPLERS,
        }
    for subject in SUBJECTS:
        assert summary["subjects"][subject][f"actor_vs_{ANTIALIASED}"]["n"] == 60
        assert 0 <= summary["subjects"][subject]["supplement"]["on_off_p"] <= 1
        assert set(summary["subjects"][subject]["supplement"]["nemenyi"]) == set(PUBLISHED["nemenyi"])
    assert summary["subjects"]["twin"]["actor_vs_area"] == summary["subjects"]["twin"]["actor_vs_average"]
    assert set(summary["folds"]) == {"4", "32"}
    assert summary["kernels"]["count"] == 6


def test_the_numbers_are_those_of_the_definition(report):
    folder, _, _ = report
    found = json.loads((folder / "part-seed-0-fold-4.json").read_text())["result"]
    scenes = dead_leaves(34, IMAGES_SEED, show_progress=False)
    retina, twin = SimulatedRetina(0), default_twin()
    truth, test = retina.respond(scenes, 2)[24:], scenes[24:]
    shown = {
        "average": downsampler("average")(test, 4),
        "lanczos3": downsampler("lanczos3")(test, 4).clip(0, 1),
        "actor": load_actor(folder / "actor-seed-0-fold-4.safetensors").encode(test[:, None])[:, 0],
    }
    for name, low in shown.items():
        rates = twin.rates(upsample_nearest(low.astype(np.float32), 4))
        expected = neuronal_reliability(rates, truth)
        np.testing.assert_allclose(found["reliability"]["twin"][name], expected, atol=2e-3)
    # A factor of 1 changes nothing; recorded ex vivo it has noise of its own.
    assert found["alpha"]["twin"][1] == found["reliability"]["twin"]["average"]
    assert found["alpha"]["ex-vivo"][1] != found["reliability"]["ex-vivo"]["average"]
    assert found["reliability"]["new"]["average"] != found["reliability"]["ex-vivo"]["average"]


def test_the_page_stands_alone_and_has_every_figure(report):
    folder, summary, _ = report
    html = (folder / "report.html").read_text()
    assert "http" not in html
    assert html.count("data:image/png;base64,") == 8
    # It opens with pictures.
    assert html.index("<figure>") < html.index("What holds")
    for row in published_rows(summary):
        assert len(row) == len(HEADS)
        assert row[0].replace("'", "&#39;") in html
    for words_of in (
        "Figs. 3 and 5",
        "Fig. 4",
        "Fig. 6",
        "Fig. 7",
        "Fig. 8",
        "Fig. 9",
        "+4.9 %",
        "antialiased Lanczos-3",
    ):
        assert words_of in html
    for line in words.conclusions(summary):
        assert line.replace("'", "&#39;").replace("<", "&lt;") in html
    assert json.loads((folder / "report.json").read_text())["seeds"] == [0]


def test_only_what_is_missing_damaged_or_of_other_settings_is_done_again(report, monkeypatch):
    folder, summary, calls = report
    monkeypatch.setattr(run, "write_page", lambda *_: None)
    del calls[:]
    again = run_report(SMALL, folder, show_progress=False)
    assert calls == []
    assert again == json.loads(json.dumps(summary))
    part = folder / "part-seed-0-fold-32.json"
    for spoil in (
        part.unlink,
        lambda: part.write_text("{"),
        (folder / "actor-seed-0-fold-32.safetensors").unlink,
    ):
        spoil()
        after = run_report(SMALL, folder, show_progress=False)
        assert after["folds"] == again["folds"]
    assert calls == [(0, 32)] * 3
    assert run._done(part, part, SMALL.part(0, 32)) is not None
    assert run._done(part, part, SMALL.part(0, 4)) is None


def test_the_words_follow_the_numbers():
    assert verdict(2, 0.01, [1, 3, 2]) == "better"
    assert verdict(-2, 0.01, [-1, -3]) == "worse"
    for gain, p, seeds in ((2, 0.2, [2]), (2, 0.01, [3, -1]), (0, 0.01, [0.0])):
        assert verdict(gain, p, seeds) == "undecided"

    rng = np.random.default_rng(0)
    base = rng.uniform(0.4, 0.8, 60)
    up, down = base * (1.05 + 0.01 * rng.standard_normal(60)), base * (0.9 + 0.01 * rng.standard_normal(60))

    def summary(twin, source, new):
        methods = {"average": base, ANTIALIASED: base}
        part = {
            "reliability": {
                subject: {"actor": actor, **methods} for subject, actor in zip(SUBJECTS, (twin, source, new))
            }
        }
        one = {
            subject: {f"actor_vs_{m}": compare([part], subject, "actor", m) for m in methods}
            for subject in SUBJECTS
        }
        alpha = {"best": 1.25, "actor_vs_corrected": one["twin"]["actor_vs_average"]}
        return {
            "seeds": [0, 1, 2],
            "subjects": one,
            "folds": {"4": one},
            "alpha": {"twin": alpha, "ex-vivo": alpha},
        }

    good = words.conclusions(summary(up, up, up))
    assert "carries over to retinas, also to those" in good[0]
    assert "undecided" not in good[0]
    assert "better at 4; worse at none" in good[2]
    mixed = words.conclusions(summary(up, down, up))
    assert "twin's only" in mixed[0]
    assert "On the source retina (ex vivo) the actor's images are answered less like" in mixed[0]
    assert "carries over to its source, but not" in words.conclusions(summary(up, up, base))[0]
    assert "shown for the twin alone" in words.conclusions(summary(up, base, base))[0]
    assert "no gain over pixel averaging" in words.conclusions(summary(down, down, down))[0]
    lonely = words.conclusions(summary(up, up, up) | {"seeds": [0]})
    assert lonely[0].startswith("One source retina is a look")
    assert lonely[1:] == good
    assert set(PUBLISHED_FOLDS) == {2, 4, 8, 16, 32}


@pytest.mark.parametrize(
    "change",
    [{"seeds": ()}, {"seeds": (1, 1)}, {"seeds": (1000,)}, {"folds": (2,)}, {"folds": (4, 5)}, {"images": 3},
     {"test_images": 2}, {"new_retinas": 0}],
)  # fmt: skip
def test_impossible_sizes_are_a_clear_error(change):
    with pytest.raises(OntogymError):
        ReportConfig(**change)


def test_bad_input_writes_nothing(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("mine")
    assert main(["retina", "report", "--seeds", "1", "1", "--out", str(tmp_path / "a")]) == 2
    assert main(["retina", "report", "--out", str(file)]) == 2
    assert "needs a folder" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "mine"


def test_the_command_prints_the_table_and_one_json_object(report, tmp_path, capsys, monkeypatch):
    folder, summary, _ = report
    monkeypatch.setattr(run, "run_report", lambda *_, **__: summary)
    assert main(["retina", "report", "--quick", "--out", str(folder)]) == 0
    assert "Suppl. Fig. 2: mean responses, Friedman" in capsys.readouterr().out
    assert main(["retina", "report", "--out", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["file"] == str(folder / "report.html")
    assert found["subjects"]["twin"]["actor_vs_average"]["n"] == 60


def test_a_report_is_made_by_one_process(tmp_path):
    with (
        holding(tmp_path, "is making a report"),
        pytest.raises(OntogymError, match="Another process is making a report"),
    ):
        run_report(SMALL, tmp_path, show_progress=False)
