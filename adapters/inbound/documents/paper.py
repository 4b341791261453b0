"""Pages of a document: what stands where is collected first, then drawn with "page x of y".

US Letter, in points from the top left corner. The same content gives the same bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import NamedTuple

from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from adapters.inbound.documents.lettering import (
    BOLD,
    REGULAR,
    Style,
    broken,
    fonts_ready,
    printable,
    width_of,
)

CARRIER = "Of Record"
"""The carrier's name on everything it sends."""

WIDTH, HEIGHT = LETTER
LEFT, RIGHT = 42.0, WIDTH - 42.0
BODY_WIDTH = RIGHT - LEFT
_TOP, _BOTTOM = 66.0, HEIGHT - 58.0
_RUNNING_AT, _FOOT_AT = 44.0, HEIGHT - 34.0

TEXT = Style(REGULAR, 9.5)
STRONG = Style(BOLD, 9.5)
NOTE = Style(REGULAR, 8, is_grey=True)
TITLE = Style(BOLD, 13)
SECTION_HEIGHT = TITLE.leading + 16
"""Of a heading, with the space above and below it."""

_GREY, _RULE_GREY, _FILL_GREY = 0.33, 0.72, 0.94
_saving = Lock()
"""A font's file is read while a document is saved, and its reader cannot be shared."""


class Mark(NamedTuple):
    """A line of text at a place."""

    x: float
    y: float
    """Of its base line."""
    text: str
    style: Style


class Rule(NamedTuple):
    """A thin line across."""

    x: float
    y: float
    to_x: float
    width: float


class Fill(NamedTuple):
    """A light grey ground."""

    x: float
    y: float
    """Of its top."""
    to_x: float
    height: float


@dataclass(slots=True)
class Page:
    """What stands on a page."""

    marks: list[Mark] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    """That begin here, for the reader's table of contents."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a document says about itself."""

    title: str
    subject: str
    running: str
    """At the top of every page but the first."""
    foot: str
    """At the bottom of every page, beside its number."""
    on: date
    """When it was made."""


class Paper:
    """A document being written from top to bottom."""

    def __init__(self, about: About) -> None:
        fonts_ready()
        self._about = about
        self.pages = [Page()]
        self.y = 40.0
        """How far down the page it is written."""

    @property
    def page(self) -> Page:
        """The page being written."""
        return self.pages[-1]

    @property
    def room(self) -> float:
        """What is left of the page, in points."""
        return _BOTTOM - self.y

    @property
    def room_of_a_page(self) -> float:
        """What a new page has, in points."""
        return _BOTTOM - _TOP

    def new_page(self) -> None:
        """Go on at the top of a new page."""
        self.pages.append(Page())
        self.y = _TOP

    def need(self, height: float) -> None:
        """Go on where there is so much room."""
        if self.room < height:
            self.new_page()

    def section(self, title: str, then: float) -> None:
        """A heading, on the page where as much as ``then`` follows it."""
        self.need(SECTION_HEIGHT + then)
        self.y += 14 if self.y > _TOP else 0
        self.page.sections.append(title)
        self.paragraph(title, TITLE)
        self.y += 2

    def paragraph(
        self, text: str, style: Style = TEXT, *, x: float = LEFT, width: float = BODY_WIDTH
    ) -> None:
        """A text over as many lines as it takes."""
        for line in broken(text, style, width):
            self.need(style.leading)
            self.put(x, line, style)
            self.y += style.leading

    def put(self, x: float, text: str, style: Style, *, down: float = 0) -> None:
        """A line of text on the line being written, or so many points below it."""
        if text:
            self.page.marks.append(Mark(x, self.y + down + style.size, printable(text), style))

    def put_right(
        self, x: float, text: str, style: Style, width: float, *, down: float = 0
    ) -> None:
        """A line of text that ends at ``x``; smaller where it would be wider than ``width``."""
        wide = width_of(printable(text), style)
        if wide > width:
            style = style._replace(size=style.size * width / wide)
            wide = width
        self.put(x - wide, text, style, down=down)

    def rule(self, width: float = 0.5, *, x: float = LEFT, to_x: float = RIGHT) -> None:
        """A thin line across, where it is being written."""
        self.page.rules.append(Rule(x, self.y, to_x, width))

    def fill(self, height: float, *, x: float = LEFT, to_x: float = RIGHT) -> None:
        """A grey ground below where it is being written."""
        self.page.fills.append(Fill(x, self.y, to_x, height))

    def pdf(self) -> bytes:
        """The document."""
        buffer = io.BytesIO()
        canvas = _canvas(buffer, self._about)
        for number, page in enumerate(self.pages, start=1):
            _draw(canvas, page, _edges(self._about, number, len(self.pages)), number)
        with _saving:
            canvas.save()
        return buffer.getvalue()


def _canvas(buffer: io.BytesIO, about: About) -> Canvas:
    canvas = Canvas(
        buffer,
        pagesize=LETTER,
        invariant=1,  # no instant of its own, no random id
        lang="en-US",
        initialFontName=REGULAR,  # type: ignore[arg-type]  # the stubs are wrong: it is a name
        initialFontSize=TEXT.size,
    )
    canvas.setTitle(printable(about.title))
    canvas.setSubject(printable(about.subject))
    canvas.setAuthor(CARRIER)
    canvas.setCreator(CARRIER)
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.setDateFormatter(lambda *_: f"D:{about.on:%Y%m%d}000000Z")
    return canvas


def _edges(about: About, number: int, of: int) -> list[Mark]:
    """The head and the foot of a page."""
    counted = f"Page {number} of {of}"
    marks = [
        Mark(LEFT, _FOOT_AT, printable(about.foot), NOTE),
        Mark(RIGHT - width_of(counted, NOTE), _FOOT_AT, counted, NOTE),
    ]
    if number > 1:
        marks.insert(0, Mark(LEFT, _RUNNING_AT, printable(about.running), NOTE))
    return marks


def _draw(canvas: Canvas, page: Page, edges: list[Mark], number: int) -> None:
    for section in page.sections:
        key = f"{number}-{section}"
        canvas.bookmarkPage(key)
        canvas.addOutlineEntry(section, key, level=0)
    canvas.setFillGray(_FILL_GREY)
    for ground in page.fills:
        y = HEIGHT - ground.y - ground.height
        canvas.rect(ground.x, y, ground.to_x - ground.x, ground.height, stroke=0, fill=1)
    canvas.setStrokeGray(_RULE_GREY)
    for rule in page.rules:
        canvas.setLineWidth(rule.width)
        canvas.line(rule.x, HEIGHT - rule.y, rule.to_x, HEIGHT - rule.y)
    text = canvas.beginText()
    style: Style | None = None
    for mark in (*page.marks, *edges):
        if mark.style != style:
            style = mark.style
            text.setFont(style.font, style.size)
            text.setFillGray(_GREY if style.is_grey else 0)
        text.setTextOrigin(mark.x, HEIGHT - mark.y)
        text.textOut(mark.text)
    canvas.drawText(text)
    canvas.showPage()
