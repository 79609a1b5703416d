"""Feature extractors: what they give, that they are frozen, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from ontogym.batched.flat import batch_of_one
from ontogym.developmental.feature_extractors.base import make_extractor, split_features
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import FEATURE_EXTRACTORS

MISSION = spaces.Dict(
    {
        "direction": spaces.Discrete(4),
        "image": spaces.Box(0, 255, (7, 7, 3), np.uint8),
        "mission": spaces.Text(40),
    }
)
PICTURE = spaces.Box(0, 255, (64, 48, 3), np.uint8)


def seen(text: str = "go to the green goal") -> dict:
    image = np.arange(147, dtype=np.uint8).reshape(7, 7, 3)
    return {"direction": 2, "image": image, "mission": text}


def test_a_dict_with_a_mission_becomes_numbers_on_one_scale():
    extractor = make_extractor("flatten", MISSION)
    assert extractor.space.shape == (4 + 147 + 16,)
    numbers = extractor.extract(batch_of_one(seen()))[0]
    assert numbers[:4].tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(numbers[4:151], np.arange(147) / 255, rtol=1e-6)
    assert set(numbers[151:]) == {0.0, 1.0}
    assert extractor.space.contains(numbers)
    other = extractor.extract(batch_of_one(seen("open the red door")))[0]
    assert (other[151:] != numbers[151:]).any()
    np.testing.assert_array_equal(other[:151], numbers[:151])


def test_select_takes_parts_and_numbers():
    extractor = make_extractor({"name": "select", "keys": "image", "channels": "0:9:4", "scale": 1}, MISSION)
    assert extractor.extract(batch_of_one(seen())).tolist() == [[0.0, 4.0, 8.0]]
    assert make_extractor({"name": "select", "channels": [3, 0]}, spaces.Discrete(4)).extract(
        [3]
    ).tolist() == [[1.0, 0.0]]
    with pytest.raises(UnknownNameError, match="did you mean 'image'"):
        make_extractor({"name": "select", "keys": "imag"}, MISSION)
    with pytest.raises(OntogymError, match="picks nothing"):
        make_extractor({"name": "select", "channels": [500]}, MISSION)


@pytest.mark.parametrize("name", ["random-projection", "waves", "fractals", "untrained"])
def test_a_row_depends_on_its_own_observation_alone(name):
    extractor = make_extractor({"name": name, "size": 5}, PICTURE)
    pictures = np.random.default_rng(0).integers(0, 256, (4, *PICTURE.shape), dtype=np.uint8)
    whole = extractor.extract(pictures)
    assert whole.shape == (4, 5)
    assert whole.dtype == np.float32
    for k, picture in enumerate(pictures):
        np.testing.assert_array_equal(extractor.extract(picture[None])[0], whole[k])
    again = make_extractor({"name": name, "size": 5}, PICTURE)
    np.testing.assert_array_equal(again.extract(pictures), whole)
    assert np.ptp(whole, axis=0).max() > 0.01  # different pictures look different


def test_what_was_seen_before_decides_what_is_seen():
    bars = np.zeros((1, *PICTURE.shape), np.uint8)
    bars[:, :, ::8] = 255
    found = [make_extractor(name, PICTURE).extract(bars)[0] for name in ("waves", "fractals", "untrained")]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(found[a] - found[b]).max() > 0.1


def test_a_picture_is_found_in_a_dict_and_channels_may_come_first():
    both = spaces.Dict({"speed": spaces.Box(0, 1, (1,)), "camera": PICTURE})
    picture = np.random.default_rng(1).integers(0, 256, PICTURE.shape, dtype=np.uint8)
    plain = make_extractor("waves", PICTURE).extract(picture[None])
    np.testing.assert_array_equal(
        make_extractor("waves", both).extract(batch_of_one({"speed": [0.0], "camera": picture})), plain
    )
    beside = make_extractor({"name": "waves", "keys": "speed"}, both)
    assert beside.space.shape == (17,)
    found = beside.extract(batch_of_one({"speed": [0.25], "camera": picture}))
    np.testing.assert_array_equal(found, np.append(plain, [[0.25]], 1))
    with pytest.raises(UnknownNameError, match="did you mean 'speed'"):
        make_extractor({"name": "waves", "keys": "sped"}, both)
    first = spaces.Box(0, 255, (3, 64, 48), np.uint8)
    np.testing.assert_allclose(
        make_extractor("waves", first).extract(picture.transpose(2, 0, 1)[None]), plain, atol=1e-5
    )
    with pytest.raises(OntogymError, match="2 pictures"):
        make_extractor("waves", spaces.Dict({"a": PICTURE, "b": PICTURE}))


@pytest.mark.parametrize(
    ("choice", "space", "said"),
    [
        ("wave", PICTURE, "did you mean 'waves'"),
        ({"name": "waves", "sise": 3}, PICTURE, "did you mean 'size'"),
        ("waves", spaces.Box(-1, 1, (3,)), "sees pictures"),
        ({"name": "waves", "size": 200}, PICTURE, "choose 0 to 96"),
        ({"name": "random-projection", "size": 0}, PICTURE, "choose 1 to 512"),
        ("network", PICTURE, "network=FOLDER"),
        ({"size": 3}, PICTURE, "names no feature extractor"),
        ("flatten", spaces.Graph(spaces.Discrete(2), None), "type Graph"),
        ("waves", spaces.Box(-np.inf, np.inf, (64, 64)), "no bounds"),
    ],
)
def test_what_cannot_be_is_one_sentence(choice, space, said):
    with pytest.raises(OntogymError, match=said):
        make_extractor(choice, space)


def test_the_choice_travels_among_the_arguments_of_the_environment():
    assert split_features({"size": 7, "features": "flatten"}) == ("flatten", {"size": 7})
    assert split_features(None) == (None, {})
    assert {"flatten", "select", "random-projection", "waves", "fractals", "untrained"} <= set(
        FEATURE_EXTRACTORS
    )
