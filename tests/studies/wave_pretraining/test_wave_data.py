"""Data sets of waves: ids, balanced choices, the split by time, silent settings, and images that only the seed decides."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

from ontogym.developmental import waves
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.studies.wave_pretraining import wave_data
from ontogym.studies.wave_pretraining.building import build
from ontogym.studies.wave_pretraining.image_set import ImageSet
from ontogym.studies.wave_pretraining.settings import chosen_settings, setting_digits

TINY = {"per_class": 20, "size": 16, "radius": 8, "minutes": 2.0, "warmup_minutes": 0.5, "gap_s": 5.0}


def number(digits):
    """The id of a setting: CON_RAD + 4 H1 + 16 H2 + 64 P + 256 T_K + 1024 D (a quarter of it without CON_RAD)."""
    return sum(digit * 4**place for place, digit in enumerate(digits))


def tiny(**changes):
    return wave_data.WaveRecipe(**{"classes": 4, **TINY, **changes})


@pytest.fixture
def silent(monkeypatch):
    """A preset none of whose cells ever fires: without H1, thresholds do not fall."""
    monkeypatch.setitem(waves.PRESETS, "silent", dataclasses.replace(waves.PRESETS["reward"], h1=0.0))


def test_ids_are_those_of_the_released_sets():
    digits = setting_digits(1 + 4 * 2 + 16 * 3 + 64 * 0 + 256 * 1 + 1024 * 2, 4096)
    assert digits == {
        "connection_rings": 1,
        "h1": 2,
        "h2": 3,
        "refractory_s": 0,
        "excitation_s": 1,
        "depolarisation_s": 2,
    }
    # For 1024: without CON_RAD, divided by four.
    assert setting_digits((4 * 2 + 16 * 3 + 256 * 1 + 1024 * 2) // 4, 1024) == {
        k: v for k, v in digits.items() if k != "connection_rings"
    }
    for classes in (1024, 4096):
        assert all(number(setting_digits(s, classes).values()) == s for s in range(0, classes, 37))
        assert (chosen_settings(classes) == np.arange(classes)).all()


def test_parameters_are_quarters_of_the_default():
    recipe = wave_data.WaveRecipe(classes=4096)
    found = recipe.parameters(number((0, 1, 2, 3, 0, 1)))
    base = waves.PRESETS["reward"]
    assert found.connection_rings == pytest.approx(0.25 * base.connection_rings)
    assert found.h1 == pytest.approx(0.75 * 5.0)
    assert found.h2 == pytest.approx(1.25 * 0.4)
    assert found.refractory_s == pytest.approx(1.75 * 30)
    assert found.excitation_s == pytest.approx(0.25 * 0.2)
    assert found.depolarisation_s == pytest.approx(0.75 * 1.25)
    assert found.dendritic_radius_um == 170


def test_faithful_con_rad_has_four_labels_for_one_dynamics():
    recipe = wave_data.WaveRecipe(classes=4096, faithful_con_rad=True)
    assert len({recipe.parameters(k) for k in range(4)}) == 1
    assert recipe.parameters(0) != recipe.parameters(4)
    assert len({wave_data.WaveRecipe(classes=4096).parameters(k) for k in range(4)}) == 4


@pytest.mark.parametrize("classes", [5, 64, 100, 256, 1000, 1025, 2000])
def test_fewer_classes_are_a_balanced_choice(classes):
    chosen = chosen_settings(classes)
    assert len(set(chosen)) == classes
    assert (np.diff(chosen) > 0).all()
    digits = np.array([list(setting_digits(int(s), classes).values()) for s in chosen])
    for column in digits.T:
        counts = np.bincount(column, minlength=4)
        assert counts.max() - counts.min() <= 1
    if classes in (64, 256):
        for left in range(5):
            for right in range(left):
                pairs = np.bincount(4 * digits[:, left] + digits[:, right], minlength=16)
                assert (pairs == classes // 16).all()
    assert set(chosen_settings(40)) < set(chosen_settings(64))


def test_images_depend_on_seed_and_setting_alone(tmp_path):
    one = build(tiny(), tmp_path / "one", workers=1)
    two = build(tiny(), tmp_path / "two", workers=2)
    assert one == two
    hashes = {e["name"]: e["sha256"] for e in one["classes"]}
    assert len(set(hashes.values())) == 4
    more = build(tiny(classes=5), tmp_path / "more")
    assert hashes.items() <= {e["name"]: e["sha256"] for e in more["classes"]}.items()
    other = build(tiny(seed=1), tmp_path / "other")
    assert not set(hashes.values()) & {e["sha256"] for e in other["classes"]}
    images = ImageSet.open(tmp_path / "one")
    assert (len(images.train), len(images.validation)) == (64, 16)
    assert images.name == "rwave-4"
    assert set(np.unique(images.read(np.arange(len(images))))) == {0, 255}


class Script:
    """A simulator that shows what a script says: fraction of active cells as a function of the second."""

    dt_ms = 25.0
    shows = staticmethod(lambda second: 0.5)
    skips: list[float]
    """Seconds of every advance that was longer than a frame, and of the frames between them."""

    def __init__(self, parameters, radius):
        self.parameters, self.grid = parameters, waves.HexGrid(radius)
        # Scattered over the retina, so that every square sees its share.
        self.order = np.random.default_rng(0).permutation(len(self.grid.axial))

    def fresh(self, seeds):
        Script.skips = [0.0]
        return types.SimpleNamespace(step=0, active=np.zeros((1, len(self.order)), bool))

    def advance(self, state, steps, inplace=False):
        assert inplace
        state.step += steps
        if steps == 4:
            Script.skips[-1] += 0.1
        else:
            Script.skips += [steps / 40, 0.0]
        state.active = self.order[None] < self.shows(state.step / 40) * len(self.order)
        return state


@pytest.fixture
def scripted(monkeypatch):
    def use(shows, **changes):
        monkeypatch.setattr(waves, "WaveSimulator", Script)
        monkeypatch.setattr(Script, "shows", staticmethod(shows))
        recipe = tiny(classes=1, minutes=10.0, gap_s=60.0, per_class=50, **changes)
        made = recipe.make(0)
        return recipe, made, Script.skips

    return use


def test_the_split_is_by_time_with_a_gap(scripted):
    """The fraction of active cells rises all the time, so the brightness of an image tells when it was taken."""
    _, made, asked = scripted(lambda second: second / 700)
    # 0.5 min of warm-up, 80 % of 10 min less the gap, the gap, 20 %.
    assert asked == pytest.approx([0, 30, 432, 60, 108])
    assert (len(made.train), len(made.validation)) == (40, 10)
    train, validation = (np.unpackbits(rows, axis=1).sum(1) for rows in (made.train, made.validation))
    assert validation.min() > train.max()
    # Evenly over their stretches.
    assert np.corrcoef(np.arange(40), train)[0, 1] > 0.99


def test_the_threshold_is_scaled_to_the_image(scripted):
    recipe, made, _ = scripted(lambda second: 0.5, threshold=20_000)
    assert recipe.pixel_threshold == pytest.approx(20_000 / 256)
    assert np.unpackbits(made.train, axis=1).sum(1).min() > 20_000 / 256
    assert made.facts["train_from"] == {"seconds": 432.0, "threshold": round(20_000 / 256, 2)}
    assert made.warning is None


def test_too_few_prolong_the_run_then_lower_the_threshold(scripted):
    """One short wave in the first seconds, then faint activity: about 25 of 256 pixels, where 78 are asked for."""
    _, made, asked = scripted(lambda second: 0.5 if second < 32 else 0.1, threshold=20_000)
    # The first stretch, to four times its length and no further; the second, all below the threshold, not at all.
    assert asked[2::2] == pytest.approx([4 * 432, 108])
    threshold = made.facts["train_from"]["threshold"]
    assert threshold in [round(20_000 / 256 * 0.75**k, 2) for k in range(3, 7)]
    assert np.unpackbits(made.train, axis=1).sum(1).min() > threshold
    assert "lower threshold" in made.warning
    assert len(made.train) == 40


def test_too_few_images_are_repeated(scripted):
    _, made, _ = scripted(
        lambda second: 0.5 if 30 <= second < 31 or 60 <= second < 61 or second > 1900 else 0.0
    )
    # The first stretch saw 9 frames of the one second and 10 of the other.
    assert made.facts["train_from"]["repeated"] == 40 - 19
    assert len(made.train) == 40
    assert "repeated" in made.warning


def test_a_silent_setting_ends_with_a_warning_and_a_record(tmp_path, silent):
    with pytest.warns(UserWarning, match=r"Class 0000 of rwave-1 is silent: black images"):
        manifest = build(tiny(classes=1, preset="silent", minutes=0.5), tmp_path / "set")
    entry = manifest["classes"][0]
    assert entry["train_from"]["black"] == 16
    assert entry["validation_from"]["black"] == 4
    images = ImageSet.open(tmp_path / "set")
    assert len(images) == 20
    assert not images.read(np.arange(20)).any()


def test_a_stretch_that_is_silent_is_told_apart(scripted):
    _, made, _ = scripted(lambda second: 0.5 if second < 300 else 0.0)
    assert "black" not in made.facts["train_from"]
    assert made.facts["validation_from"]["black"] == 10
    assert "one of its two stretches" in made.warning


def test_a_pool_keeps_every_second_one_evenly():
    pool = wave_data._Pool(8, 1)
    for start in range(0, 100, 7):
        times = np.arange(start, min(start + 7, 100))
        pool.add(times[:, None].astype(np.uint8), times, times)
    assert 4 <= len(pool) <= 8
    assert pool.times.tolist() == list(range(0, 100, pool.every))
    assert (pool.rows[:, 0] == pool.times).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"classes": 0},
        {"classes": 4097},
        {"per_class": 0},
        {"radius": 0},
        {"size": 18},
        {"threshold": -1},
        {"threshold": float("nan")},
        {"minutes": 0},
        {"minutes": float("inf")},
        {"warmup_minutes": -1},
        {"gap_s": float("nan")},
        {"validation": 1.0},
        {"validation": float("nan")},
    ],
)
def test_bad_values_are_refused(bad):
    with pytest.raises(OntogymError, match="choose"):
        tiny(**bad)


def test_an_unknown_preset_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="reward"):
        tiny(preset="rewrad")
