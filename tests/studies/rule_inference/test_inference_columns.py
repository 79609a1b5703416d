"""Orders and codings of tables as people have them: recognised by what they are, said, or refused by name."""

from __future__ import annotations

import datetime
import itertools
import pickle

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.readers import read_trials

HEAD = ["choice", "contrastLeft", "contrastRight", "feedbackType"]


def table(n=200, seed=0, right=0.5):
    """Choices in the IBL's coding, right three times in four, and what each trial was."""
    rng = np.random.default_rng(seed)
    left = rng.random(n) >= right
    contrast = rng.choice([1, 0.25, 0.125, 0.0], n)
    correct = rng.random(n) < 0.75
    choice = np.where(left == correct, 1, -1)
    columns = {
        "choice": choice,
        "contrastLeft": np.where(left, contrast, np.nan),
        "contrastRight": np.where(left, np.nan, contrast),
        "feedbackType": np.where(correct, 1, -1),
    }
    return columns, (choice == -1).astype(int), correct.astype(float)


def write(path, columns):
    def cell(value):
        return "" if isinstance(value, float) and np.isnan(value) else str(value)

    rows = zip(*(np.asarray(values).tolist() for values in columns.values()))
    path.write_text("\n".join([",".join(columns), *(",".join(map(cell, row)) for row in rows)]))
    return path


def in_order(path, days, column="date"):
    """The contrasts in the order in which a table with these days, ten trials each, is read."""
    n = 10 * len(days)
    columns = {
        column: np.repeat(np.array(days, dtype=object), 10),
        "choice": np.ones(n, int),
        "contrastLeft": np.repeat(np.arange(1, len(days) + 1) / 16, 10),
        "contrastRight": np.full(n, np.nan),
        "feedbackType": np.ones(n, int),
    }
    trials = read_trials(write(path, columns))
    assert trials.session[0].tolist() == sorted(trials.session[0].tolist())
    x = np.arctanh(-trials.stimulus[0, ::10] * np.tanh(5)) / 5 * 16
    return [days[round(k) - 1] for k in x]


@pytest.mark.parametrize("column", ["date", "session"])
@pytest.mark.parametrize(
    "days",
    [
        [10, 9, 100, 2],
        ["10", "9", "02"],
        [1.5, 10.25, 9.0],
        ["2020-10-09", "2020-09-30", "2019-12-31"],
        ["2020-01-01T09:59:00.5", "2020-01-01T10:00:00", "2020-01-01"],
        ["2020-01-01 10:00:00Z", "2020-01-01 10:30:00+01:00", "2020-01-01 09:45:00+0000"],
    ],
)
def test_days_are_put_in_order_as_numbers_or_times(tmp_path, days, column):
    def when(day):
        text = str(day).replace("Z", "+00:00").replace("+0000", "+00:00")
        if not isinstance(day, str) or text.isdigit():
            return float(day)
        return datetime.datetime.fromisoformat(text + "00000" * (text.count(".") == 1))

    wanted = sorted(days, key=when)
    for order in itertools.permutations(days):
        assert in_order(tmp_path / "t.csv", list(order), column) == wanted


@pytest.mark.parametrize(
    "days",
    [
        ["1/2/2020", "12/1/2019"],  # which of them is the month?
        ["2.1.2020", "1.12.2019"],
        ["2020-1-9", "2020-1-10"],
        ["9 Jan 2020", "10 Jan 2020"],
        ["2020-02-30", "2020-02-28"],
        ["2020-01-01", "3"],
        ["2020-01-01", ""],
    ],
)
def test_a_date_whose_place_in_time_is_not_told_is_refused_by_name(tmp_path, days):
    with pytest.raises(OntogymError, match=r"'date'.*(ISO dates|is empty in row 11)"):
        in_order(tmp_path / "t.csv", days)


