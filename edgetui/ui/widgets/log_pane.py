"""A log with its frame: what it does now in words, where the whole of it lies; find, filter, wrap, times."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import monotonic, time
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.timer import Timer
from textual.widgets import Input

from edgetui.ui.widgets import log_words, type_ahead
from edgetui.ui.widgets.framed import Framed
from edgetui.ui.widgets.line_input import LineInput
from edgetui.ui.widgets.log_buffer import MAX_LINES, LogBuffer, plain
from edgetui.ui.widgets.log_reaching import LogReaching
from edgetui.ui.widgets.log_taking import LogTaking
from edgetui.ui.widgets.log_view import LogView

Asked = Literal["find", "filter", "save"]
MAX_CONTEXT = 20  # lines around each that the filter lets through
_ASKS = {
    "find": "find, Enter jumps, Esc clears",
    "filter": "show only lines with, Esc shows all",
    "save": "save a copy as, Enter saves, Esc does not",
}
FLUSH_SECONDS = 0.5  # a repaint sends the whole pane over the wire, so it happens twice a second at most


class LogPane(LogTaking, LogReaching, Framed, Vertical):
    """A window on a log that is kept in a file.

    `write_lines` takes lines as they come, any number at any rate; `path` is said in the frame. `SaveWanted` asks whoever
    holds the pane to save a copy, `FileWanted` asks the app for what is in the file and not held here.
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
        Binding(
            "+", "context(1)", "More around", show=False, id="log.more", tooltip="Show more lines around those found"
        ),
        Binding("-", "context(-1)", "Less around", show=False, id="log.less", tooltip="Show fewer lines around them"),
        Binding("n", "next(1)", "Next", show=False, id="log.next", tooltip="Next place found"),
        Binding("N", "next(-1)", "Previous", show=False, id="log.previous", tooltip="Previous place found"),
        Binding("w", "wrap", "Wrap", show=False, id="log.wrap", tooltip="Wrap long lines"),
        Binding("t", "times", "Times", show=False, id="log.times", tooltip="Show when each line came"),
        Binding("escape", "let_go", "Let go", show=False, id="log.leave", tooltip="Let go of find, filter and marks"),
    ]

    HELP = """
## Log
Up, Page Up, Home or the wheel look back and pause; **End** follows again. Left and right show long lines, `w` wraps them.
`/` finds in the whole log, `n` and `N` go on. `&` shows only lines with a text, `+` and `-` more or fewer lines around them.
`t` shows when each line came. `m` marks from a line on, `y` copies what is marked, or the line; `Y` all that is shown.
`s` saves a copy of the whole log, `S` says where it is, `o` opens it in your `$PAGER`.
**Esc** lets go of what is found, filtered and marked. Hold Shift to use the terminal's own selection.
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
        self._asking: Asked = "find"
        self._waiting: list[tuple[float, list[str]]] = []  # when they came, and the lines
        self._flushed = 0.0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The window, and the line to type what to find."""
        yield LogView(self.buffer)
        field = LineInput(compact=True)
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

    def write_lines(self, lines: Iterable[str], at: float | None = None) -> None:
        """Add lines; they appear at once after a pause, and twice a second while they pour in.

        They came `at` (seconds since the epoch; 0.0: nobody knows), or now.
        """
        taken = list(lines)
        if taken:
            self._waiting.append((time() if at is None else at, taken))
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
        waiting, self._waiting = self._waiting, []
        if waiting and self.is_mounted:
            self._flushed = monotonic()
            for at, lines in waiting:
                self.view.append(lines, at)
            if not self.searching:
                self.search_soon()  # a log that was opened anew, with a find or a filter of before
            self._describe()

    def clear(self, first: int = 0) -> None:
        """Start a new log, whose next line has the number `first` in its file; find and filter stay as they are."""
        self._waiting.clear()
        self.forget()
        self.buffer.clear(first)
        self.view.turn_to(self.buffer)
        self.view.following, self.view.marked = True, None
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

    def action_ask(self, what: Asked) -> None:
        """Ask for a text to find or to filter by, or for where to save a copy."""
        self._asking = what
        field = self.query_one(Input)
        values = {"find": self.find_text, "filter": self.buffer.filter, "save": self.proposed}
        with field.prevent(Input.Changed):  # what stands there already is not typed
            field.value = values[what]
            field.cursor_position = len(field.value)
        field.placeholder = _ASKS[what]
        field.can_focus = field.display = True
        self.add_class("-asking")
        # At once: what is typed right behind the key belongs into the field.
        self.screen.set_focus(field)

    def action_let_go(self) -> None:
        """Drop what is being typed, and with it the find or the filter; else whatever is found, filtered or marked."""
        asked = self.has_class("-asking")
        if not asked or self._asking == "filter":
            self._filter("")
        if not asked or self._asking == "find":
            self.find_text = ""
            self.view.search(None)
        self.search_soon()
        if asked:
            self._ask_done()
        else:
            self.view.set_mark(None)
        self._describe()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc belongs to the screen where there is nothing to let go of."""
        if action != "let_go":
            return super().check_action(action, parameters)
        view = self.view
        held = view.pattern is not None or view.marked is not None or self.buffer.filter
        return self.has_class("-asking") or bool(held)

    def on_key(self, event: Key) -> None:
        """Lose no key of what is typed fast."""
        openers = {"log.find": partial(self.action_ask, "find"), "log.filter": partial(self.action_ask, "filter")}
        type_ahead.take(self, event, self.query_one(Input), openers)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        text = event.value
        if self._asking == "filter":
            self._filter(text)
        elif self._asking == "find":
            self.find_text = text
            self.view.search(plain(text) if text else None)
        self.search_soon()
        self._describe()

    def _filter(self, text: str, context: int | None = None) -> None:
        if text != self.buffer.filter or context is not None:
            number, following = self.view.number, self.view.following
            self.buffer.set_filter(text, context)
            self.view.turn_to(self.buffer)
            self.view.reload()
            if not text and not following:
                self.reach(number)  # what the filter led to is what is wanted, with all that stands around it

    def action_context(self, step: int) -> None:
        """Show more or fewer lines around those that the filter lets through."""
        if self.buffer.filter:
            self._filter(self.buffer.filter, min(max(self.buffer.context + step, 0), MAX_CONTEXT))
            self.search_soon()
            self._describe()
        else:
            self.app.notify("& filters first; then + and - show more or fewer lines around.", markup=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._ask_done()
        if self._asking == "find" and self.find_text:
            # The first place at or above what is shown: in a log the newest is asked for most.
            self._jump(self.view.number, -1)
        elif self._asking == "save" and event.value.strip():
            self.save_to(event.value.strip())

    def _ask_done(self) -> None:
        field = self.query_one(Input)
        self.screen.set_focus(self.view)
        field.can_focus = field.display = False
        self.remove_class("-asking")

    def action_next(self, step: int) -> None:
        """Go to the next or the previous place found."""
        self._jump(self.view.number + step, step)

    def _jump(self, start: int, step: int) -> None:
        if self.view.pattern is None:
            self.action_ask("find")
        else:
            self.jump(start, step)

    def not_found(self) -> None:
        """Say that what is searched for is nowhere."""
        self.app.notify(f"'{self.find_text}' is not in the log.", severity="warning", markup=False)

    def action_wrap(self) -> None:
        """Wrap long lines, or not."""
        self.view.set_wrapping(not self.view.wrapping)
        self._describe()

    def action_times(self) -> None:
        """Show when each line came, or not; a log from a file does not know."""
        if not self.view.timing and self.buffer.total and not self.buffer.timed:
            self.app.notify("When the lines of this log came is not kept.")
            return
        self.view.set_timing(not self.view.timing)
        self._describe()

    @on(LogView.Moved)
    def _moved(self, event: LogView.Moved) -> None:
        event.stop()
        self._describe()

    def _describe(self) -> None:
        words = " · ".join(
            [self.title, *log_words.standing(self.view, self.empty, self.find_text, searching=self.searching)]
        )
        self.frame(words, log_words.shortened(self.path, max(self.size.width - 6, 20)))

    def on_resize(self) -> None:
        """Fit the path to the new width."""
        self._describe()
