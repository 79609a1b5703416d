"""Files of real animals, made here in small; malformed ones and hostile pickles are refused and run nothing."""

from __future__ import annotations

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.archives import load_npz
from ontogym.studies.rule_inference.model.readers import read_trials
from ontogym.studies.rule_inference.model.trials import stimulus
from ontogym.studies.rule_inference.model.unpickling import unpickle

HEAD = "choice,contrastLeft,contrastRight,feedbackType"


def session(n, seed):
    """A session as ibllib has it."""
    rng = np.random.default_rng(seed)
    left = rng.integers(0, 2, n).astype(bool)
    contrast = rng.choice([1, 0.25, 0.0], n)
    choice = rng.choice([-1, 1], n)
    return {
        "choice": choice,
        "contrastLeft": np.where(left, contrast, np.nan),
        "contrastRight": np.where(left, np.nan, contrast),
        "feedbackType": np.where((choice == 1) == left, 1, -1),
        "task_protocol": np.array("biased"),
    }


def psytrack_data(n=30):
    rng = np.random.default_rng(0)
    s1, s2, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), rng.integers(1, 3, n).astype(float)
    answer = np.where(s1[:, 0] > s2[:, 0], 2, 1)
    days = np.array([n - 12, 12])
    return {"name": "W1", "y": y, "answer": answer, "dayLength": days, "inputs": {"s1": s1, "s2": s2}}


@pytest.mark.parametrize("protocol", [2, 4])
def test_ibllibs_sessions_in_order_of_their_dates(tmp_path, protocol):
    days = {"2020-08-26": session(9, 1), "2020-08-21": session(7, 2)}
    days["2020-08-21"]["choice"][2] = 0
    file = tmp_path / "trials_test.pickle"
    file.write_bytes(pickle.dumps(days, protocol=protocol))
    trials = read_trials(file)
    assert trials.animals == ("mouse",)
    assert trials.session[0].tolist() == [0] * 6 + [1] * 9
    last = days["2020-08-26"]
    right = (last["choice"] == -1).astype(int)
    np.testing.assert_array_equal(trials.choice[0, 6:], right)
    np.testing.assert_array_equal(trials.reward[0, 6:], last["feedbackType"] == 1)
    contrast = [np.nan_to_num(last[f"contrast{side}"]) for side in ("Left", "Right")]
    np.testing.assert_array_equal(trials.stimulus[0, 6:], stimulus(*contrast))
    # The true side also of trials without contrast: the side that was not chosen, after an error.
    np.testing.assert_array_equal(trials.side[0, 6:], np.isnan(last["contrastLeft"]))
    assert trials.day_start[0].nonzero()[0].tolist() == [0, 6]
    assert trials.initial is None


def test_psytracks_rat(tmp_path):
    data = psytrack_data()
    np.savez(tmp_path / "rat.npz", D=data)
    trials = read_trials(tmp_path / "rat.npz")
    assert trials.animals == ("W1",)
    np.testing.assert_array_equal(trials.choice[0], data["y"] == 2)
    np.testing.assert_array_equal(trials.reward[0], data["y"] == data["answer"])
    assert ((trials.stimulus[0] > 0) == (trials.side[0] == 1)).all()
    assert trials.session[0].tolist() == [0] * 18 + [1] * 12


def test_a_table_of_several_mice_with_sessions_and_gaps(tmp_path):
    rows = [
        "b,2020-02-02,1,,1,-1",
        "a,2020-01-02,1,0.5,,1",
        "a,2020-01-01,-1,,0.25,1",
        "a,2020-01-01,0,1,,0",
        "a,2020-01-01,1,0,,-1",
        "b,2020-02-02,-1,,-0.5,1",
    ]
    file = tmp_path / "ibl.csv"
    file.write_text("\n".join(["subject,date," + HEAD, *rows]) + "\n")
    trials = read_trials(file)
    assert trials.animals == ("a", "b")
    assert trials.lengths.tolist() == [3, 2]
    np.testing.assert_allclose(trials.stimulus[1, :2], [1, np.tanh(2.5) / np.tanh(5)])
    assert trials.choice[0].tolist() == [1, 0, 0]  # the earlier date first
    assert trials.side[0].tolist() == [1, 1, 0]  # an error to the left at no contrast: the side was right
    assert trials.session[0].tolist() == [0, 0, 1]
    assert not trials.valid[1, 2]


