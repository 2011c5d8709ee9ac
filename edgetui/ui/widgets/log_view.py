"""The scrolling window on a `LogBuffer`: follows the end, pauses where a person looks back, marks what was searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Blur, Click, Focus, Resize
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from edgetui.ui.widgets.log_buffer import LogBuffer


class LogView(ScrollView, can_focus=True):
    """Lines of a log. Moving up pauses, End follows again; text can be selected with the mouse."""

    ALLOW_SELECT = True

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--cursor", "log--match", "log--match-current"}

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
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Line up", show=False, id="log.up"),
        Binding("down", "move(1)", "Line down", show=False, id="log.down"),
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

    def append(self, lines: Iterable[str]) -> None:
        """Show more lines; the view stays on what it shows unless it follows."""
        gone = self.buffer.append(lines)
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

    def go_to(self, index: int) -> None:
        """Make a shown line the current one, in view; the last line does not follow by itself."""
        count = self.buffer.count
        if not count:
            return
        index = min(max(index, 0), count - 1)
        if self.following:
            self.following, self.seen = False, self.buffer.total
        self.cursor = self.buffer.number(index)
        row, height = self.buffer.row_of(index), self.scrollable_content_region.height
        end = row + self.buffer.height(index)
        if row < self.scroll_offset.y:
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
        return strip.crop_extend(scroll_x, scroll_x + width, base).apply_offsets(scroll_x + start, index)

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
        current = not self.following and index == self.current
        if current:
            text.stylize(self.get_component_rich_style("log--cursor", partial=True))
        if self.pattern is not None:
            name = "log--match-current" if current else "log--match"
            style = self.get_component_rich_style(name, partial=True)
            for match in self.pattern.finditer(self.buffer.text(index)):
                text.stylize(style, max(match.start() - start, 0), max(match.end() - start, 0))
        selection = self.text_selection
        span = selection.get_span(index) if selection is not None else None
        if span is not None:
            last = len(text) if span[1] == -1 else max(span[1] - start, 0)
            text.stylize(self.screen.get_component_rich_style("screen--selection"), max(span[0] - start, 0), last)
        return text, start

    def _rewrap(self) -> None:
        self.buffer.wrap(max(self.scrollable_content_region.width, 1) if self.wrapping else 0)
        self._resized()
        if not self.following:
            self.go_to(self.current)

    def _resized(self) -> None:
        self.virtual_size = Size(0 if self.wrapping else self.buffer.widest, self.buffer.rows)
        if self.following and not self.is_vertical_scrollbar_grabbed:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def _told(self) -> None:
        if self.has_focus and self.buffer.count:
            row = self.buffer.row_of(self.current) - self.scroll_offset.y
            self.app.cursor_position = self.content_region.offset + Offset(0, max(row, 0))
        self.post_message(self.Moved())
