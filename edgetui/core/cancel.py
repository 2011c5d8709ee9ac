"""Cancelling a job from another thread.

A job is a plain generator that may be blocked inside a port's call. Whoever runs it makes a `Cancellation`
current for that thread; a port that blocks registers what ends its wait.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator


class Cancellation:
    """A request to stop, safe to make from any thread and more than once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask to stop: run every registered callback once, now."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Sleep, or return True as soon as cancelled: how a job waits between polls."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `callback` (from the cancelling thread) on `cancel`; at once if already cancelled."""
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._callbacks.append(callback)
        if late:
            callback()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._callbacks.remove(callback)


_current: contextvars.ContextVar[Cancellation | None] = contextvars.ContextVar("edgetui_cancellation", default=None)


def current() -> Cancellation:
    """Return the cancellation of the job that runs in this thread; one that nobody cancels where there is none."""
    return _current.get() or Cancellation()


@contextlib.contextmanager
def using(cancellation: Cancellation) -> Iterator[None]:
    """Make `cancellation` current in this thread while the block runs."""
    token = _current.set(cancellation)
    try:
        yield
    finally:
        _current.reset(token)
