"""What our documents begin with: who sends them to whom, their dates, the figure that counts."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.inbound.documents.lettering import BOLD, REGULAR, Style, broken
from adapters.inbound.documents.paper import (
    BODY_WIDTH,
    CARRIER,
    LEFT,
    NOTE,
    RIGHT,
    STRONG,
    TEXT,
    Paper,
)

_NAME_OF_CARRIER = Style(BOLD, 19)
_KIND = Style(REGULAR, 19)
_NAME = Style(BOLD, 12)
_FIGURE = Style(BOLD, 17)
_FACTS_AT = LEFT + 290
_LABEL_WIDTH = 92.0
_NAME_WIDTH = 262.0
_AMOUNT_WIDTH = 150.0


def letter_head(
    paper: Paper, kind: str, to: str, name: str, id_line: str, facts: Sequence[tuple[str, str]]
) -> None:
    """The carrier and the kind of document; below, whom it is for beside its dates and names."""
    paper.put(LEFT, CARRIER, _NAME_OF_CARRIER)
    paper.put_right(RIGHT, kind, _KIND, BODY_WIDTH / 2)
    paper.y += 32
    paper.rule(1.2)
    paper.y += 14
    top = paper.y
    paper.paragraph(to, NOTE)
    paper.paragraph(name, _NAME, width=_NAME_WIDTH)
    paper.paragraph(id_line, TEXT, width=_NAME_WIDTH)
    under_name, paper.y = paper.y, top
    for label, value in facts:
        paper.put(_FACTS_AT, label, NOTE, down=1)
        paper.paragraph(
            value, TEXT, x=_FACTS_AT + _LABEL_WIDTH, width=RIGHT - _FACTS_AT - _LABEL_WIDTH
        )
        paper.y += 2
    paper.y = max(paper.y, under_name) + 16


def figure(paper: Paper, label: str, amount: str, note: str) -> None:
    """The figure that counts, large, with what to know about it."""
    width = BODY_WIDTH - _AMOUNT_WIDTH - 24
    notes = broken(note, TEXT, width)
    height = 20 + STRONG.leading + len(notes) * TEXT.leading
    paper.fill(height)
    top = paper.y
    paper.y += 10
    paper.paragraph(label, STRONG, x=LEFT + 12, width=width)
    paper.paragraph(note, TEXT, x=LEFT + 12, width=width)
    paper.y = top + (height - _FIGURE.leading) / 2
    paper.put_right(RIGHT - 12, amount, _FIGURE, _AMOUNT_WIDTH)
    paper.y = top + height


def sums(paper: Paper, title: str, rows: Sequence[tuple[str, str, str, bool]]) -> None:
    """Labels with notes, and their amounts; the last field says whether it is a sum."""
    paper.section(title, 80)
    for label, note, amount, is_sum in rows:
        style = STRONG if is_sum else TEXT
        if is_sum:
            paper.rule()
        paper.y += 3
        paper.put_right(RIGHT, amount, style, _AMOUNT_WIDTH)
        paper.paragraph(label, style, width=BODY_WIDTH - _AMOUNT_WIDTH)
        if note:
            paper.paragraph(note, NOTE, width=BODY_WIDTH - _AMOUNT_WIDTH)
        paper.y += 2
