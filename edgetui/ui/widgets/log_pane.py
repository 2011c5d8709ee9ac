"""A log with its frame: what it does now in words, where the whole of it lies, find, filter, wrap and copy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import monotonic
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.timer import Timer
from textual.widgets import Input

from edgetui.ui.widgets import type_ahead
from edgetui.ui.widgets.log_buffer import MAX_LINES, LogBuffer, plain
from edgetui.ui.widgets.log_view import LogView

FLUSH_SECONDS = 0.5  # a repaint sends the whole pane over the wire, so it happens twice a second at most
COPY_LINES = 1_000  # more would choke a terminal's clipboard; the file has all of them


class LogPane(Vertical):
    """A window on a log that is kept in a file.

    `write_lines` takes lines as they come, any number at any rate; `path` is said in the frame.
    """

    DEFAULT_CSS = """
    LogPane { border: round $border-blurred; height: 1fr; }
    LogPane:focus-within { border: round $border; }
    LogPane > LogView { height: 1fr; }
    LogPane > Input { height: 1; border: none; padding: 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("/", "ask('find')", "Find", id="log.find", tooltip="Mark a text and jump to it"),
        Binding("&", "ask('filter')", "Filter", show=False, id="log.filter", tooltip="Show only lines with a text"),
        Binding("n", "next(1)", "Next", show=False, id="log.next", tooltip="Next place found"),
        Binding("N", "next(-1)", "Previous", show=False, id="log.previous", tooltip="Previous place found"),
        Binding("w", "wrap", "Wrap", show=False, id="log.wrap", tooltip="Wrap long lines"),
        Binding("y", "copy_line", "Copy", show=False, id="log.copy", tooltip="Copy the selection or the current line"),
        Binding("Y", "copy_all", "Copy all", show=False, id="log.copy-all", tooltip="Copy the lines shown"),
        Binding("S", "where", "File", show=False, id="log.where", tooltip="Say where the whole log is"),
        Binding("escape", "leave_asking", "Back", show=False, id="log.leave"),
    ]

    HELP = """
## Log
Up, Page Up, Home or the wheel look back and pause; **End** follows again.
`/` finds, `n` and `N` go on; `&` shows only lines with a text; `w` wraps; `y` copies a line, `Y` all shown; `S` says where the file is.
Hold Shift to use the terminal's own selection.
"""

    def __init__(
        self,
        title: str = "Log",
        *,
        path: str = "",
        max_lines: int = MAX_LINES,
        empty: str = "nothing yet",
        id: str | None = None,  # noqa: A002  Textual's own name
    ) -> None:
        super().__init__(id=id)
        self.title = title
        self.path = path
        self.empty = empty
        self.buffer = LogBuffer(max_lines)
        self.find_text = ""
        self._asking: Literal["find", "filter"] = "find"
        self._waiting: list[str] = []
        self._flushed = 0.0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The window, and the line to type what to find."""
        yield LogView(self.buffer)
        field = Input(compact=True)
        field.cursor_blink = False
        field.can_focus = field.display = False  # not shown yet: it must not take the focus when a screen opens
        yield field

    def on_mount(self) -> None:
        """Say that nothing came yet."""
        self._describe()

    @property
    def view(self) -> LogView:
        """The window itself."""
        return self.query_one(LogView)

    def write_lines(self, lines: Iterable[str]) -> None:
        """Add lines; they appear at once after a pause, and twice a second while they pour in."""
        self._waiting.extend(lines)
        if not self._waiting or self._timer is not None or not self.is_mounted:
            return
        wait = self._flushed + FLUSH_SECONDS - monotonic()
        if wait > 0:
            self._timer = self.set_timer(wait, self.flush)
        else:
            self.flush()

    def flush(self) -> None:
        """Show at once what waits."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if lines and self.is_mounted:
            self._flushed = monotonic()
            self.view.append(lines)
            self._describe()

    def clear(self) -> None:
        """Start a new log; find and filter stay as they are."""
        self._waiting.clear()
        self.buffer.clear()
        self.view.following = True
        self.view.reload()
        self._describe()

    def set_path(self, path: str) -> None:
        """Say where the whole log is kept."""
        self.path = path
        self._describe()

    def set_title(self, title: str) -> None:
        """Say what the log is of."""
        self.title = title
        self._describe()

    def action_ask(self, what: Literal["find", "filter"]) -> None:
        """Ask for a text to find, or to filter by."""
        self._asking = what
        field = self.query_one(Input)
        field.value = self.find_text if what == "find" else self.buffer.filter
        field.placeholder = "find, Enter jumps, Esc clears" if what == "find" else "show only lines with, Esc shows all"
        field.can_focus = field.display = True
        self.add_class("-asking")
        # At once: what is typed right behind the key belongs into the field.
        self.screen.set_focus(field)

    def action_leave_asking(self) -> None:
        """Drop the find or filter that is being typed."""
        self.query_one(Input).value = ""
        self._ask_done()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc belongs to the screen unless a text is being typed."""
        return self.has_class("-asking") if action == "leave_asking" else super().check_action(action, parameters)

    def on_key(self, event: Key) -> None:
        """Lose no key of what is typed fast."""
        openers = {"log.find": partial(self.action_ask, "find"), "log.filter": partial(self.action_ask, "filter")}
        type_ahead.take(self, event, self.query_one(Input), openers)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        text = event.value
        if self._asking == "filter":
            if text != self.buffer.filter:
                self.buffer.set_filter(text)
                self.view.reload()
        else:
            self.find_text = text
            self.view.search(plain(text) if text else None)
        self._describe()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._ask_done()
        if self._asking == "find" and self.find_text:
            # The first place at or above what is shown: in a log the newest is asked for most.
            self._jump(self.view.current, -1)

    def _ask_done(self) -> None:
        field = self.query_one(Input)
        self.screen.set_focus(self.view)
        field.can_focus = field.display = False
        self.remove_class("-asking")

    def action_next(self, step: int) -> None:
        """Go to the next or the previous place found."""
        self._jump(self.view.current + step, step)

    def _jump(self, start: int, step: int) -> None:
        pattern = self.view.pattern
        if pattern is None:
            self.action_ask("find")
            return
        index = self.buffer.find(pattern, start, step)
        if index is None:
            self.app.notify(f"'{self.find_text}' is not in the log.", severity="warning", markup=False)
        else:
            self.view.go_to(index)

    def action_wrap(self) -> None:
        """Wrap long lines, or not."""
        self.view.set_wrapping(not self.view.wrapping)
        self._describe()

    def action_copy_line(self) -> None:
        """Copy what is selected, else the current line."""
        text = self.screen.get_selected_text()
        if not text and self.buffer.count:
            text = self.buffer.text(self.view.current)
        if text:
            self.app.copy_to_clipboard(text)
            self.app.notify("Copied.")

    def action_copy_all(self) -> None:
        """Copy the lines shown, the last ones where there are very many."""
        count = self.buffer.count
        start = max(count - COPY_LINES, 0)
        self.app.copy_to_clipboard("\n".join(self.buffer.text(index) for index in range(start, count)))
        rest = f" The whole log: {self.path}" if start else ""
        self.app.notify(f"Copied {count - start} lines.{rest}", markup=False)

    def action_where(self) -> None:
        """Say where the whole log is, and copy that path."""
        if not self.path:
            self.app.notify("This log is not kept in a file.", severity="warning")
            return
        self.app.copy_to_clipboard(self.path)
        self.app.notify(f"The whole log: {self.path} (path copied)", markup=False, timeout=15)

    @on(LogView.Moved)
    def _moved(self, event: LogView.Moved) -> None:
        event.stop()
        self._describe()

    def _describe(self) -> None:
        view, total = self.view, self.buffer.total
        words = [self.title, f"{total:,} lines" if total else self.empty]
        if not view.following:
            words.append(f"paused, {view.behind:,} new, End follows" if view.behind else "paused, End follows")
        elif total:
            words.append("following")
        if self.buffer.filter:
            words.append(f"{self.buffer.count:,} with '{self.buffer.filter}'")
        if view.pattern is not None:
            words.append(self._found_words())
        if view.wrapping:
            words.append("wrapped")
        # A title is markup unless it is escaped; what a person typed or a path may hold brackets.
        self.border_title = " · ".join(words).replace("[", r"\[")
        self.border_subtitle = shortened(self.path, max(self.size.width - 6, 20)).replace("[", r"\[")

    def _found_words(self) -> str:
        view = self.view
        if view.pattern is None:
            return ""
        numbers = self.buffer.matches(view.pattern)
        if not numbers:
            return f"no '{self.find_text}'"
        if not view.following and view.cursor in numbers:
            return f"'{self.find_text}' {numbers.index(view.cursor) + 1} of {len(numbers)}"
        return f"'{self.find_text}' {len(numbers)} found"

    def on_resize(self) -> None:
        """Fit the path to the new width."""
        self._describe()


def shortened(path: str, width: int) -> str:
    """A path that fits `width` cells: the end of it is what tells files apart."""
    return path if len(path) <= width else "…" + path[1 - width :]
