"""The lines behind a log pane: bounded, filtered and wrapped; no widget in here."""

from __future__ import annotations

import bisect
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len, chop_cells

from edgetui.ui.widgets.log_cleaning import clean, coloured
from edgetui.ui.widgets.log_colours import Span
from edgetui.ui.widgets.log_matches import LogMatches

MAX_LINES = 20_000  # held in memory; the whole log is in its file


def plain(text: str) -> re.Pattern[str]:
    """The pattern that finds `text` itself, in any case."""
    return re.compile(re.escape(text), re.IGNORECASE)


class LogBuffer:
    """Lines in the order they came; `shown` are those that pass the filter; `rows` are screen rows of the shown lines.

    A line keeps its number for ever (`first` is the number of the oldest one that is still held), so that a position
    in the log stays true when old lines leave. It is the line's number in the log's file too, in which others may look for
    what has left, and bring it back: `found.put`, `put_older`.
    """

    def __init__(self, max_lines: int = MAX_LINES, first: int = 0) -> None:
        self.max_lines = max_lines
        self.first = first
        self._lines: list[str] = []
        self._times = array("d")  # when each line came, seconds since the epoch; 0: nobody knows
        self._colours: dict[int, tuple[Span, ...]] = {}  # by line number, of those that have any
        self._filter = ""
        self.context = 0  # lines around each that contains the filter's text
        self._pattern = plain("")
        self._shown: list[int] = []  # line numbers; used only while a filter is on
        self._width = 0  # 0: no wrapping
        self._ends: list[int] = []  # for each shown line, the row after its last one; used only while wrapping
        self.widest = 0  # cells of the widest shown line so far
        self.found = LogMatches(self)
        self._older: dict[int, str] = {}  # lines before `first` that the filter lets through, by number
        self._shown_from = 0  # the number of the line from which on `_shown` has all
        self._let_go: set[int] = set()  # of the lines left out, those that an answer from the file may name again
        self.left_out = 0  # how many lines that the filter lets through are not held, there being too many

    @property
    def searched_from(self) -> int:
        """The number of the line from which on all are known that match: what is before it is in the file only."""
        return self._shown_from if self._filter else self.found.start

    def holds(self, number: int) -> bool:
        """Whether the line with this number is held."""
        return self.first <= number < self.total or number in self._older

    def line(self, number: int) -> str:
        """The line with this number, one that is held."""
        return self._lines[number - self.first] if number >= self.first else self._older[number]

    @property
    def lines(self) -> Sequence[str]:
        """All lines held, oldest first."""
        return self._lines

    @property
    def total(self) -> int:
        """How many lines ever came."""
        return self.first + len(self._lines)

    @property
    def timed(self) -> bool:
        """Whether it is known of any line when it came."""
        return any(self._times)

    @property
    def filter(self) -> str:
        """What shown lines contain; "" shows all."""
        return self._filter

    @property
    def filtering(self) -> re.Pattern[str]:
        """What finds the filter's text."""
        return self._pattern

    @property
    def shown(self) -> Sequence[int]:
        """The numbers of the lines that the filter lets through; nothing where there is no filter."""
        return self._shown

    @property
    def count(self) -> int:
        """How many lines are shown."""
        return len(self._shown) if self._filter else len(self._lines)

    @property
    def rows(self) -> int:
        """How many screen rows the shown lines take."""
        if not self._width:
            return self.count
        return self._ends[-1] if self._ends else 0

    def number(self, index: int) -> int:
        """The number of the shown line at `index`."""
        return self._shown[index] if self._filter else self.first + index

    def index(self, number: int) -> int:
        """The index of the shown line with this number, or of the next one after it; at most `count`."""
        if self._filter:
            return bisect.bisect_left(self._shown, number)
        return min(max(number - self.first, 0), len(self._lines))

    def text(self, index: int) -> str:
        """The shown line at `index`."""
        return self.line(self.number(index))

    def time(self, index: int) -> float:
        """When the shown line at `index` came, seconds since the epoch; 0.0 where nobody knows."""
        number = self.number(index)
        return self._times[number - self.first] if number >= self.first else 0.0

    def colours(self, index: int) -> tuple[Span, ...]:
        """The colours of the shown line at `index`."""
        return self._colours.get(self.number(index), ())

    def matched(self, index: int) -> bool:
        """Whether the shown line at `index` contains the filter's text; the others are the lines around."""
        return not self._filter or self._passes(self.number(index))

    def append(self, lines: Iterable[str], at: float = 0.0) -> int:
        """Take more lines in, which came `at`; returns how many screen rows left at the top to make room."""
        start = self.total
        for line in lines:
            if "\x1b" in line:
                text, spans = coloured(line)
                if spans:
                    self._colours[self.total] = spans
            else:
                text = clean(line)
            self._lines.append(text)
        added = range(start, self.total)
        self._times.extend([at] * len(added))
        if self._filter:
            fresh = self._filtered(start)
            self._shown.extend(fresh)
            if fresh and fresh[0] < start:
                self.found.forget()  # lines around a match were looked at when they were not shown
        else:
            fresh = list(added)
        for number in fresh:
            self._measure(self._lines[number - self.first])
        return self._drop(len(self._lines) - self.max_lines)

    def clear(self, first: int = 0) -> None:
        """Forget all lines, the next one has the number `first`; the filter stays."""
        self.first, self.widest = first, 0
        self.found.forget()
        self._older.clear()
        self._let_go.clear()
        self._shown_from, self.left_out = first, 0
        self._lines.clear()
        self._times = array("d")
        self._colours.clear()
        self._shown.clear()
        self._ends.clear()

    def set_filter(self, text: str, context: int | None = None) -> None:
        """Show only lines that contain `text`, in any case, with `context` lines around each; "" shows all."""
        self._filter = text
        self.found.forget()
        self._pattern = plain(text)
        self.context = self.context if context is None else context
        self._shown = []
        self._older.clear()
        self._let_go.clear()
        self._shown_from, self.left_out = self.first, 0
        if text:
            self._shown = self._filtered(self.first)
        self._measure_all()

    def put_older(self, lines: Mapping[int, str], left_out: int) -> None:
        """Show also what the filter lets through of the lines before `searched_from`, by number; `left_out` of them are not held."""
        fresh = {number for number in lines if number < self.total} - self._let_go
        self._older.update((number, clean(lines[number])) for number in fresh if number < self.first)
        self._shown = sorted({*self._shown, *fresh})
        self._shown_from, self.left_out = 0, self.left_out + left_out
        self.found.forget()
        self._crowd_out()
        self._measure_all()

    def wrap(self, width: int) -> None:
        """Wrap lines at `width` cells; 0 does not wrap."""
        if width != self._width:
            self._width = width
            self._measure_all()

    def row_of(self, index: int) -> int:
        """The first screen row of the shown line at `index`."""
        if not self._width:
            return index
        return self._ends[index - 1] if index else 0

    def height(self, index: int) -> int:
        """How many screen rows the shown line at `index` takes."""
        return self._ends[index] - self.row_of(index) if self._width else 1

    def line_at(self, row: int) -> tuple[int, int]:
        """Which shown line stands at a screen row, and which of its rows that is."""
        if not self._width:
            return row, 0
        index = bisect.bisect_right(self._ends, row)
        return index, row - self.row_of(index)

    def pieces(self, index: int) -> list[str]:
        """The shown line at `index` in the pieces that fit a row."""
        text = self.text(index)
        if not self._width or len(text) <= self._width // 2:
            return [text]
        return chop_cells(text, self._width) or [""]

    def _filtered(self, start: int) -> list[int]:
        """The numbers to be shown from line `start` on; with context also older ones that were not shown yet."""
        if not self.context:
            return [number for number in range(start, self.total) if self._passes(number)]
        fresh: list[int] = []
        last = self._shown[-1] if self._shown else self.first - 1
        # What came before may still be in the context of a match before it.
        until = next(
            (n for n in range(start - 1, max(start - 1 - self.context, self.first - 1), -1) if self._passes(n)), None
        )
        until = -1 if until is None else until + self.context
        for number in range(start, self.total):
            if self._passes(number):
                begin = max(number - self.context, last + 1, self.first)
                fresh.extend(range(begin, number + 1))
                last, until = number, number + self.context
            elif number <= until:
                fresh.append(number)
                last = number
        return fresh

    def _passes(self, number: int) -> bool:
        return self._pattern.search(self.line(number)) is not None

    def _measure(self, text: str) -> None:
        cells = len(text) if text.isascii() else cell_len(text)
        self.widest = max(self.widest, cells)
        if not self._width:
            return
        # Wide characters may leave a cell free at a row's end: only chopping tells how many rows they take.
        rows = -(-cells // self._width) if text.isascii() else len(chop_cells(text, self._width))
        self._ends.append((self._ends[-1] if self._ends else 0) + max(rows, 1))

    def _measure_all(self) -> None:
        self._ends.clear()
        self.widest = 0
        for index in range(self.count):
            self._measure(self.text(index))

    def _drop(self, surplus: int) -> int:
        if surplus <= 0:
            return 0
        self.found.look()
        if self._filter:
            leaving = self._shown[self.index(self.first) : self.index(self.first + surplus)]
            self._older.update((number, self.line(number)) for number in leaving)
        rows = 0 if self._filter else self.row_of(surplus)
        del self._lines[:surplus]
        del self._times[:surplus]
        if self._colours:
            for number in range(self.first, self.first + surplus):
                self._colours.pop(number, None)
        self.first += surplus
        if self._filter:
            return self._crowd_out()
        if self._width:
            self._ends = [end - rows for end in self._ends[surplus:]]
        return rows

    def _crowd_out(self) -> int:
        """Let the oldest lines go that only the filter still holds, where these are too many; returns their screen rows."""
        surplus = len(self._shown) - self.max_lines
        if surplus <= 0:
            return 0
        rows = self.row_of(surplus)
        for number in self._shown[:surplus]:
            self._older.pop(number, None)
        reach = self._shown_from + self.context
        self._let_go.update(number for number in self._shown[:surplus] if number < reach)
        del self._shown[:surplus]
        self.left_out += surplus
        if self._width:
            self._ends = [end - rows for end in self._ends[surplus:]]
        return rows
