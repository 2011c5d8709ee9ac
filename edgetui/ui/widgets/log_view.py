"""The scrolling window on a `LogBuffer`: follows the end, pauses where a person looks back, marks what was searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Blur, Click, Focus, Resize
from textual.geometry import Offset, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.selection import Selection

from edgetui.ui.widgets.log_buffer import LogBuffer
from edgetui.ui.widgets.log_rows import TIME_WIDTH, LogRows


class LogView(LogRows, can_focus=True):
    """Lines of a log. Moving up pauses, End follows again; text can be selected."""

    ALLOW_SELECT = True

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

    # Lines that come change no widget's place: Textual's own lays out the whole screen anew with each of them.
    virtual_size = Reactive(Size(0, 0), layout=False)

    class Moved(Message):
        """Follow, pause or the current line changed."""

    class Followed(Message):
        """The end is wanted, and whatever comes to it."""

    @dataclass
    class Beyond(Message):
        """The line with this number is wanted, and not held: it is in the log's file."""

        number: int

    def __init__(self, buffer: LogBuffer, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(buffer, id=id)
        self.tail = buffer  # the end of the log, where lines come; `buffer` may be a part from before
        self.wrapping = False
        self.seen = 0  # how many lines there were when following stopped
        self._lead: int | None = None  # rows to be kept above the current line, where that was asked for

    @property
    def behind(self) -> int:
        """How many lines came since following stopped."""
        return 0 if self.following else self.tail.total - self.seen

    @property
    def number(self) -> int:
        """The number of the current line, whether it is held still or not."""
        return self.buffer.number(self.current) if self.following and self.buffer.count else self.cursor

    def append(self, lines: Iterable[str], at: float = 0.0) -> None:
        """Show more lines, which came `at`; the view stays on what it shows unless it follows."""
        gone = self.tail.append(lines, at)
        if self.buffer is not self.tail:
            return
        if gone and not self.following:
            # Rows left at the top: keep the same lines under the eyes.
            self.set_scroll(None, max(self.scroll_y - gone, 0))
        self._resized()

    def turn_to(self, buffer: LogBuffer) -> None:
        """Show other lines of the log: those of `buffer`."""
        if buffer is not self.buffer:
            if self.following:
                self.following, self.seen = False, self.tail.total
            self.buffer, self.marked = buffer, None
            buffer.wrap(self.text_width if self.wrapping else 0)
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

        With `lead`, it stands so many rows below the top, so that what follows it is seen, until the person moves.
        """
        self._lead = lead
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
        if not ((self.following and step > 0) or self._leaves(self.current + step, step)):
            self.go_to(self.current + step)

    def action_page(self, step: int) -> None:
        """Move a page; a page down at the end follows."""
        height = max(self.scrollable_content_region.height - 1, 1)
        first, last = self.scroll_offset.y <= 0, self.scroll_offset.y >= self.max_scroll_y
        if (last if step > 0 else first) and self._leaves(self.buffer.count if step > 0 else -height, step):
            return
        if step > 0 and last:
            self.action_follow()
            return
        row = min(max(self.buffer.row_of(max(self.current, 0)) + step * height, 0), max(self.buffer.rows - 1, 0))
        self.scroll_to(y=self.scroll_offset.y + step * height, animate=False, immediate=True)
        self.go_to(self.buffer.line_at(row)[0])

    def action_sideways(self, step: int) -> None:
        """Scroll a part of the window's width to the side, where lines run out of it."""
        if not self.wrapping:
            wide = max(self.text_width // 4, 1)
            self.scroll_to(x=self.scroll_offset.x + step * wide, animate=False, immediate=True)
            self._told()

    def action_top(self) -> None:
        """Go to the first line of the log."""
        self.scroll_to(x=0, animate=False, immediate=True)
        if not self._leaves(-self.buffer.first, -1):
            self.go_to(0)

    def action_follow(self) -> None:
        """Go to the end and stay there while lines come."""
        self.turn_to(self.tail)
        self.following = True
        self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()
        self.post_message(self.Followed())
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

    def watch_virtual_size(self, size: Size) -> None:
        """Fit the scroll bar, and the window into what there is now."""
        self.vertical_scrollbar.window_virtual_size = size.height
        self.scroll_x, self.scroll_y = self.validate_scroll_x(self.scroll_x), self.validate_scroll_y(self.scroll_y)

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

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, of whole log lines where lines are wrapped."""
        return selection.extract("\n".join(self.buffer.text(i) for i in range(self.buffer.count))), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002  Textual calls it so
        """Repaint the selection."""
        self.refresh()

    def _leaves(self, index: int, step: int) -> bool:
        """Ask for the line at `index` where it is before or behind what is held."""
        buffer = self.buffer
        beyond = index < 0 and buffer.first > 0 if step < 0 else index >= buffer.count and buffer is not self.tail
        if buffer.filter or not beyond:
            return False
        self.post_message(self.Beyond(max(buffer.first + index, 0)))
        return True

    def _rewrap(self) -> None:
        self.buffer.wrap(self.text_width if self.wrapping else 0)
        self._resized()
        if not self.following:
            self.go_to(self.current, self._lead)

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
