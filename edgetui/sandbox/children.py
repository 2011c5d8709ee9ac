"""Child processes whose output is read line by line, and that can be ended, all of them, at any time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_GRACE = 1.0  # seconds from the wish to end until it is forced


class Stopped(Exception):  # noqa: N818 -- a wish, not an error
    """The work was to stop: cancelled, or the sandbox ends."""


class Stopper:
    """The wish to stop one piece of work; `set()` also ends the child processes that run for it."""

    def __init__(self) -> None:
        self._wished = threading.Event()
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[str]] = set()

    def set(self) -> None:
        """Stop; returns at once."""
        self._wished.set()
        with self._lock:
            for child in self._children:
                _end(child)

    def is_set(self) -> bool:
        """Say whether to stop."""
        return self._wished.is_set()

    def check(self) -> None:
        """Raise Stopped when the work is to stop."""
        if self._wished.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Wait, or raise Stopped as soon as the work is to stop."""
        if self._wished.wait(seconds):
            raise Stopped

    def run(self, command: list[str], env: dict[str, str], cwd: Path, line: Callable[[str], None]) -> int:
        """Run a program and pass each line of its output, errors included, as it comes; return its exit code.

        Raises:
            Stopped: the program was ended because the work is to stop.
            OSError: it cannot be started.
        """
        with self._started(command, env, cwd) as child:
            for text in child.stdout or ():
                line(text.rstrip("\r\n"))
            code = child.wait()
        self.check()
        return code

    @contextlib.contextmanager
    def _started(self, command: list[str], env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            self.check()
            child = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._children.add(child)
        try:
            yield child
        finally:
            with self._lock:
                self._children.discard(child)
            if child.poll() is None:
                _end(child)
                child.wait()
            if child.stdout:
                child.stdout.close()


def _end(child: subprocess.Popen[str]) -> None:
    """End a child and what it started: politely, then by force."""
    if child.poll() is not None:
        return
    if sys.platform == "win32":
        child.kill()
        return
    _signal(child, signal.SIGTERM)
    force = threading.Timer(_GRACE, _signal, (child, signal.SIGKILL))
    force.daemon = True
    force.start()


def _signal(child: subprocess.Popen[str], number: int) -> None:
    if sys.platform != "win32":
        # Its own session, so its own group: compilers that a source package runs end too.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
