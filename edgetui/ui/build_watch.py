"""A build's log in its pane: what an earlier start left of it first, then what is said as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from edgetui.core.events import Event, LogFile, LogLine
from edgetui.jobs import logs
from edgetui.jobs.logs import LogPart
from edgetui.ui.words.build import BuildProgress, first_error

if TYPE_CHECKING:
    from edgetui.core.errors import EdgeError
    from edgetui.core.ports import Ports
    from edgetui.ui.widgets.log_pane import LogPane
    from edgetui.ui.worker import Run

# What it loads: the log of the last build, and the part of this one's that an earlier start left.
LAST, BEFORE = "log", "before"


class BuildWatch:
    """Puts what a build says into `pane`; what lies in files comes by `load(what, ask)`, whose answers it takes back."""

    def __init__(
        self,
        pane: Callable[[], LogPane],
        load: Callable[[str, Callable[[], Any]], None],
        ports: Callable[[], Ports],
    ) -> None:
        self.progress = BuildProgress()
        self._pane = pane
        self._load = load
        self._ports = ports
        self._waits = False  # for the part that an earlier start left
        self._taken: set[int] = set()  # events of the run that were taken from it, and may still come as messages

    def begin(self) -> None:
        """Make room for a new build."""
        self.progress = BuildProgress()
        self._taken = set()
        self._pane().clear()
        self._pane().set_path("")

    def follow(self, run: Run) -> None:
        """Show what a run said before anybody looked, unless that is shown already."""
        if self._pane().buffer.total or self._waits:
            return
        self.progress = BuildProgress()
        self._pane().clear(run.lines_gone)
        if run.lines_gone and run.log is not None:  # it was said before the lines that are not kept
            self.take([run.log])
        for at, events in run.batches():
            self.take(events, at)
        self._taken = set(map(id, run.events))

    def show_last(self, path: str) -> None:
        """Show the log of the last build, from its file."""
        self._load(LAST, partial(logs.lines, self._ports(), path))

    def take(self, events: Sequence[Event], at: float | None = None) -> None:
        """Show what it says: now, or `at` a time since the epoch."""
        if self._taken:
            fresh = [event for event in events if id(event) not in self._taken]
            if len(fresh) == len(events):
                self._taken = set()  # what was on its way has come
            events = fresh
        self.progress = self.progress.after(events)
        for event in events:
            if isinstance(event, LogFile):
                self._pane().set_path(event.path)
                if event.size:
                    self._waits = True
                    self._load(BEFORE, partial(logs.lines, self._ports(), event.path, event.size))
        if not self._waits:
            self._write(events, at)

    def loaded(self, what: str, part: LogPart, run: Run | None) -> None:
        """Take what was loaded: the last log, or what an earlier start left, with what this `run` said so far behind it."""
        if what == BEFORE:
            self._join(part, run)
        elif not self._pane().buffer.total and (run is None or run.ended is not None):
            self._pane().clear(part.first)
            self._pane().write_lines(part.lines, 0.0)

    def load_failed(self, what: str, error: EdgeError, run: Run | None) -> None:
        """A log that is gone is no failure: say so in its place."""
        if what == BEFORE:
            self._join(LogPart(0, [f"(the log before this start cannot be read: {error.title})"]), run)
        else:
            self._pane().set_title(f"Build log · the last one cannot be read: {error.title}")

    def go_to_error(self) -> list[str]:
        """Bring the line that most likely says why it failed into view; returns all lines that are held."""
        pane = self._pane()
        pane.flush()
        lines = list(pane.buffer.lines)
        index = first_error(lines)
        if index is not None:
            pane.reach(pane.buffer.first + index, lead=2)
        return lines

    def _join(self, before: LogPart, run: Run | None) -> None:
        self._waits = False
        self.progress = BuildProgress().after([LogLine("image", line) for line in before.lines])
        self._pane().clear(before.first)
        if run is None or not run.lines_gone:
            self._pane().write_lines(before.lines, 0.0)
        else:  # what came right behind them is only in the file by now
            self._pane().clear(before.first + len(before.lines) + run.lines_gone)
        for at, events in run.batches() if run else ():
            self.progress = self.progress.after(events)
            self._write(events, at)
        self._taken = set(map(id, run.events)) if run else set()

    def _write(self, events: Sequence[Event], at: float | None) -> None:
        self._pane().write_lines([event.text for event in events if isinstance(event, LogLine)], at)