def test_the_same_table_as_npz_of_columns(tmp_path):
    columns = {k: v for k, v in session(20, 3).items() if k != "task_protocol"}
    np.savez(tmp_path / "t.npz", **columns)
    lines = [",".join(str(columns[k][i]) for k in HEAD.split(",")) for i in range(20)]
    (tmp_path / "t.csv").write_text("\n".join([HEAD, *lines]))
    a, b = read_trials(tmp_path / "t.npz"), read_trials(tmp_path / "t.csv")
    np.testing.assert_array_equal(a.stimulus, b.stimulus)
    np.testing.assert_array_equal(a.side, b.side)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("choice,contrastLeft,feedbackType\n1,1,1\n", "no column 'contrastRight'"),
        (f"{HEAD}\n1,1,,1\n2,1,,1\n", "'choice'.*2 in row 2"),
        (f"{HEAD}\n1,1,,1\nleft,1,,1\n", "'choice'.*'left' in row 2"),
        (f"{HEAD}\n1,25,,1\n", "'contrastLeft'.*25 in row 1"),
        (f"{HEAD}\n1,-0.5,,1\n", "'contrastLeft'.*-0.5 in row 1"),
        (f"{HEAD}\n1,1,,1\n1,1,,\n", "'feedbackType'.*is empty in row 2; .* 0 stands for none"),
        (f"{HEAD}\n1,1,,1\n1,1,1\n", "Row 2 .* has 3 cells for 4"),
        (f"{HEAD}\n0,1,,0\n", "no animal"),
        ("", "no column 'choice'"),
    ],
)
def test_malformed_tables_name_column_and_row(tmp_path, text, message):
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(OntogymError, match=message):
        read_trials(file)


def test_other_files_that_cannot_be_read(tmp_path):
    with pytest.raises(OntogymError, match="There is no file"):
        read_trials(tmp_path / "no.csv")
    (tmp_path / "t.xlsx").write_bytes(b"x")
    with pytest.raises(OntogymError, match="no kind of file"):
        read_trials(tmp_path / "t.xlsx")
    (tmp_path / "t.npz").write_bytes(b"PK no")
    with pytest.raises(OntogymError, match="no readable npz"):
        read_trials(tmp_path / "t.npz")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00choice")
    with pytest.raises(OntogymError, match="UTF-8"):
        read_trials(tmp_path / "t.csv")
    broken = psytrack_data()
    broken["answer"] = broken["answer"][:-1]
    np.savez(tmp_path / "rat.npz", D=broken)
    with pytest.raises(OntogymError, match="differ in length"):
        read_trials(tmp_path / "rat.npz")
    broken = psytrack_data()
    broken["y"][4] = 3
    np.savez(tmp_path / "rat.npz", D=broken)
    with pytest.raises(OntogymError, match=r"'y'.*3 in row 5"):
        read_trials(tmp_path / "rat.npz")
    whole = pickle.dumps({"day": session(9, 1)})
    (tmp_path / "cut.pickle").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OntogymError, match="no readable pickle"):
        read_trials(tmp_path / "cut.pickle")


class Runs:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize(
    ("hostile", "name"),
    [
        (lambda mark: Runs(os.system, f"touch {mark}"), "system"),
        (lambda mark: Runs(exec, f"open({str(mark)!r}, 'w')"), "exec"),
        (lambda mark: Runs(eval, f"open({str(mark)!r}, 'w')"), "eval"),
        (lambda mark: Runs(getattr, "text", "upper"), "getattr"),
        (lambda mark: Runs(np.load, str(mark)), "numpy"),
        (lambda mark: Runs(np.fromfile, str(mark)), "fromfile"),
    ],
)
def test_hostile_pickles_are_refused_by_name_and_run_nothing(tmp_path, hostile, name):
    mark = tmp_path / "mark"
    (tmp_path / "t.pickle").write_bytes(pickle.dumps({"day": hostile(mark)}))
    np.savez(tmp_path / "t.npz", D=np.array({"y": hostile(mark)}, dtype=object))
    for file in ("t.pickle", "t.npz"):
        with pytest.raises(OntogymError, match=name) as caught:
            read_trials(tmp_path / file)
        assert "nothing was executed" in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I100000000000\ntS'b'\ntR.",
        b"cnumpy\nndarray\n((I1000000\ntS'f8'\ntR.",  # memory that nobody has filled
        b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00V8\x88\x89tR.",
        b"\x80\x02cnumpy\ndtype\nN}X\x08\x00\x00\x00__doc__KU\x86b.",  # changes a function of ours
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"cnumpy\ndtype\n((lp0\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(I1\nS'x'\ntR.",
        b"cnumpy\nndarray.tofile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"Pbuiltins.print\n.",
        b"cposix\nsystem\n(S'true'\ntR.",
        b"",
    ],
)
def test_odd_uses_of_allowed_names_are_refused_too(data):
    with pytest.raises(OntogymError):
        unpickle(data, "it")


