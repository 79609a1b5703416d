"""Pages: self-contained, escaped, written whole."""

from __future__ import annotations

import pytest

from ontogym.errors import OntogymError
from ontogym.figures.page import Page


def test_everything_is_in_the_file_and_text_is_escaped(tmp_path):
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG")
    page = Page("A <title>", "lead & line")
    page.heading("One")
    page.text("<script>alert(1)</script>")
    page.code("ontogym evolve --env a && b")
    page.table(("agent", "score"), [("x<y", 3)])
    page.picture(picture, 'a "caption"')
    page.write(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "x&lt;y" in html
    assert 'src="data:image/png;base64,iVBORw=="' in html
    assert "http" not in html
    assert "prefers-color-scheme: dark" in html


def test_wrong_parts_are_refused(tmp_path):
    page = Page("t")
    with pytest.raises(OntogymError, match="as long as its head"):
        page.table(("a", "b"), [(1,)])
    with pytest.raises(OntogymError, match="no picture"):
        page.picture(tmp_path / "x.exe", "c")
    with pytest.raises(OntogymError, match="Cannot read"):
        page.picture(tmp_path / "x.png", "c")
    assert page.parts == []
