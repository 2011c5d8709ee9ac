"""How a sandbox process begins and ends: its port, its one owner, its signals, its last resort."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LOOK = 0.5  # seconds between looks at who else is there, once the owner has gone
LIMIT = 2.5  # seconds from the wish to stop until the process is gone, whatever still hangs


class SandboxError(Exception):
    """The sandbox cannot start; the text is one line for the person who started it."""


@contextlib.contextmanager
def owned(state: Path) -> Iterator[None]:
    """Hold the state folder for this process alone.

    Raises:
        SandboxError: another sandbox has it, or the folder cannot be made or written.
    """
    from filelock import FileLock, Timeout

    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(state / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise SandboxError(f"another sandbox is using {state}; stop it, or give another --state folder") from None
    except OSError as problem:
        raise SandboxError(f"the state folder {state} cannot be used: {problem.strerror or problem}") from None
    try:
        yield
    finally:
        lock.release()


def bind(wanted: int | None) -> socket.socket:
    """Return a listening socket on 127.0.0.1: on `wanted` if that port is free, else on one that the system gives."""
    if wanted:
        with contextlib.suppress(OSError):
            return _listen(wanted)
    try:
        return _listen(0)
    except OSError as problem:
        raise SandboxError(f"no port on 127.0.0.1 can be opened: {problem.strerror or problem}") from None


def _listen(port: int) -> socket.socket:
    # The protocol must be said: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two processes share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener


class Ending:
    """The wish to stop, from a signal or from the end of stdin; acts once."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._actions: list[Callable[[], None]] = []

    def then(self, action: Callable[[], None]) -> None:
        """Call `action` when the wish comes, at once if it has come already."""
        self._actions.append(action)
        if self.asked.is_set():
            action()

    def ask(self) -> None:
        """Wish to stop."""
        if self.asked.is_set():
            return
        self.asked.set()
        last_resort = threading.Timer(LIMIT, os._exit, (1,))
        last_resort.daemon = True
        last_resort.start()
        for action in self._actions:
            action()

    def on_signals(self) -> None:
        """Stop on SIGTERM and SIGINT (and Ctrl+Break on Windows)."""
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self.ask())

    def on_stdin_end(self, wanted: Callable[[], bool]) -> None:
        """Stop when stdin ends, which happens also when the parent process is killed, and nobody else wants us any more."""

        def wait() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):  # not sys.stdin: its lock would be held at interpreter exit
                    pass
            while wanted() and not self.asked.wait(LOOK):
                pass
            self.ask()

        threading.Thread(target=wait, name="stdin", daemon=True).start()
