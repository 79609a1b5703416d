"""Words and numbers of the site: nothing hides, nothing leaves its folder."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogym.leaderboard.site.text import brief, pretty_json, safe_name, visible


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


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_any_value_is_printed_as_json_of_the_same_value(value):
    assert json.loads(pretty_json(value)) == value


def test_what_took_exponential_time_is_printed_as_it_is():
    value = {"training": {"unknown": [-1] * 2000 + ["x"], "1" * 3000: ["1e-" * 2000]}}
    assert pretty_json(value).startswith('{\n  "training": {\n    "unknown": [-1, -1, -1')
    assert "… 1977 more" in pretty_json(value)


@pytest.mark.parametrize(
    "text",
    ["-1, " * 3000 + "x", "[" * 4000, "\\" * 4001 + '"', "1e-" * 3000, "{" * 2000 + "}" * 1999, '", ' * 3000],
    ids=["numbers", "brackets", "backslashes", "exponents", "braces", "quotes"],
)
def test_no_text_takes_exponential_time(text):
    """Each was or could have been read twice at every place; a second of it would be a fault already."""
    assert pretty_json({"notes": [text, text]}).startswith('{\n  "notes": ["')
