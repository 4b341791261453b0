"""The letters of our documents: an embedded font, how wide a text is, and where it breaks.

Lato covers Latin with all accents, Greek and Cyrillic, and its figures are equally wide, so amounts
stand under each other. It is free to embed (SIL Open Font License).
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "Lato-Regular", "Lato-Bold"
_UNKNOWN = "?"
"""Stands for a character that the font does not have; the member id beside it is still exact."""
_INVISIBLE = {"Cc", "Cf"}
"""Categories of characters that only steer how others are shown."""
_MARKS = {"Mn", "Me"}
_BREAKS_AFTER = "-–—./_"
"""Where a word that is wider than its column is broken, if it has one of these."""


class Style(NamedTuple):
    """How a text looks."""

    font: str
    size: float
    """Points."""
    is_grey: bool = False
    """For what explains; figures and names are black."""

    @property
    def leading(self) -> float:
        """From one line to the next, in points."""
        return round(self.size * 1.3, 1)


@cache
def fonts_ready() -> None:
    """Make the fonts known to the PDF library, once in a process."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(_font(name))


@cache
def _font(name: str) -> TTFont:
    file = resources.files("fontpkg_lato") / "files" / f"{name}.ttf"
    with resources.as_file(file) as path:
        return TTFont(name, str(path))


@lru_cache(maxsize=8192)
def printable(text: str) -> str:
    """The text in characters that the font has: composed, else without its accent, else ``?``."""
    return "".join(map(_nearest, unicodedata.normalize("NFC", text))).strip()


def _has(character: str) -> bool:
    return ord(character) in _font(REGULAR).face.charToGlyph


def _nearest(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return ""
    if _has(character):
        return character
    if category in _MARKS:
        return ""
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if part != character and _has(part)) or _UNKNOWN


def width_of(text: str, style: Style) -> float:
    """How wide a printable text is, in points."""
    fonts_ready()
    return pdfmetrics.stringWidth(text, style.font, style.size)


@lru_cache(maxsize=8192)
def broken(text: str, style: Style, width: float) -> tuple[str, ...]:
    """The lines of a text in a column; between words, inside only a word wider than the column."""
    text = printable(text)
    if width_of(text, style) <= width:
        return (text,)
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, style) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, style, width)
        lines.extend(whole)
    return (*lines, line)


def _pieces(word: str, style: Style, width: float) -> list[str]:
    """A word in pieces no wider than the column."""
    pieces, piece = [], ""
    for character in word:
        if piece and width_of(piece + character, style) > width:
            end = max(map(piece.rfind, _BREAKS_AFTER)) + 1 or len(piece)
            pieces.append(piece[:end])
            piece = piece[end:]
        piece += character
    return [*pieces, piece]
