"""Percepts against pulse2percept's numbers, patients, implants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.retina_env.percept.axon_map import AxonMap, Field, bundle, field_to_retina, retina_to_field
from ontogym.retina_env.percept.implants import IMPLANTS, implant
from ontogym.retina_env.percept.patients import (
    LONGEST_UM,
    Patient,
    Phosphenes,
    _brightest,
    draw_patient,
    field_of,
)

PUBLISHED = json.loads(Path(__file__).with_name("pulse2percept.json").read_text())
"""What that package gives for three stimuli of an Argus II, with its own defaults (``what`` says which)."""
STIMULI = np.asarray(PUBLISHED["stimuli"], dtype=np.float32)
WHOLE = np.ones(60, dtype=bool)


@pytest.fixture(scope="module")
def published_field():
    at = np.round(np.arange(-15, 15.01, 0.25), 6)
    return AxonMap(Field(at, at[::-1].copy()))


def see(seen, electrodes):
    """What is seen of electrode values ``(B, E)``: brightness ``(B, P)``, with the greatest taken exactly."""
    return np.maximum(seen.blended(seen.brightest(electrodes)[0]) - np.float32(seen.patient.threshold), 0)


def test_given_the_same_axons_brightness_is_that_of_pulse2percept():
    device = implant("argus-ii")
    for segments, wanted in zip(PUBLISHED["segments"], PUBLISHED["brightness_of_segments"]):
        x, y, weight = np.asarray(segments).T
        apart = (x[:, None] - device.um[:, 0]) ** 2 + (y[:, None] - device.um[:, 1]) ** 2
        spread = (weight[:, None] * np.exp(-apart / (2 * 300.0**2))).astype(np.float32)
        indptr, electrode = np.arange(len(x) + 1) * 60, np.tile(np.arange(60, dtype=np.int32), len(x))
        found, where = np.empty((3, 1), np.float32), np.empty((3, 1), np.int64)
        _brightest(indptr, electrode, spread.ravel(), np.array([0, len(x)]), STIMULI, found, where)
        np.testing.assert_allclose(found[:, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("blended", [True, False])
def test_percepts_of_its_defaults_are_those_of_pulse2percept(published_field, blended):
    seen = Phosphenes(implant("argus-ii"), published_field, Patient(300.0, 500.0, 0.0, WHOLE, 0.0), cut=1e-8)
    key = "blended_every_12th_point" if blended else "unblended_every_12th_point"
    found = see(seen, STIMULI) if blended else seen.brightest(STIMULI)[0]
    np.testing.assert_allclose(
        found.reshape(3, 121, 121)[:, ::12, ::12], np.asarray(PUBLISHED[key]).reshape(3, 11, 11), atol=1e-6
    )


def test_field_and_retina_are_inverse_and_the_eye_turns_up_to_down():
    x, y = np.meshgrid([-9.0, 0.0, 4.0], [-6.0, 0.0, 8.0])
    there = field_to_retina(x, y)
    assert (np.sign(there[1]) == -np.sign(y)).all()
    for back, known in zip(retina_to_field(*there), (x, y)):
        # Two polynomials of one publication, fitted apart.
        np.testing.assert_allclose(back, known, atol=0.15)


def test_bundles_end_at_the_raphe_and_curve_around_the_fovea():
    above, below = bundle(150.0), bundle(-150.0)
    np.testing.assert_allclose(above[0], [15.5, 1.5])
    assert above[20:, 1].min() > 0
    assert below[40:, 1].max() < 1.5
    assert above[:, 0].min() < 0 < 15.5


def test_the_greatest_has_a_slope_and_the_product_is_close():
    device = implant("argus-ii")
    axons = AxonMap(field_of(device), LONGEST_UM, every=3)
    patient = draw_patient(2, 60)
    seen = Phosphenes(device, axons, patient)
    x = np.random.default_rng(0).uniform(0, 1, (4, 60)).astype(np.float32)
    value, where = seen.brightest(x)
    slopes = np.random.default_rng(1).normal(size=value.shape).astype(np.float32)
    step = np.random.default_rng(2).normal(size=x.shape).astype(np.float32) * 1e-4
    change = ((seen.brightest(x + step)[0] - value) * slopes).sum()
    assert change == pytest.approx(float((seen.back(slopes, where) * step).sum()), rel=0.02)
    exact, fast = see(seen, x), np.maximum(x @ seen.linear.T - patient.threshold, 0)
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(exact, fast)]) > 0.99
    assert not seen.back(slopes, where)[:, ~patient.alive].any()


def test_patients_differ_and_a_seed_is_one():
    first, again, other = draw_patient(5, 60), draw_patient(5, 60), draw_patient(6, 60)
    assert first[:3] == again[:3]
    assert (first.alive == again.alive).all()
    assert first.rho_um != other.rho_um
    many = [draw_patient(k, 60) for k in range(200)]
    assert 100 <= min(p.rho_um for p in many) < 130 < 400 < max(p.rho_um for p in many) <= 500
    assert max(p.lambda_um for p in many) <= LONGEST_UM
    assert 0.05 < np.mean([1 - p.alive.mean() for p in many]) < 0.15


def test_implants_by_name_and_from_files(tmp_path):
    assert [implant(name).n for name in IMPLANTS] == [16, 60, 256]
    assert implant("argus-ii").pitch_um == 575
    path = tmp_path / "own.csv"
    path.write_text("# mine\n-300, 0\n300 0\n\n0,250\n")
    assert implant(path).um.tolist() == [[-300, 0], [300, 0], [0, 250]]
    path.write_text("x;y\n-300; 0\n300;0\n")  # as a spreadsheet saves it
    assert implant(path).um.tolist() == [[-300, 0], [300, 0]]
    for text, sentence in (
        ("1,2\n1,2\n", "apart"),
        ("1\n", "lines of x and y"),
        ("1,nan\n", "finite"),
        ("a,b\n", "no number"),
        ("x,y\n1,b\n", "no number"),
        ("99999,0\n", "15 mm"),
    ):
        path.write_text(text)
        with pytest.raises(OntogymError, match=sentence):
            implant(path)
    with pytest.raises(OntogymError, match="did you mean 'argus-ii'"):
        implant("argus-iii")
