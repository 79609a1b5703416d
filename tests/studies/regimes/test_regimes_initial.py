"""Initial matrices: norms, ranks, signs; and connectomes from files, good and bad."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.regimes.model.connectome import read_connectome
from ontogym.studies.regimes.model.initial import (
    FAMILIES,
    gain_matched,
    initial_weights,
    spectral_radius,
)

N = 40


def draw(family, **options):
    return initial_weights(family, N, np.random.default_rng(3), **options)


@pytest.mark.parametrize("match", ["fro", "spectral_radius"])
@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_as_large_as_the_gaussian_of_their_seed(family, match):
    drawn, gaussian = draw(family, match=match), draw("gaussian")
    field = "frobenius" if match == "fro" else "spectral_radius"
    assert getattr(drawn, field) == pytest.approx(getattr(gaussian, field))
    assert drawn.frobenius == pytest.approx(np.linalg.norm(drawn.weights))
    assert drawn.spectral_radius == pytest.approx(spectral_radius(drawn.weights))
    assert gaussian.frobenius == pytest.approx(1.25 * np.sqrt(N), rel=0.1)


@pytest.mark.parametrize("rank", [1, 5, N])
def test_rank_sweep_keeps_the_norm_and_sets_the_rank(rank):
    drawn = draw("gaussian", rank=rank)
    assert np.linalg.matrix_rank(drawn.weights) == rank
    assert drawn.frobenius == pytest.approx(draw("gaussian").frobenius)


def test_columns_of_dale_have_one_sign_and_balanced_rows_sum_to_zero():
    for family in ("dale", "dale-balanced"):
        signs = np.sign(draw(family).weights)
        assert (signs == signs[:1]).all()
        assert (signs[0] > 0).mean() == pytest.approx(0.8)
    assert np.abs(draw("dale-balanced").weights.sum(1)).max() < 1e-9
    # The gotcha of Frobenius matching: a common sign makes an outlying eigenvalue.
    assert draw("dale").spectral_radius > 2 * draw("gaussian").spectral_radius
    assert draw("dale-balanced").spectral_radius < draw("gaussian").spectral_radius


def test_blocks_have_means_that_chains_and_gaussians_lack():
    blocks = draw("blocks").weights.reshape(4, 10, 4, 10)
    between, within = blocks.mean((1, 3)).std(), blocks.std((1, 3)).mean()
    assert between > within
    # Chain motifs: what comes in and what goes out of a cell go together.
    for family, low, high in (("chain", 0.4, 1), ("gaussian", -0.4, 0.4)):
        w = draw(family).weights
        assert low < np.corrcoef(w.sum(0), w.sum(1))[0, 1] < high


def test_gain_control_has_full_rank_and_the_low_ranks_radius():
    low, full = draw("gaussian", rank=1), draw("gaussian")
    control = gain_matched(full.weights, low.weights)
    assert spectral_radius(control) == pytest.approx(low.spectral_radius)
    assert np.linalg.matrix_rank(control) == N


def test_a_given_matrix_is_embedded_and_matched_if_asked():
    given = np.array([[0.0, 2.0], [0.5, 0.0]])
    plain = draw("matrix", adjacency=given, match="none")
    np.testing.assert_array_equal(plain.weights[:2, :2], given)
    assert plain.weights[2:].any() == plain.weights[:, 2:].any() == False  # noqa: E712
    assert draw("matrix", adjacency=given).frobenius == pytest.approx(draw("gaussian").frobenius)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: draw("gausian"), "did you mean 'gaussian'"),
        (lambda: draw("gaussian", match="frob"), "did you mean 'fro'"),
        (lambda: draw("gaussian", rank=0), "Rank 0"),
        (lambda: draw("gaussian", rank=N + 1), "Rank 41"),
        (lambda: draw("matrix"), "needs a matrix"),
        (lambda: draw("matrix", adjacency=np.ones((2, 3))), "not square"),
        (lambda: draw("matrix", adjacency=np.ones((N + 1, N + 1))), "does not fit"),
        (lambda: draw("matrix", adjacency=np.full((2, 2), np.nan)), "row 0, column 0"),
        (lambda: draw("matrix", adjacency=np.tri(4, k=-1), match="spectral_radius"), "of 0"),
    ],
)
def test_bad_input_is_named(make, says):
    with pytest.raises(OntogymError, match=says):
        make()


def test_connectomes_of_both_kinds(tmp_path):
    matrix = np.random.default_rng(0).standard_normal((3, 3))
    np.save(tmp_path / "a.npy", matrix)
    np.savetxt(tmp_path / "a.csv", matrix, delimiter=",")
    rows = [",".join(["", "x", "y", "z"])] + [
        f"{n}," + ",".join(map(repr, r.tolist())) for n, r in zip("xyz", matrix)
    ]
    (tmp_path / "named.csv").write_text("\n".join(rows))
    for name in ("a.npy", "a.csv", "named.csv"):
        np.testing.assert_allclose(read_connectome(tmp_path / name), matrix)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"1,2\n3", "data row 1 has 1"),
        ("a.csv", b"1,2\n3,x\n", "'x' at data row 1, column 1"),
        ("a.csv", b"1,2\n3,nan\n", "row 1, column 1"),
        ("a.csv", b"1,2,3\n4,5,6\n", "square"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"\xff\xfe\x00", "CSV"),
        ("a.npy", b"\x80\x04]", "NumPy"),
        ("a.txt", b"1", r"\.npy or \.csv"),
    ],
)
def test_malformed_connectomes_are_named(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OntogymError, match=says):
        read_connectome(tmp_path / name)


def test_pickles_and_objects_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    np.save(tmp_path / "c.npy", np.eye(2) * 1j)
    with pytest.raises(OntogymError, match="NumPy"):
        read_connectome(tmp_path / "o.npy")
    with pytest.raises(OntogymError, match="real numbers"):
        read_connectome(tmp_path / "c.npy")
    with pytest.raises(OntogymError, match="no file"):
        read_connectome(tmp_path / "none.npy")


@pytest.mark.parametrize(
    "header", [b"{'descr': '<f8', ", b"{" * 40, b"\xff\xfe", b"{'descr': '|O', 'shape': (2, 2)}"]
)
def test_an_array_whose_header_is_damaged_is_a_sentence(tmp_path, header):
    path = tmp_path / "damaged.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(32))
    with pytest.raises(OntogymError, match="no plain NumPy array"):
        read_connectome(path)