@pytest.mark.parametrize("column", ["date", "session"])
@pytest.mark.parametrize("days", [["1", "2", ""], [1.5, 2, np.nan], ["2020-01-01", "2020-01-02", ""]])
def test_an_empty_cell_among_days_is_named_by_its_row(tmp_path, days, column):
    with pytest.raises(OntogymError, match=f"'{column}'.* is empty in row 21"):
        in_order(tmp_path / "t.csv", days, column)


def test_an_animal_that_is_not_named_in_some_rows_is_refused_with_the_first(tmp_path):
    columns, _, _ = table(6)
    subject = np.array(["a", "a", "b", "", "b", ""], dtype=object)
    with pytest.raises(OntogymError, match=r"'subject'.* is empty in row 4 \(of 2 such\)"):
        read_trials(write(tmp_path / "t.csv", {"subject": subject, **columns}))
    np.savez(tmp_path / "t.npz", subject=np.array([1, 1, 2, np.nan, 2, 2]), **columns)
    with pytest.raises(OntogymError, match=r"'subject'.* is empty in row 4 \(of 1 such\)"):
        read_trials(tmp_path / "t.npz")


def test_where_no_row_names_an_animal_there_is_one(tmp_path):
    columns, _, _ = table(6)
    for more, said in (({}, "no column 'subject'"), ({"subject": [""] * 6}, "'subject' is empty throughout")):
        trials = read_trials(write(tmp_path / "t.csv", {**more, **columns}))
        assert trials.animals == ("animal",)
        assert any(said in note and "one animal's" in note for note in trials.notes)


@pytest.mark.parametrize("n", [5, 200])
def test_a_reward_without_a_choice_is_named_by_its_row(tmp_path, n):
    columns, _, _ = table(n)
    columns["choice"][[2, 4]], columns["feedbackType"][[2, 4]] = 0, [1, -1]
    columns["choice"][0] = -1
    with pytest.raises(OntogymError, match=r"a reward without a choice .* in row 3; write feedbackType 0"):
        read_trials(write(tmp_path / "t.csv", columns))
    columns["feedbackType"][4] = 1
    with pytest.raises(OntogymError, match=r"in rows 3, 5; "):
        read_trials(write(tmp_path / "t.csv", columns))


@pytest.mark.parametrize("column", ["choice", "feedbackType"])
def test_a_missing_choice_or_feedback_is_told_what_stands_for_none(tmp_path, column):
    columns, _, _ = table(6)
    columns[column] = columns[column].astype(float)
    columns[column][3] = np.nan
    with pytest.raises(OntogymError, match=rf"'{column}'.* is empty in row 4; .*0 stands for none"):
        read_trials(write(tmp_path / "t.csv", columns))


def test_names_of_sessions_keep_the_order_of_the_table(tmp_path):
    assert in_order(tmp_path / "t.csv", ["late", "b", "a"], "session") == ["late", "b", "a"]
    assert in_order(tmp_path / "t.csv", ["1/2/2020", "12/1/2019"], "session") == ["1/2/2020", "12/1/2019"]


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [([10, 9, 100], [9, 10, 100]), (["10", "9"], ["9", "10"]), (["2020-10-01", "2020-09-01"], ["2020-09-01", "2020-10-01"])],
)  # fmt: skip
def test_pickled_sessions_are_in_order_of_their_keys(tmp_path, keys, wanted):
    sessions = {key: table(20 + k, k)[0] for k, key in enumerate(keys)}
    (tmp_path / "t.pickle").write_bytes(pickle.dumps(sessions))
    trials = read_trials(tmp_path / "t.pickle")
    lengths = [20 + keys.index(key) for key in wanted]
    assert np.bincount(trials.session[0]).tolist() == lengths


def test_pickled_sessions_of_other_keys_are_refused(tmp_path):
    for keys in (["1/2/2020", "2/1/2020"], ["2020-01-01", 3], [(1, 2)], [None]):
        (tmp_path / "t.pickle").write_bytes(pickle.dumps({key: table(9)[0] for key in keys}))
        with pytest.raises(OntogymError, match="place in time is not told"):
            read_trials(tmp_path / "t.pickle")


