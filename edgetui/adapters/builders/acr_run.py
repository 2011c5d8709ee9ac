"""One quick build of ACR Tasks: scheduled once, followed to its end, cancelled there when it is cancelled here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import AzureError

from edgetui.adapters.builders.append_log import AppendLog, Piece
from edgetui.adapters.builders.build_log import cause
from edgetui.adapters.errors import as_edge_error, short, status_of
from edgetui.adapters.web import Web
from edgetui.core import cancel
from edgetui.core.build_causes import explained
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, ImageRun, LogLine, Progress
from edgetui.core.models import BuildRun

_JOB = "image"
_POLL = (0.3, 1.0)  # seconds between two looks: while lines come, and while none do
_STATUS = 2.0  # seconds between two questions about the run while its log says nothing
_LATE = 20.0  # seconds that the log may be late after the run has ended
_PATIENCE = 120.0  # seconds for which nothing may answer before the build is given up here
_SCHEDULING = 8.0  # seconds that a cancelled build waits for the id of what it has just scheduled
_QUIET = 30.0  # seconds without a line after which we say that the build goes on
_KEPT = 20_000  # lines kept to look for the cause of a failure
_LAST = 60  # of them, in which a cause is looked for where the first real error says none
_GOING_ON = {"Queued", "Started", "Running"}
_ENDED = {"Succeeded", "Failed", "Canceled", "Error", "Timeout"}


@dataclass
class _Following:
    """What is known while a run is followed; times are of the monotonic clock."""

    offset: int
    log: AppendLog | None = None
    lines: list[str] = field(default_factory=list)
    heard: float = field(default_factory=time.monotonic)  # the last line
    answered: float = field(default_factory=time.monotonic)  # the last answer of any kind
    asked: float = 0.0  # about the run's status
    ended: float = 0.0  # since when it is known that the run has ended
    told: str = ""  # the status that was told

    def take(self, lines: tuple[str, ...]) -> None:
        self.lines = (self.lines + list(lines))[-_KEPT:]
        self.heard = time.monotonic()

    def is_over(self, piece: Piece, status: str) -> bool:
        """Whether nothing more will come. An end without the log's own end: the log is late, or there is none."""
        if piece.more or not status or status in _GOING_ON:
            return False
        self.ended = self.ended or time.monotonic()
        return piece.complete or time.monotonic() - self.ended > _LATE

    def words(self, run: str, status: str) -> str:
        """What there is to say beside the log, now and then."""
        if status and status != self.told:
            self.told = status
            return f"Build {run} in the registry: {status.lower()}"
        if time.monotonic() - self.heard > _QUIET:
            self.heard = time.monotonic()
            return f"Build {run} goes on, no new lines"
        return ""