def test_a_forged_dtype_that_reads_memory_as_objects_is_refused():
    class Forged:
        def __reduce__(self):
            fields = {"a": (np.dtype("O"), 0)}
            return np.dtype, ("f8", False, True), (3, "|", None, ("a",), fields, 8, 1, 0)

    with pytest.raises(OntogymError, match=r"numpy\.dtype with an unusual state"):
        unpickle(pickle.dumps(Forged()), "it")


def test_an_array_that_claims_more_than_its_bytes_is_refused():
    class Forged:
        def __reduce__(self):
            reconstruct, arguments, (version, _, dtype, order, raw) = np.arange(3).__reduce__()
            return reconstruct, arguments, (version, (10**12,), dtype, order, raw)

    with pytest.raises(OntogymError, match="bytes do not fill"):
        unpickle(pickle.dumps(Forged()), "it")


def test_shared_and_circular_parts_take_no_more_than_their_share():
    nest: list = [np.arange(2)]
    for _ in range(60):
        nest = [nest, nest]
    circle: list = [np.arange(3)]
    circle.append(circle)
    found = unpickle(pickle.dumps((nest, circle)), "it")
    np.testing.assert_array_equal(found[1][1][1][0], [0, 1, 2])


def test_numpys_own_pickles_are_read_whole():
    value = {
        "a": np.arange(6).reshape(2, 3)[:, ::-1],
        "b": np.float32(2.5),
        "c": np.array(["x", "yz"]),
        "d": np.array([{"e": 1}, None], dtype=object),
        "f": [1, "t", (None, True)],
        "g": np.asfortranarray(np.arange(6.0).reshape(2, 3)).astype(">f8"),
        "h": (np.array([True, False]), np.dtype("i4")),
    }
    for protocol in (2, 4, 5):
        found = unpickle(pickle.dumps(value, protocol=protocol), "it")
        np.testing.assert_array_equal(found["a"], value["a"])
        assert (found["b"], found["f"]) == (2.5, value["f"])
        assert found["c"].tolist() == ["x", "yz"]
        assert found["d"].tolist() == [{"e": 1}, None]
        np.testing.assert_array_equal(found["g"], value["g"])
        assert found["h"][0].tolist() == [True, False]
        assert found["h"][1] == np.dtype("i4")


def test_an_npz_member_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("D.npy", io.BytesIO(b"not an array").getvalue())
    with pytest.raises(OntogymError, match="no readable npz"):
        load_npz(tmp_path / "t.npz")


@pytest.mark.parametrize("spelt", ["Subject", "subjects", "subject_id", " SUBJECT ID"])
def test_a_column_in_another_spelling_is_not_passed_over(tmp_path, spelt):
    (tmp_path / "t.csv").write_text(f"{HEAD},{spelt}\n1,1,,1,a\n-1,,1,1,b\n")
    with pytest.raises(OntogymError, match="no column 'subject' but one"):
        read_trials(tmp_path / "t.csv")


def test_a_table_without_subjects_says_whose_trials_it_takes_them_for(tmp_path):
    (tmp_path / "t.csv").write_text(f"{HEAD},mouse\n1,1,,1,a\n-1,,1,1,b\n")
    assert "There is no column 'subject': all rows are one animal's." in read_trials(tmp_path / "t.csv").notes


@pytest.mark.parametrize(("mark", "name"), [("\t", "tabs"), (";", "semicolons")])
def test_columns_between_other_marks_are_named(tmp_path, mark, name):
    (tmp_path / "t.csv").write_text(f"{HEAD}\n1,1,,1\n".replace(",", mark))
    with pytest.raises(OntogymError, match=f"separated by {name}; save it with commas"):
        read_trials(tmp_path / "t.csv")


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(OntogymError, match="is a folder; name one table"):
        read_trials(tmp_path)


def test_trials_without_a_contrast_on_either_side_are_counted(tmp_path):
    (tmp_path / "t.csv").write_text(f"{HEAD}\n" + "1,1,,1\n-1,,1,1\n1,,,1\n" * 20)
    notes = read_trials(tmp_path / "t.csv").notes
    assert (
        "20 trials have a contrast on neither side, which is read as no stimulus (0); drop them if it is not known."
        in notes
    )
