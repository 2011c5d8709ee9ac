"""Running a job in a thread of its own, so that Ctrl+C and SIGTERM are heard at once, whatever the job waits for."""

from __future__ import annotations

import contextlib
import contextvars
import math
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from types import FrameType
from typing import Any

from edgetui.core import cancel
from edgetui.core.errors import cancelled

LIMIT = 8.0  # seconds that a cancelled job gets to let go
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def events(job: Callable[[], Iterator[Any]]) -> Generator[Any, None, None]:
    """Run a job and yield what it yields; the job waits until the next event is asked for.

    A signal cancels the job: what it still says is yielded, then the cancellation is raised. A second signal does not
    wait for the job any more. Closing the iterator cancels the job too.

    Raises:
        EdgeError: the job's own, or kind 'cancelled' after a signal.
    """
    heard: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()  # its put may be called in a signal handler
    taken = threading.Semaphore(0)
    abandoned = threading.Event()
    cancellation = cancel.Cancellation()

    def work() -> None:
        try:
            with cancel.using(cancellation), contextlib.closing(_closable(job())) as running:
                for event in running:
                    heard.put(("event", event))
                    taken.acquire()
                    if abandoned.is_set():
                        break
            heard.put(("end", None))
        except BaseException as problem:  # noqa: BLE001 -- it is raised again, in the thread that waits
            heard.put(("end", problem))

    worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="job", daemon=True)
    with _signals(lambda: heard.put(("signal", None))):
        worker.start()
        try:
            yield from _until_the_end(heard, taken, cancellation)
        finally:
            abandoned.set()
            cancellation.cancel()
            taken.release()


def _until_the_end(
    heard: queue.SimpleQueue[tuple[str, Any]], taken: threading.Semaphore, cancellation: cancel.Cancellation
) -> Iterator[Any]:
    deadline = math.inf
    while True:
        left = deadline - time.monotonic()
        try:
            kind, value = heard.get(timeout=None if left == math.inf else max(left, 0.0))
        except queue.Empty:
            raise cancelled("The job") from None
        if kind == "event":
            yield value
            taken.release()
        elif kind == "signal":
            if deadline < math.inf:
                raise cancelled("The job")
            deadline = time.monotonic() + LIMIT
            cancellation.cancel()
        elif deadline < math.inf:
            raise cancelled("The job")
        elif value is not None:
            raise value
        else:
            return


def _closable(iterator: Iterator[Any]) -> Any:
    return iterator if hasattr(iterator, "close") else (item for item in iterator)


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """While the block runs a signal raises KeyboardInterrupt, as Ctrl+C does: for what waits outside a job."""

    def act() -> None:
        raise KeyboardInterrupt

    with _signals(act):
        yield


def settle() -> None:
    """From here on the outcome stands: a signal no longer changes it, what is left to end ends within its limits."""
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


@contextlib.contextmanager
def _signals(act: Callable[[], None]) -> Iterator[None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        act()

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
