"""Taking a log out of its pane: a line, a range or all to the clipboard, a copy to a path, the whole to a pager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from edgetui.ui.widgets.outside_pager import show_outside

if TYPE_CHECKING:
    from edgetui.ui.widgets.log_buffer import LogBuffer
    from edgetui.ui.widgets.log_view import LogView

COPY_LINES = 1_000  # more would choke a terminal's clipboard; the file has all of them


class LogTaking(Widget):
    """The part of a `LogPane` that gives its lines away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "mark", "Mark", show=False, id="log.mark", tooltip="Mark lines from here on, or let them go"),
        Binding("y", "copy_line", "Copy", show=False, id="log.copy", tooltip="Copy what is marked, or the line"),
        Binding("Y", "copy_all", "Copy all", show=False, id="log.copy-all", tooltip="Copy the lines shown"),
        Binding("s", "ask('save')", "Save", show=False, id="log.save", tooltip="Save a copy of the whole log"),
        Binding("S", "where", "File", show=False, id="log.where", tooltip="Say where the whole log is"),
        Binding("o", "pager", "Pager", show=False, id="log.pager", tooltip="Open the whole log in $PAGER"),
    ]

    @dataclass
    class SaveWanted(Message):
        """A copy of the log is wanted at `target`, as typed: of the file `path`, or of `lines` where there is no file."""

        pane: Any
        target: str
        path: str
        lines: list[str]

    path: str
    buffer: LogBuffer

    @property
    def view(self) -> LogView:
        """The window itself."""
        raise NotImplementedError

    @property
    def proposed(self) -> str:
        """Where to save a copy, if nothing else is typed."""
        return f"~/{self.path.rpartition('/')[2] or 'edgetui.log'}"

    def action_mark(self) -> None:
        """Mark lines from the current one on; again lets them go."""
        view = self.view
        if view.marked is not None:
            view.set_mark(None)
        elif view.buffer.count:
            view.go_to(view.current)  # what is marked must not grow by itself
            view.set_mark(view.cursor)

    def action_copy_line(self) -> None:
        """Copy what is selected, else what is marked, else the current line."""
        text, what = self.screen.get_selected_text(), "Copied."
        marked = self.view.marked_range
        if not text and marked is not None:
            text = "\n".join(self.view.buffer.text(index) for index in range(marked[0], marked[1] + 1))
            what = f"Copied {marked[1] - marked[0] + 1} lines."
            self.view.set_mark(None)
        elif not text and self.view.buffer.count:
            text = self.view.buffer.text(self.view.current)
        if text:
            self.app.copy_to_clipboard(text)
            self.app.notify(what)

    def action_copy_all(self) -> None:
        """Copy the lines shown, the last ones where there are very many."""
        count = self.view.buffer.count
        start = max(count - COPY_LINES, 0)
        self.app.copy_to_clipboard("\n".join(self.view.buffer.text(index) for index in range(start, count)))
        rest = f" The whole log: {self.path}" if start else ""
        self.app.notify(f"Copied {count - start} lines.{rest}", markup=False)

    def save_to(self, target: str) -> None:
        """Ask for a copy to be saved."""
        self.post_message(self.SaveWanted(self, target, self.path, [] if self.path else list(self.buffer.lines)))

    def action_where(self) -> None:
        """Say where the whole log is, and copy that path."""
        if not self.path:
            self.app.notify("This log is not kept in a file.", severity="warning")
            return
        self.app.copy_to_clipboard(self.path)
        self.app.notify(f"The whole log: {self.path} (path copied)", markup=False, timeout=15)

    def action_pager(self) -> None:
        """Let the person read the whole log in their own pager."""
        if not self.path:
            self.app.notify("This log is not kept in a file: s saves a copy.", severity="warning")
        elif said := show_outside(self.app, self.path):
            self.app.notify(said, severity="warning", markup=False, timeout=15)
