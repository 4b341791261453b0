"""Tables over many pages: headings come again on each, what belongs together stays together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from adapters.inbound.documents.lettering import BOLD, REGULAR, Style, broken
from adapters.inbound.documents.paper import LEFT, NOTE, SECTION_HEIGHT, Paper

CELL = Style(REGULAR, 8.5)
CELL_STRONG = Style(BOLD, 8.5)
_HEAD = Style(BOLD, 8, is_grey=True)
_BAND = Style(BOLD, 9)
_GAP = 6.0
"""Between two columns."""
_PAD = 1.6
"""Above and below a row."""
_NOTE_PAD = 3.0
"""More below a note, so that the line over a total does not underline it."""
_KEPT_TOGETHER = 12
"""A group of so few rows is not divided between pages."""
_NOTE_GAP = 4.0
"""Between the note under a title and the table."""


@dataclass(frozen=True)
class Column:
    """A column; the widths of a table's columns are those of its body together."""

    title: str
    width: float
    is_amount: bool = False
    """Stands at the right, and is never broken."""


@dataclass(frozen=True)
class Row:
    """A row: a cell for each column."""

    cells: tuple[str, ...]
    is_total: bool = False
    """In bold, below a line over its amounts."""
    indent: float = 0
    """Of its first cell, in points."""
    is_note: bool = False
    """Its one cell runs over all columns, in small grey letters."""
    is_last: bool = False
    """A thin line below it ends a group."""


class Table:
    """A section with a table being written.

    Rows come in blocks; a block stays on one page if it fits on one, and the first one stays with
    the section's title.
    """

    def __init__(self, paper: Paper, columns: Sequence[Column], title: str, note: str = "") -> None:
        self._paper = paper
        self._columns = columns
        self._title: tuple[str, str] | None = (title, note)
        self._band: tuple[str, str] | None = None
        self._is_band_due = False
        self._is_begun = False

    def band(self, text: str, note: str = "") -> None:
        """What the rows from here on have in common: written above them, again on each page."""
        self._band = (text, note)
        self._is_band_due = True

    def group(self, blocks: Sequence[Sequence[Row]], totals: Sequence[Row] = ()) -> None:
        """Write blocks, the last one with the totals; if they are short, all of them together."""
        rows = [*chain.from_iterable(blocks), *totals]
        if len(rows) <= _KEPT_TOGETHER:
            self._add(rows)
            return
        for block in blocks[:-1]:
            self._add(block)
        self._add([*blocks[-1], *totals])

    def _add(self, rows: Sequence[Row]) -> None:
        """Write rows that belong together."""
        heights = [self._height(row) for row in rows]
        if self._lead() + sum(heights) > self._paper.room:
            together = sum(heights) + self._lead(is_new_page=True)
            if together <= self._paper.room_of_a_page:
                self._turn()
        for row, height in zip(rows, heights, strict=True):
            if self._lead() + height > self._paper.room:
                self._turn()
            self._write_lead()
            self._write(row, height)

    # ── What stands above rows ─────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        self._paper.new_page()
        self._is_begun = False

    def _lead(self, *, is_new_page: bool = False) -> float:
        """How high what has to be written above the next row is."""
        is_begun = self._is_begun and not is_new_page
        height = self._title_height() if is_begun else self._title_height() + self._head_height()
        if self._band is not None and (self._is_band_due or not is_begun):
            height += self._band_height()
        return height

    def _title_height(self) -> float:
        if self._title is None:
            return 0
        note = self._title[1]
        lines = broken(note, NOTE, self._width) if note else ()
        return SECTION_HEIGHT + (len(lines) * NOTE.leading + _NOTE_GAP if note else 0)

    def _head_height(self) -> float:
        return max(len(self._head_lines(c)) for c in self._columns) * _HEAD.leading + 6

    def _head_lines(self, column: Column) -> tuple[str, ...]:
        return broken(column.title, _HEAD, column.width - _GAP)

    def _band_height(self) -> float:
        text, note = self._band or ("", "")
        lines = len(broken(f"{text} (continued)", _BAND, self._width)) * _BAND.leading
        return lines + (NOTE.leading if note else 0) + 8

    @property
    def _width(self) -> float:
        return sum(column.width for column in self._columns)

    def _write_lead(self) -> None:
        is_continued = not self._is_begun and not self._is_band_due
        self._write_title()
        if not self._is_begun:
            self._write_head()
        elif not self._is_band_due:
            return
        if self._band is not None:
            text, note = self._band
            self._paper.y += 5
            self._paper.paragraph(f"{text} (continued)" if is_continued else text, _BAND)
            if note:
                self._paper.paragraph(note, NOTE)
            self._paper.y += 1
        self._is_begun, self._is_band_due = True, False

    def _write_title(self) -> None:
        if self._title is None:
            return
        title, note = self._title
        self._paper.section(title, 0)
        if note:
            self._paper.paragraph(note, NOTE)
            self._paper.y += _NOTE_GAP
        self._title = None

    def _write_head(self) -> None:
        paper = self._paper
        high = self._head_height()
        paper.fill(high)
        x = LEFT
        for column in self._columns:
            for number, line in enumerate(self._head_lines(column)):
                self._cell(x, column, line, _HEAD, 2 + number * _HEAD.leading)
            x += column.width
        paper.y += high

    # ── Rows ───────────────────────────────────────────────────────────────────────────────────

    def _lines(self, row: Row) -> list[tuple[str, ...]]:
        style = CELL_STRONG if row.is_total else CELL
        if row.is_note:
            return [broken(row.cells[0], NOTE, self._width - row.indent)]
        lines = []
        for number, (cell, column) in enumerate(zip(row.cells, self._columns, strict=True)):
            indent = row.indent if number == 0 else 0
            width = self._free(row, number) - _GAP - indent
            lines.append((cell,) if column.is_amount else broken(cell, style, width))
        return lines

    def _free(self, row: Row, number: int) -> float:
        """A cell's width: a total's label runs over the empty cells after it."""
        width = self._columns[number].width
        if row.is_total and number == 0:
            for cell, column in zip(row.cells[1:], self._columns[1:], strict=True):
                if cell:
                    break
                width += column.width
        return width

    def _height(self, row: Row) -> float:
        leading = NOTE.leading if row.is_note else CELL.leading
        pad = 2 * _PAD + (_NOTE_PAD if row.is_note else 0)
        return max(len(lines) for lines in self._lines(row)) * leading + pad

    def _write(self, row: Row, height: float) -> None:
        style = NOTE if row.is_note else CELL_STRONG if row.is_total else CELL
        x = LEFT
        for number, (lines, column) in enumerate(
            zip(self._lines(row), self._columns, strict=False)
        ):
            at = x + row.indent if number == 0 else x
            for line_number, line in enumerate(lines):
                self._cell(at, column, line, style, _PAD + line_number * style.leading)
            if row.is_total and column.is_amount and lines[0]:
                self._paper.rule(x=x + _GAP, to_x=x + column.width)
            x += column.width
        self._paper.y += height
        if row.is_last:
            self._paper.rule(0.3)

    def _cell(self, x: float, column: Column, text: str, style: Style, down: float) -> None:
        if column.is_amount:
            right, width = x + column.width, column.width - _GAP
            self._paper.put_right(right, text, style, width, down=down)
        else:
            self._paper.put(x, text, style, down=down)
