"""The scrolling window on a `LogBuffer`: follows the end, pauses where a person looks back, marks what was searched for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Blur, Click, Focus, Resize
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from edgetui.ui.widgets import log_colours
from edgetui.ui.widgets.log_buffer import LogBuffer

TIME_WIDTH = 9  # cells of a line's time


class LogView(ScrollView, can_focus=True):
    """Lines of a log. Moving up pauses, End follows again; text can be selected with the mouse."""

    ALLOW_SELECT = True

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
    LogView {
        background: $surface;
        color: $text;
        overflow-x: auto;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    LogView > .log--cursor { background: $boost; text-style: bold; }
    LogView > .log--match { text-style: underline; color: $text-warning; }
    LogView > .log--match-current { text-style: reverse; }
    LogView > .log--marked { background: $primary-muted; }
    LogView > .log--around, LogView > .log--time { color: $text-muted; }
    LogView > .log--red { color: $text-error; }
    LogView > .log--green { color: $text-success; }
    LogView > .log--yellow { color: $text-warning; }
    LogView > .log--blue { color: $text-primary; }
    LogView > .log--magenta { color: $text-secondary; }
    LogView > .log--cyan { color: $text-accent; }
    LogView > .log--bold { text-style: bold; }
    LogView > .log--dim { text-style: dim; }
    LogView > .log--italic { text-style: italic; }
    LogView > .log--underline { text-style: underline; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Line up", show=False, id="log.up"),
        Binding("down", "move(1)", "Line down", show=False, id="log.down"),
        Binding("left", "sideways(-1)", "Left", show=False, id="log.left"),
        Binding("right", "sideways(1)", "Right", show=False, id="log.right"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="log.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="log.page-down"),
        Binding("home,ctrl+home", "top", "First line", show=False, id="log.top"),
        Binding(
            "end,ctrl+end", "follow", "Follow", show=False, id="log.follow", tooltip="Go to the end and stay there"
        ),
    ]

    class Moved(Message):
        """Follow, pause or the current line changed."""

    def __init__(self, buffer: LogBuffer, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.buffer = buffer
        self.following = True
        self.wrapping = False
        self.pattern: re.Pattern[str] | None = None
        self.cursor = 0  # the number of the current line
        self.timing = False  # whether each line has the time at which it came before it
        self.marked: int | None = None  # the number of the line from which a range is marked
        self.seen = 0  # how many lines there were when following stopped

    @property
    def behind(self) -> int:
        """How many lines came since following stopped."""
        return 0 if self.following else self.buffer.total - self.seen

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

    def append(self, lines: Iterable[str], at: float = 0.0) -> None:
        """Show more lines, which came `at`; the view stays on what it shows unless it follows."""
        gone = self.buffer.append(lines, at)
        if gone and not self.following:
            # Rows left at the top: keep the same lines under the eyes.
            self.set_scroll(None, max(self.scroll_y - gone, 0))
        self._resized()

    def reload(self) -> None:
        """Show the buffer anew after its filter or its lines changed."""
        self._resized()
        if not self.following:
            self.go_to(self.current)

    def search(self, pattern: re.Pattern[str] | None) -> None:
        """Mark what matches; None marks nothing."""
        before, self.pattern = self.pattern, pattern
        top, buffer = self.scroll_offset.y, self.buffer
        rows = range(top, min(top + self.size.height, buffer.rows))
        visible = [buffer.text(index) for index in {buffer.line_at(row)[0] for row in rows}]
        # Most letters that are typed change nothing that is seen; a repaint would send the whole window.
        if any(one.search(text) for one in (before, pattern) if one is not None for text in visible):
            self.refresh()

    def set_wrapping(self, wrapping: bool) -> None:
        """Wrap long lines, or let them run out to the right."""
        self.wrapping = wrapping
        self._rewrap()

    def set_timing(self, timing: bool) -> None:
        """Show when each line came, or not."""
        self.timing = timing
        self._rewrap()

    def set_mark(self, number: int | None) -> None:
        """Mark the lines from this one to the current one; None marks none."""
        self.marked = number
        self.refresh()
        self._told()

    def go_to(self, index: int, lead: int | None = None) -> None:
        """Make a shown line the current one, in view; the last line does not follow by itself.

        With `lead`, it stands so many rows below the top, so that what follows it is seen.
        """
        count = self.buffer.count
        if not count:
            return
        index = min(max(index, 0), count - 1)
        if self.following:
            self.following, self.seen = False, self.buffer.total
        self.cursor = self.buffer.number(index)
        row, height = self.buffer.row_of(index), self.scrollable_content_region.height
        end = row + self.buffer.height(index)
        if lead is not None:
            self.scroll_to(y=max(row - lead, 0), animate=False, immediate=True)
        elif row < self.scroll_offset.y:
            self.scroll_to(y=row, animate=False, immediate=True)
        elif end > self.scroll_offset.y + height:
            self.scroll_to(y=end - height, animate=False, immediate=True)
        self.refresh()
        self._told()

    def action_move(self, step: int) -> None:
        """Move the current line."""
        if not (self.following and step > 0):
            self.go_to(self.current + step)

    def action_page(self, step: int) -> None:
        """Move a page; a page down at the end follows."""
        height = max(self.scrollable_content_region.height - 1, 1)
        if step > 0 and self.scroll_offset.y >= self.max_scroll_y:
            self.action_follow()
            return
        row = min(max(self.buffer.row_of(max(self.current, 0)) + step * height, 0), max(self.buffer.rows - 1, 0))
        self.scroll_to(y=self.scroll_offset.y + step * height, animate=False, immediate=True)
        self.go_to(self.buffer.line_at(row)[0])

    def action_sideways(self, step: int) -> None:
        """Scroll a part of the window's width to the side, where lines run out of it."""
        if not self.wrapping:
            wide = max(self._text_width // 4, 1)
            self.scroll_to(x=self.scroll_offset.x + step * wide, animate=False, immediate=True)
            self._told()

    def action_top(self) -> None:
        """Go to the first line that is held."""
        self.scroll_to(x=0, animate=False, immediate=True)
        self.go_to(0)

    def action_follow(self) -> None:
        """Go to the end and stay there while lines come."""
        self.following = True
        self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()
        self._told()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Pause where a person scrolled up by mouse or scroll bar."""
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) >= self.max_scroll_y or not self.following or round(new_value) >= round(old_value):
            return
        self.following, self.seen = False, self.buffer.total
        bottom = min(round(new_value) + self.scrollable_content_region.height, self.buffer.rows) - 1
        self.cursor = self.buffer.number(self.buffer.line_at(max(bottom, 0))[0])
        self._told()

    def on_resize(self, _: Resize) -> None:
        """Wrap to the new width."""
        self._rewrap()

    def on_focus(self, _: Focus) -> None:
        """Let screen readers find the current line."""
        self._told()

    def on_blur(self, _: Blur) -> None:
        """Repaint without the current line's mark."""
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Make the clicked line the current one."""
        row = self.scroll_offset.y + event.y
        if row < self.buffer.rows and self.text_selection is None:
            self.go_to(self.buffer.line_at(row)[0])

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        scroll_x, scroll_y = self.scroll_offset
        width, base, row = self.size.width, self.rich_style, scroll_y + y
        if row >= self.buffer.rows:
            return Strip.blank(width, base)
        index, piece = self.buffer.line_at(row)
        text, start = self._styled(index, piece, base)
        strip = Strip(text.render(self.app.console), text.cell_len)
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
    def _text_width(self) -> int:
        return max(self.scrollable_content_region.width - (TIME_WIDTH if self.timing else 0), 1)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, of whole log lines where lines are wrapped."""
        return selection.extract("\n".join(self.buffer.text(i) for i in range(self.buffer.count))), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002  Textual calls it so
        """Repaint the selection."""
        self.refresh()

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

    def _rewrap(self) -> None:
        self.buffer.wrap(self._text_width if self.wrapping else 0)
        self._resized()
        if not self.following:
            self.go_to(self.current)

    def _resized(self) -> None:
        wide = self.buffer.widest + (TIME_WIDTH if self.timing else 0)
        self.virtual_size = Size(0 if self.wrapping else wide, self.buffer.rows)
        if self.following and not self.is_vertical_scrollbar_grabbed:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def _told(self) -> None:
        if self.has_focus and self.buffer.count:
            row = self.buffer.row_of(self.current) - self.scroll_offset.y
            self.app.cursor_position = self.content_region.offset + Offset(0, max(row, 0))
        self.post_message(self.Moved())
