"""The rows of a log's window as they are drawn: times, colours, what is marked, found, selected, or only stands around."""

from __future__ import annotations

import re
import time
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.scroll_view import ScrollView
from textual.strip import Strip

from edgetui.ui.widgets import log_colours
from edgetui.ui.widgets.log_buffer import LogBuffer

TIME_WIDTH = 9  # cells of a line's time


class LogRows(ScrollView):
    """Draws a `LogBuffer`; what moves in it is the `LogView`'s."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--cursor",
        "log--match",
        "log--match-current",
        "log--marked",
        "log--around",
        "log--time",
        *(f"log--{name}" for name in log_colours.NAMES),
    }

    DEFAULT_CSS = """
    LogRows {
        background: $surface;
        color: $text;
        overflow-x: scroll;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    LogRows > .log--cursor { background: $boost; text-style: bold; }
    LogRows > .log--match { text-style: underline; color: $text-warning; }
    LogRows > .log--match-current { text-style: reverse; }
    LogRows > .log--marked { background: $primary-muted; }
    LogRows > .log--around, LogRows > .log--time { color: $text-muted; }
    LogRows > .log--red { color: $text-error; }
    LogRows > .log--green { color: $text-success; }
    LogRows > .log--yellow { color: $text-warning; }
    LogRows > .log--blue { color: $text-primary; }
    LogRows > .log--magenta { color: $text-secondary; }
    LogRows > .log--cyan { color: $text-accent; }
    LogRows > .log--bold { text-style: bold; }
    LogRows > .log--dim { text-style: dim; }
    LogRows > .log--italic { text-style: italic; }
    LogRows > .log--underline { text-style: underline; }
    """

    def __init__(self, buffer: LogBuffer, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.buffer = buffer
        self.following = True
        self.timing = False  # whether each line has the time at which it came before it
        self.pattern: re.Pattern[str] | None = None  # what is searched for
        self.cursor = 0  # the number of the current line
        self.marked: int | None = None  # the number of the line from which a range is marked

    @property
    def current(self) -> int:
        """The index of the current line among the shown ones; -1 where there is none."""
        count = self.buffer.count
        return count - 1 if self.following else min(self.buffer.index(self.cursor), count - 1)

    @property
    def marked_range(self) -> tuple[int, int] | None:
        """The indexes of the first and last marked line; None where none is marked."""
        if self.marked is None or not self.buffer.count:
            return None
        start = min(self.buffer.index(self.marked), self.buffer.count - 1)
        return min(start, self.current), max(start, self.current)

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        scroll_x, scroll_y = self.scroll_offset
        width, base, row = self.size.width, self.rich_style, scroll_y + y
        if row >= self.buffer.rows:
            return Strip.blank(width, base)
        index, piece = self.buffer.line_at(row)
        text, start = self._styled(index, piece, base)
        # Rich leaves a text without any mark in the terminal's colours, not in those of the theme.
        drawn = text.render(self.app.console) if text.spans else [Segment(text.plain, base)]
        strip = Strip(drawn, text.cell_len)
        before = self._time(index, piece, base)
        width -= before.cell_length
        strip = strip.crop_extend(scroll_x, scroll_x + width, base).apply_offsets(scroll_x + start, index)
        return Strip.join([before, strip]) if before.cell_length else strip

    def _time(self, index: int, piece: int, base: Style) -> Strip:
        """When the line came, in front of its first row."""
        if not self.timing:
            return Strip([], 0)
        at = self.buffer.time(index)
        words = time.strftime("%H:%M:%S ", time.localtime(at)) if at and not piece else " " * TIME_WIDTH
        return Strip([Segment(words, base + self.get_component_rich_style("log--time", partial=True))], TIME_WIDTH)

    @property
    def text_width(self) -> int:
        """Cells of a row that the text may fill."""
        return max(self.scrollable_content_region.width - (TIME_WIDTH if self.timing else 0), 1)

    def _styled(self, index: int, piece: int, base: Style) -> tuple[Text, int]:
        """A row's text with its marks, and the character of its line at which it starts."""
        pieces = self.buffer.pieces(index)
        start = sum(map(len, pieces[:piece]))
        text = Text(pieces[piece], style=base, no_wrap=True, end="")
        if not self.buffer.matched(index):
            text.stylize(self._look("around"))
        for begin, end, name in self.buffer.colours(index):
            text.stylize(self._look(name), max(begin - start, 0), max(end - start, 0))
        marked = self.marked_range
        if marked is not None and marked[0] <= index <= marked[1]:
            text.stylize(self._look("marked"))
        current = not self.following and index == self.current
        if current:
            text.stylize(self._look("cursor"))
        if self.pattern is not None:
            style = self._look("match-current" if current else "match")
            for match in self.pattern.finditer(self.buffer.text(index)):
                text.stylize(style, max(match.start() - start, 0), max(match.end() - start, 0))
        selection = self.text_selection
        span = selection.get_span(index) if selection is not None else None
        if span is not None:
            last = len(text) if span[1] == -1 else max(span[1] - start, 0)
            text.stylize(self.screen.get_component_rich_style("screen--selection"), max(span[0] - start, 0), last)
        return text, start

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}", partial=True)
