"""A build's log in its pane: what an earlier start left of it first, then what is said as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edgetui.core.events import Event, LogFile, LogLine
from edgetui.ui.words.build import BuildProgress, first_error

if TYPE_CHECKING:
    from edgetui.ui.widgets.log_pane import LogPane
    from edgetui.ui.worker import Run


class BuildWatch:
    """Puts what a build says into `pane`; `ask_before(path, size)` fetches the first bytes of a log, whose lines come to `join`."""

    def __init__(self, pane: Callable[[], LogPane], ask_before: Callable[[str, int], None]) -> None:
        self.progress = BuildProgress()
        self._pane = pane
        self._ask_before = ask_before
        self._waits = False  # for the part that an earlier start left

    def begin(self) -> None:
        """Make room for a new build."""
        self.progress = BuildProgress()
        self._pane().clear()
        self._pane().set_path("")

    def follow(self, run: Run) -> None:
        """Show what a run said before anybody looked, unless that is shown already."""
        if self._pane().buffer.total or self._waits:
            return
        self.progress = BuildProgress()
        for at, events in run.batches():
            self.take(events, at)

    def take(self, events: Sequence[Event], at: float | None = None) -> None:
        """Show what it says: now, or `at` a time since the epoch."""
        self.progress = self.progress.after(events)
        for event in events:
            if isinstance(event, LogFile):
                self._pane().set_path(event.path)
                if event.size:
                    self._waits = True
                    self._ask_before(event.path, event.size)
        if not self._waits:
            self._write(events, at)

    def join(self, before: list[str], run: Run | None) -> None:
        """Show what an earlier start left, and behind it what this one said so far."""
        self._waits = False
        self.progress = BuildProgress().after([LogLine("image", line) for line in before])
        self._pane().clear()
        self._pane().write_lines(before, 0.0)
        for at, events in run.batches() if run else ():
            self.progress = self.progress.after(events)
            self._write(events, at)

    def show_last(self, lines: list[str]) -> None:
        """Show the log of the last build, from its file."""
        if not self._pane().buffer.total:
            self._pane().write_lines(lines, 0.0)

    def go_to_error(self) -> list[str]:
        """Bring the line that most likely says why it failed into view; returns all lines that are held."""
        pane = self._pane()
        pane.flush()
        lines = list(pane.buffer.lines)
        index = first_error(lines)
        if index is not None:
            pane.view.go_to(pane.buffer.index(pane.buffer.first + index), lead=2)
        return lines

    def _write(self, events: Sequence[Event], at: float | None) -> None:
        self._pane().write_lines([event.text for event in events if isinstance(event, LogLine)], at)
