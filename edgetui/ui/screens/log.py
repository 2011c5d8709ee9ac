"""A log that is asked for once, on a screen of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from edgetui.jobs.logs import LogPart
from edgetui.ui import log_saving
from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import Loaded, LoadFailed
from edgetui.ui.widgets.header_line import HeaderLine
from edgetui.ui.widgets.keys_line import KeysLine
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.widgets.status_line import StatusLine


class LogScreen(Screen[None]):
    """Shows what `ask` gives, and asks again on F5."""

    HELP = "**F5** asks for the log again, **Esc** goes back."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,escape", "app.pop_screen", "Back", id="log_screen.back", tooltip="Back", key_display="F2"),
        Binding("f5", "reload", "Refresh", id="log_screen.refresh", tooltip="Ask for the log again"),
    ]

    edge = getters.app(EdgeApp)
    status = getters.query_one(StatusLine)
    log_pane = getters.query_one(LogPane)

    def __init__(self, title: str, ask: Callable[[], str | LogPart], path: str = "") -> None:
        """Show the text that `ask` gives, or the lines of the file `path` where they are kept in one."""
        super().__init__()
        self._title = title
        self._ask = ask
        self._path = path

    def compose(self) -> ComposeResult:
        """Compose header, log, status."""
        yield HeaderLine()
        yield LogPane(self._title, path=self._path)
        yield StatusLine(id="status")
        yield KeysLine()

    def on_mount(self) -> None:
        """Ask."""
        self.query_one(HeaderLine).put(*self.edge.header())
        self.log_pane.view.focus()
        self.action_reload()

    def action_reload(self) -> None:
        """Ask again."""
        self.status.busy("Asking for the log")
        self.edge.bridge.load("log", self._ask, self)

    def on_unmount(self) -> None:
        """Let go of what was asked for."""
        self.edge.bridge.forget(self)

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        if message.what == log_saving.WHAT:
            log_saving.saved(self.app, message.value)
            return
        first, lines = message.value if isinstance(message.value, LogPart) else LogPart(0, message.value.splitlines())
        self.log_pane.clear(first)
        self.log_pane.write_lines(lines, 0.0)
        self.log_pane.flush()
        self.status.say("The log ends here; F5 asks again." if lines else "The log is empty; F5 asks again.")

    @on(LoadFailed)
    def _failed(self, message: LoadFailed) -> None:
        error = message.error
        self.status.problem(f"{error.title}. {error.detail} {error.remedy}".strip())

    @on(LogPane.SaveWanted)
    def _save(self, event: LogPane.SaveWanted) -> None:
        event.stop()
        log_saving.save(self.edge, event, self)
