"""Words and numbers of the site: nothing hides, nothing leaves its folder."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogym.leaderboard.site.text import (
    NO_NUMBER,
    brief,
    budget,
    duration,
    number,
    pretty_json,
    safe_name,
    visible,
)


@pytest.mark.parametrize(
    "code", [0x202E, 0x2066, 0x200B, 0x00AD, 0xFEFF, 0xE0041, 0x07, 0x0D, 0xD800, 0x2028]
)
def test_what_hides_or_reorders_is_written_as_its_code_point(code):
    assert visible(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"


@pytest.mark.parametrize(
    "text", ["LNDP (identity)", "Größe 测试 עברית العربية", "tab\tand\nline", "naïve e\u0301", "🧠"]
)
def test_ordinary_text_of_any_script_stays(text):
    assert visible(text) == text


def test_piles_of_marks_are_cut():
    assert visible("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 3 + "b"


@given(st.text())
def test_visible_text_can_be_encoded_and_is_stable(text):
    shown = visible(text)
    shown.encode()
    assert visible(shown) == shown


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_file_names_are_plain_short_and_different(first, second):
    name = safe_name(*first)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)
    assert len(name) <= 140
    assert ".." not in name or first == [name]
    assert (name == safe_name(*second)) == (first == second)


@pytest.mark.parametrize("text", ["../../etc/passwd", "..", ".", "a/b", "a\\b", "CON:", "", "\x00", "-rf"])
def test_paths_do_not_leave_the_folder(text):
    assert not set(safe_name(text)) & set('/\\:\x00"<>')
    assert safe_name(text) not in (".", "..", "")
    assert not safe_name(text).startswith((".", "-"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, NO_NUMBER),
        (float("nan"), NO_NUMBER),
        (float("inf"), NO_NUMBER),
        (0.0, "0.00"),
        (-0.0001, "−1.00e−04"),
        (0.5, "0.50"),
        (-3.14159, "−3.14"),
        (42.0, "42.0"),
        (499.6, "500"),
        (123456.0, "123456"),
        (2.5e9, "2.50e+09"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


def test_steps_and_times():
    assert [budget(v) for v in (None, 950, 12_500, 3_200_000, 4e9)] == [
        NO_NUMBER,
        "950",
        "12.5 k",
        "3.2 M",
        "4 G",
    ]
    assert [duration(v) for v in (None, 42, 210, 7560)] == [NO_NUMBER, "42 s", "3.5 min", "2.1 h"]


def test_brief_is_one_line():
    assert brief("a\n b\t c") == "a b c"
    assert brief("x" * 100, 10) == "x" * 9 + "…"


def test_manifests_keep_their_meaning_and_lists_of_numbers_take_one_line():
    value = {"a": [1, 2.5, -3e-7, None], "b": {"c": ["x", "[1,\n2]"]}, "d": []}
    text = pretty_json(value)
    assert json.loads(text) == value
    assert '"a": [1, 2.5, -3e-07, null]' in text


def test_long_manifests_are_shortened_and_say_so():
    assert "… 76 more" in pretty_json({"curve": list(range(100))})
    assert "cut here" in pretty_json({"notes": "x" * 50_000})