def coded(name, values):
    """A column in another coding."""
    return {
        "bool": values > 0,
        "text": np.where(values > 0, "True", "false"),
        "01": (values > 0).astype(int),
        "10": (values < 0).astype(int),
        "reversed": -values,
    }[name]


@pytest.mark.parametrize("feedback", ["bool", "text", "01"])
def test_feedback_of_truth_values_loses_no_error(tmp_path, feedback):
    columns, choice, reward = table(1000)
    columns["feedbackType"] = coded(feedback, columns["feedbackType"])
    columns["choice"][:20] = 0  # no choice, which counts as wrong
    columns["feedbackType"][:20] = coded(feedback, np.full(20, -1))
    trials = read_trials(write(tmp_path / "t.csv", columns))
    np.testing.assert_array_equal(trials.choice[0], choice[20:])
    np.testing.assert_array_equal(trials.reward[0], reward[20:])
    assert "980 kept, 20 left out (20 without a choice, 0 without feedback)" in trials.notes[0]
    assert "1 correct, 0 wrong" in " ".join(trials.notes)


@pytest.mark.parametrize("feedback", ["01", None])
@pytest.mark.parametrize("coding", ["bool", "text", "01", "10"])
def test_choices_of_two_values_are_told_by_their_feedback(tmp_path, coding, feedback):
    columns, choice, reward = table(1000)
    columns["choice"] = coded(coding, columns["choice"])
    if feedback:
        columns["feedbackType"] = coded(feedback, columns["feedbackType"])
    trials = read_trials(write(tmp_path / "t.csv", columns))
    np.testing.assert_array_equal(trials.choice[0], choice)
    np.testing.assert_array_equal(trials.reward[0], reward)
    assert f"choice is coded 0 {'left, 1 right' if coding == '10' else 'right, 1 left'}" in trials.notes[-1]


def test_zeros_that_mean_no_choice_are_left_out(tmp_path):
    """An animal that always turned left or not at all: 0 is no choice, since those trials were never rewarded."""
    columns, _, _ = table(300, right=0.4)
    none = columns["choice"] == -1
    columns["choice"][none] = 0
    columns["feedbackType"][none] = -1
    trials = read_trials(write(tmp_path / "t.csv", columns))
    assert trials.lengths[0] == (~none).sum()
    assert f"{none.sum()} without a choice" in trials.notes[0]


def test_codings_that_cannot_be_told_are_refused(tmp_path):
    columns, _, _ = table(400)
    random = columns | {"choice": np.random.default_rng(3).integers(0, 2, 400)}
    with pytest.raises(OntogymError, match=r"'choice'.*never -1.*do not tell"):
        read_trials(write(tmp_path / "t.csv", random))
    no_contrast = columns | {"choice": (columns["choice"] > 0).astype(int), "contrastLeft": np.zeros(400)}
    no_contrast["contrastRight"] = np.zeros(400)
    with pytest.raises(OntogymError, match="do not tell"):
        read_trials(write(tmp_path / "t.csv", no_contrast))
    for values in ({1, 2}, {-1, 0, 2}):
        odd = columns | {"choice": np.resize(sorted(values), 400)}
        with pytest.raises(OntogymError, match=r"'choice'.*-1, 0 or 1"):
            read_trials(write(tmp_path / "t.csv", odd))
    with pytest.raises(OntogymError, match=r"against their stimulus.*mend its signs"):
        read_trials(write(tmp_path / "t.csv", columns | {"choice": coded("reversed", columns["choice"])}))


def test_what_contradicts_the_stimulus_is_counted(tmp_path):
    columns, _, _ = table(400)
    columns["feedbackType"][:10] *= -1
    columns["contrastLeft"][:10] = 1
    columns["contrastRight"][:10] = np.nan
    columns["feedbackType"][:10] = -columns["choice"][:10]
    trials = read_trials(write(tmp_path / "t.csv", columns))
    assert trials.lengths[0] == 400
    assert "In 10 of " in trials.notes[-1]