class Run:
    """A run: `schedule` or `attach`, then `follow`."""

    def __init__(self, client: Any, group: str, registry: str, web: Web, stage: str) -> None:
        self.id = ""
        self.found: Any = None  # as the registry tells it at the end
        self._client, self._place, self._web, self._stage = client, (group, registry), web, stage
        self._scheduled = threading.Event()
        self._asked = False

    def schedule(self, request: Any) -> None:
        """Schedule it, in one request that nothing repeats.

        Raises:
            EdgeError: refused, or without an answer: then nobody knows whether it was scheduled.
        """
        self._asked = True
        try:
            # Twice scheduled is twice paid, and both would push the same tag.
            self.id = self._client.registries.schedule_run(*self._place, request, retry_total=0).run_id
        except AzureError as problem:
            error = as_edge_error(problem, f"start a build in registry {self._place[1]}")
            if error.kind == "unreachable" and status_of(problem) != 429:
                error.detail = f"{error.detail}\nThe registry may have started it all the same.".strip()
            raise error from problem
        finally:
            self._scheduled.set()

    def attach(self, run: str) -> bool:
        """Take up a run that was scheduled before; False where it is gone or was cancelled."""
        self.id = run
        self._scheduled.set()
        try:
            self.found = self._client.runs.get(*self._place, run)
        except AzureError as problem:
            if status_of(problem) == 404:
                return False
            raise as_edge_error(problem, f"find build {run} again") from problem
        return str(self.found.status) != "Canceled"

    def end(self, run: str) -> None:
        """End one that was scheduled before; one that is gone or has ended stays as it is. Raises EdgeError."""
        if self.attach(run) and str(self.found.status) in _GOING_ON:
            try:
                self._client.runs.cancel(*self._place, run)
            except AzureError as problem:
                raise as_edge_error(problem, f"stop build {run}") from problem

    def cancel(self) -> None:
        """End it at the registry; called from another thread, also while `schedule` waits for its answer."""
        if not self.id and self._asked:
            self._scheduled.wait(_SCHEDULING)
        if self.id:
            # One that cannot be reached now ends by its own time limit, and its tag is of the same content.
            with contextlib.suppress(AzureError):
                self._client.runs.cancel(*self._place, self.id, retry_total=1, connection_timeout=5, read_timeout=5)

    def follow(self, offset: int = 0) -> Iterator[Event]:
        """Yield the log's lines, and after each piece an `ImageRun` that says how far it was taken, until the run has ended.

        Raises:
            EdgeError: it did not end well, was cancelled, or cannot be followed any more.
        """
        now = _Following(offset)
        yield ImageRun(BuildRun("acr", self.id, self._stage, offset))
        while True:
            piece = self._poll(now)
            yield from (LogLine(_JOB, line) for line in piece.lines)
            if piece.lines and now.log:
                now.take(piece.lines)
                yield ImageRun(BuildRun("acr", self.id, self._stage, now.log.offset))
            status = str(self.found.status) if self.found else ""
            if now.is_over(piece, status):
                break
            if words := now.words(self.id, status):
                yield Progress(_JOB, words)
            seconds = 0.0 if piece.more else _POLL[0] if piece.lines else _POLL[1]
            if cancel.current().wait(seconds):
                raise cancelled(f"Build {self.id}")
        if now.log and (rest := now.log.last()):
            now.take(rest)
            yield from (LogLine(_JOB, line) for line in rest)
        self._judge(now.lines)

    def _poll(self, now: _Following) -> Piece:
        """Look at the log, and at the run where the log says nothing; what may pass is borne for a while."""
        try:
            now.log = now.log or AppendLog(self._web, self._log_url(), now.offset)
            piece = self._look(now.log)
            quiet = time.monotonic() - now.asked > _STATUS
            if not self.found or piece.complete or (quiet and not piece.lines):
                self.found, now.asked = self._client.runs.get(*self._place, self.id), time.monotonic()
            now.answered = time.monotonic()
        except (EdgeError, AzureError) as problem:
            error = as_edge_error(problem, f"follow build {self.id}")
            if not error.retryable or time.monotonic() - now.answered > _PATIENCE:
                raise error from problem
            return Piece(there=False)
        return piece

    def _look(self, log: AppendLog) -> Piece:
        try:
            return log.look()
        except EdgeError as problem:
            if problem.kind != "access":
                raise
            log.url = self._log_url()  # the signed address has ended
            return log.look()

    def _log_url(self) -> str:
        return str(self._client.runs.get_log_sas_url(*self._place, self.id).log_link)

    def _judge(self, lines: list[str]) -> None:
        self.found = self._client.runs.get(*self._place, self.id)
        status, said = str(self.found.status), str(self.found.run_error_message or "")
        if status == "Succeeded":
            return
        what = f"Build {self.id} in registry {self._place[1]}"
        if status == "Canceled":
            raise EdgeError(f"{what} was cancelled", kind="cancelled", retryable=True)
        if status == "Timeout":
            raise EdgeError(f"{what} took too long", short(said), "Build again; look for the step that hangs.")
        if status not in _ENDED:
            title = f"{what} ended in a state that edgetui does not know: {status}"
            raise EdgeError(title, short(said), "Look at the run in the portal.")
        problem = EdgeError(f"{what} failed", short(cause(lines) or said), "Read the log, then build again.")
        raise explained(problem, "\n".join(lines[-_LAST:]))
