"""Names that people read: what a label may be written with, and when two labels look alike.

A label is in Unicode's composed form (NFC), every character of it is visible, and its letters belong to one script
(Greek letters may stand beside Latin ones, as in "TD(λ)"), one that readers can be expected to tell apart. What still
looks alike has the same `skeleton` (after Unicode Technical Standard 39, with a table of our own: the scripts below
only).
"""

from __future__ import annotations

import unicodedata

from ontogym.leaderboard.limits import Refused, check_text

__all__ = ["check_label", "check_name", "skeleton"]

MAX_LABEL = 80
_SCRIPTS = (
    "LATIN", "GREEK", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "ARABIC", "HEBREW", "DEVANAGARI", "THAI",
)  # fmt: skip
_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}
# Unicode calls them letters, marks or symbols, and shows nothing (its property Default_Ignorable_Code_Point, and the
# blank of Braille).
_BLANK = {
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0,
    *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0),
}  # fmt: skip
_LOOKS_LIKE = str.maketrans(
    # Cyrillic, then Greek; after case folding where the small forms look alike too, capitals before it.
    "АВЕЅЗІЈКМНОРСТУХҮԚԜаесԁіјһоԛрѕѵԝухѡᴦ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹαικνορυχϲ",
    "ABES3IJKMHOPCTYXYQWaecdijhoqpsvwyxwr" + "ABEZHIKMNOPTYXCaiKvopuxc",
)
# Close enough to be overlooked, but what whole words of their languages are written with: compared, and never refused
# by themselves. Small Cyrillic, small Greek, and Latin letters with strokes or hooks, which Unicode does not take apart.
_RESEMBLES = str.maketrans(
    "вгзиклмнптцшьγηωτεσςβμπζξφ" + "łøđħŧŋĸðþß",
    "br3ukjmhntuwbynwteoobunzeo" + "lodhtnkdpb",
)
_EAST_ASIAN_LOOKS = str.maketrans("ニロトカエタハオヘリ", "二口卜力工夕八才へり")  # after NFKD
_DIGITS = str.maketrans("01|5", "olls")


_SYMBOLS = frozenset("±×÷°→←↔↑↓≥≤≈≠√∞∆∇∑∏∂§†‡–—‐‑‒―…‘’“”«»·•‧′″¿¡、。「」『』（）！？：；，")
"""Signs beyond ASCII that say something and look like no letter or digit, dashes and quotes of all kinds."""


def check_label(value: object, what: str = "The label") -> str:
    """`value` if it can stand in a ranking.

    Raises:
        Refused: not text, empty, too long, not composed (NFC), with blanks at an end or two in a row, with characters
            that show nothing, stand for others or come from mixed scripts, or without a letter or digit.
    """
    text = check_name(value, what, MAX_LABEL)
    if not any(c.isalnum() for c in text):
        raise Refused(f"{what} has no letter and no digit; give a name that can be read aloud.")
    for c in text:
        odd = unicodedata.category(c)[0] in "NSP" and ord(c) > 127 and c not in _SYMBOLS
        if odd:
            raise Refused(
                f"{what} holds U+{ord(c):04X} ({unicodedata.name(c, 'no name').lower()}), a sign that can stand for another "
                "or for a judgement; write it in letters, digits and common punctuation."
            )
    scripts = {_script(c, what) for c in text if c.isalpha()}
    mixed = len(scripts) > 1 and not scripts <= {"LATIN", "GREEK"} and not scripts <= {"LATIN", *_EAST_ASIAN}
    if mixed:
        raise Refused(
            f"{what} mixes letters of the scripts {', '.join(sorted(scripts)).lower()}, which can look alike; write it "
            "in one."
        )
    foreign = [c for c in text if ord(c) > 127 and c.isalpha()]
    if foreign and skeleton(text, fold=False).isascii() and scripts & {"GREEK", "CYRILLIC"}:
        raise Refused(
            f"{what} is written in {min(scripts).lower()} letters that look Latin; write it in Latin ones."
        )
    return text


def check_name(value: object, what: str, most: int, empty: bool = False) -> str:
    """Text on one line of which every character is visible, composed, and none is a stand-in for another.

    Raises:
        Refused: it is not.
    """
    text = check_text(value, what, most)
    if not text and empty:
        return text
    if not text or text != " ".join(text.split(" ")).strip() or "  " in text:
        raise Refused(f"{what} is empty, or has blanks at an end or two in a row; write it without.")
    for character in text:
        if ord(character) in _BLANK or (character.isspace() and character != " "):
            raise Refused(f"{what} holds U+{ord(character):04X}, which shows nothing; leave it out.")
    if unicodedata.normalize("NFC", text) != text:
        raise Refused(f"{what} is not in composed form (Unicode NFC); type its accents as one character.")
    if unicodedata.normalize("NFKC", text) != text:
        raise Refused(
            f"{what} holds characters that stand for others (wide, raised, mathematical); write them plainly."
        )
    for before, mark in zip(" " + text, text):
        if unicodedata.category(mark).startswith("M") and not (
            before.isalpha() or unicodedata.combining(before)
        ):
            raise Refused(f"{what} has an accent on no letter; leave it out.")
    return text


def skeleton(text: str, fold: bool = True) -> str:
    """What is left of a text when everything that is easily overlooked is taken away; equal for texts that look alike.

    Args:
        text: a checked label.
        fold: without case, accents, blanks and dashes too; otherwise only look-alike letters are exchanged.
    """
    text = unicodedata.normalize("NFKD", text.translate(_LOOKS_LIKE))
    if not fold:
        return text.translate(_LOOKS_LIKE)
    text = "".join(c for c in text if not unicodedata.combining(c)).translate(_EAST_ASIAN_LOOKS)
    text = text.translate(_LOOKS_LIKE).lower().translate(_LOOKS_LIKE).translate(_RESEMBLES)
    text = text.casefold().replace("ı", "i").replace("æ", "ae").replace("œ", "oe")
    kept = [c for c in text if unicodedata.category(c) not in ("Pd", "Zs", "Pc") and c not in ".,'`’‘·•‧′…~"]
    return "".join(kept).translate(_DIGITS).replace("rn", "m").replace("i", "l").replace("vv", "w")


def _script(letter: str, what: str) -> str:
    name = unicodedata.name(letter, "")
    script = name.partition(" ")[0]
    plain = script != "LATIN" or ord(unicodedata.normalize("NFD", letter)[0]) < 0x180
    if script not in _SCRIPTS or not plain or "SMALL CAPITAL" in name:
        raise Refused(
            f"{what} holds the letter U+{ord(letter):04X} ({name.lower() or 'no name'}); use a common one."
        )
    return script
