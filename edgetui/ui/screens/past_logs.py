"""The logs of past builds, with size and date; one that is chosen is opened."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from edgetui.core.amounts import size_text
from edgetui.core.models import KeptLog
from edgetui.jobs import logs
from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import Loaded, LoadFailed
from edgetui.ui.screens.log import LogScreen
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.header_line import HeaderLine
from edgetui.ui.widgets.keys_line import KeysLine
from edgetui.ui.widgets.status_line import StatusLine


class PastLogsScreen(Screen[None]):
    """A list of logs, the newest first."""

    HELP = """
    # Logs of past builds

    **Enter** opens one, `/` filters, **F5** looks again. When they take more than 200 MB, the oldest leave as a build begins.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,escape", "app.pop_screen", "Back", id="past_logs.back", tooltip="Back", key_display="F2"),
        Binding("f5", "reload", "Refresh", id="past_logs.refresh", tooltip="Look again"),
    ]

    edge = getters.app(EdgeApp)
    status = getters.query_one(StatusLine)
    table = getters.query_one(FilterTable)

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, KeptLog] = {}

    def compose(self) -> ComposeResult:
        """Compose header, title, table, status."""
        yield HeaderLine()
        yield Static(" Logs of past builds", id="title", markup=False)
        yield FilterTable(
            ("ended", "size", "log"), noun="logs", empty="Nothing was built on this machine yet.", id="past-logs"
        )
        yield StatusLine(id="status")
        yield KeysLine()

    def on_mount(self) -> None:
        """Look."""
        self.query_one(HeaderLine).put(*self.edge.header())
        self.action_reload()
        self.table.focus_rows()

    def on_unmount(self) -> None:
        """Let go of what was asked for."""
        self.edge.bridge.forget(self)

    def action_reload(self) -> None:
        """Look again."""
        self.table.begin()
        self.edge.bridge.load("logs", partial(logs.kept, self.edge.ports), self)

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        self._kept = {log.name: log for log in message.value}
        self.table.put(
            Row(log.name, (_when(log.changed), size_text(log.size), _short(log.name))) for log in message.value
        )
        taken = size_text(sum(log.size for log in message.value))
        self.status.say(f"Enter opens a log. All take {taken}; beyond 200 MB the oldest leave." if self._kept else "")

    @on(LoadFailed)
    def _failed(self, message: LoadFailed) -> None:
        self.table.fail(message.error.title, message.error.remedy)

    @on(FilterTable.Chosen)
    def _open(self, event: FilterTable.Chosen) -> None:
        event.stop()
        log = self._kept[event.key]
        ask = partial(logs.lines, self.edge.ports, log.path)
        self.app.push_screen(LogScreen(f"Log of {_when(log.changed)}", ask, log.path))


def _when(changed: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(changed))


def _short(name: str) -> str:
    """Without what all of them have: the image's name and tag tell one from another."""
    return name.removeprefix("build-").removesuffix(".log")
