"""A pool of child processes for the adapters of one SDK."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.hosting.messages import Problem, Ready
from edgetui.adapters.hosting.process import ChildGoneError, ChildProcess, InterruptedReceive
from edgetui.core.cancel import Cancellation, current
from edgetui.core.errors import EdgeError

START_LIMIT = 120.0  # seconds until a child must have imported its SDK
IDLE_KEPT = 2  # children kept for the next call; each azureml one holds some 100 MB
CLOSE_LIMIT = 0.9  # seconds that the end of the app waits for its children
TokenSource = Callable[[str], tuple[str, int]]


class Hosted:
    """A pool of child processes for the adapters of one SDK.

    Args:
        name: What it talks to, for messages and folder names: 'azureml'.
        cloud: Gives the cloud; may block until a sandbox is ready, and is called only from threads of this pool.
        children: The folder for the children's private folders.
        imports: Modules that a child imports before it is ready.
        tokens: Where the children's wish for a token goes.
        options: What the adapters get as `context.options`.
        private_home: Whether HOME is a folder of the child's own; False where an SDK needs the person's files.
        pass_env: Further environment variables that the children get; a name that ends with `_` is a prefix.
        limit: How many children at once.
    """

    def __init__(
        self,
        name: str,
        cloud: Callable[[], Cloud],
        children: Path,
        *,
        imports: tuple[str, ...] = (),
        tokens: TokenSource | None = None,
        options: Mapping[str, Any] | None = None,
        private_home: bool = True,
        pass_env: tuple[str, ...] = (),
        limit: int = 3,
    ) -> None:
        self.name = name
        self.tokens = tokens
        self._cloud = cloud
        self._children = children
        self._imports = imports
        self._options = dict(options or {})
        self._private_home = private_home
        self._pass_env = pass_env
        self._limit = limit
        self._changed = threading.Condition()
        self._idle: list[ChildProcess] = []
        self._busy: set[ChildProcess] = set()
        self._starting = 0
        self._waiting = 0
        self._failures: deque[Exception] = deque()
        self._kept_warm = False
        self._closed = False

    def warm(self) -> None:
        """Start a child in the background, and again whenever one had to be ended."""
        with self._changed:
            self._kept_warm = True
            self._warm()

    def close(self) -> None:
        """End all children, those that hang too. Later calls raise EdgeError.

        Nothing is cancelled by it: a build that goes on elsewhere outlives the app, and the next start continues it.
        """
        with self._changed:
            self._closed = True
            children, self._idle = [*self._idle, *self._busy], []
            self._changed.notify_all()
        ends = [threading.Thread(target=child.end, daemon=True) for child in children]
        for end in ends:
            end.start()
        for end in ends:
            end.join(CLOSE_LIMIT)

    def take(self, seconds: float) -> ChildProcess:
        """A ready child that nobody else uses; waits for one at most `seconds`, or START_LIMIT if one must be started."""
        cancellation = current()
        limit = time.monotonic() + max(seconds, START_LIMIT if len(self._busy) < self._limit else 0.0)
        with cancellation.on_cancel(self._wake), self._changed:
            self._waiting += 1
            try:
                while True:
                    self._refuse(cancellation)
                    child = self._next_idle()
                    if child is not None:
                        self._busy.add(child)
                        return child
                    if self._failures:
                        raise self._failures.popleft()
                    if self._starting < self._waiting and self._starting + len(self._busy) < self._limit:
                        self._start()
                    if not self._changed.wait(max(0.0, limit - time.monotonic())) and time.monotonic() >= limit:
                        raise self._too_busy()
            finally:
                self._waiting -= 1

    def give_back(self, child: ChildProcess) -> None:
        """Keep a child whose call ended for the next one."""
        with self._changed:
            self._busy.discard(child)
            keep = not self._closed and len(self._idle) < IDLE_KEPT and child.alive
            if keep:
                child.trim()
                self._idle.append(child)
            self._changed.notify_all()
        if not keep:
            child.end()

    def throw_away(self, child: ChildProcess, *, politely: bool = False) -> None:
        """End a child that hangs, crashed, or whose call was cancelled; `politely` lets it clean up first."""
        with self._changed:
            self._busy.discard(child)
            if self._kept_warm:
                self._warm()
            self._changed.notify_all()
        if politely:
            child.abandon()
        else:
            child.end()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _refuse(self, cancellation: Cancellation) -> None:
        if cancellation.requested:
            raise EdgeError(f"The call to {self.name} was cancelled", kind="cancelled", retryable=True)
        if self._closed:
            # Not cancelled: what goes on elsewhere is only lost sight of.
            title = f"The connection to {self.name} is closed"
            raise EdgeError(title, "edgetui is ending.", kind="unreachable", retryable=True)

    def _too_busy(self) -> EdgeError:
        busy = len(self._busy)
        return EdgeError(
            f"{self.name} is busy",
            f"{busy} other calls are running." if busy else f"Its process did not start within {START_LIMIT:.0f} s.",
            "Wait until one of them ends, or cancel one." if busy else "Try again.",
            retryable=True,
            kind="unreachable",
        )

    def _next_idle(self) -> ChildProcess | None:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            child.end()
        return None

    def _warm(self) -> None:
        if not self._idle and not self._starting and not self._closed and len(self._busy) < self._limit:
            self._start()

    def _start(self) -> None:
        self._starting += 1
        threading.Thread(target=self._start_one, name=f"start {self.name}", daemon=True).start()

    def _start_one(self) -> None:
        child, failure = None, None
        try:
            child = ChildProcess(
                self.name,
                self._cloud(),
                self._children,
                self._imports,
                self._options,
                private_home=self._private_home,
                pass_env=self._pass_env,
            )
            answer = child.receive(START_LIMIT)
            if not isinstance(answer, Ready):
                failure = answer.error if isinstance(answer, Problem) else EdgeError(f"{self.name} did not start")
        except EdgeError as error:
            failure = error
        except (ChildGoneError, InterruptedReceive, TimeoutError, OSError) as problem:
            failure = EdgeError(
                f"The process for {self.name} did not start",
                str(problem),
                "Try again; look at free memory and disk space.",
                retryable=True,
            )
        with self._changed:
            self._starting -= 1
            keep = child is not None and failure is None and not self._closed
            if keep and child is not None:
                self._idle.append(child)
            elif failure is not None and self._waiting:
                self._failures.append(failure)
            self._changed.notify_all()
        if child is not None and not keep:
            child.end()
