"""A terminal for tests and benchmarks: a program on a pty, and the screen that a person would see."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import ptyprocess
import pyte

LIMIT = 60.0  # seconds that anything may take until a test gives up
# Longest first: pyte knows no private parameters like the kitty keyboard's, and would show their letters.
_UNKNOWN = re.compile(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$[a-z]|\x1b[P_^][^\x1b]*\x1b\\")


class Terminal:
    """A program on a pty of 80x24 cells; its output is drawn by pyte as it comes.

    Attributes:
        screen: what is visible; read it through `lines()` and `text()`.
        written: bytes that the program wrote so far.
        started: when it was started (perf_counter seconds).
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> None:
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self.written = 0
        self._stream = pyte.ByteStream(self.screen)
        self._rest = b""
        self._changed = threading.Condition()
        self._ended = False
        # Textual believes these two more than the terminal, and pytest-xdist sets them for its workers.
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        variables = {**inherited, "TERM": "xterm-256color", **(env or {})}
        self.started = time.perf_counter()
        self.process = ptyprocess.PtyProcess.spawn(
            list(command), cwd=str(cwd) if cwd else None, env=variables, dimensions=(rows, columns)
        )
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def lines(self) -> list[str]:
        """The rows of the screen, without the blanks at their ends."""
        with self._changed:
            return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.lines())

    def keys(self, text: str) -> None:
        """Type; control sequences as a terminal sends them."""
        self.process.write(text.encode())

    def wait_for(self, wanted: str | Callable[[str], object], limit: float = LIMIT) -> float:
        """Wait until the screen holds a text (or fulfils a condition); returns seconds since the start."""
        check = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + limit
        with self._changed:
            while not check("\n".join(line.rstrip() for line in self.screen.display)):
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    what = wanted if isinstance(wanted, str) else "what is wanted"
                    why = "the program ended" if self._ended else f"{limit} s passed"
                    shown = "\n".join(self.screen.display)
                    raise AssertionError(f"{why} and {what!r} is not on the screen:\n{shown}")
                self._changed.wait(left)
            return time.perf_counter() - self.started

    def wait(self, limit: float = LIMIT) -> int:
        """Wait until the program has ended; returns its exit code, -n after signal n."""
        deadline = time.monotonic() + limit
        with self._changed:
            while not self._ended:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"still running after {limit} s:\n" + "\n".join(self.screen.display))
                self._changed.wait(left)
        return self._code()

    def _code(self) -> int:
        self.process.wait()
        if self.process.signalstatus is not None:
            return -int(self.process.signalstatus)
        return int(self.process.exitstatus or 0)

    def close(self) -> None:
        """End the program, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            if self.process.isalive():
                os.kill(self.pid, signal.SIGKILL)
        self._reader.join(5)
        self.process.close(force=True)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.process.fd, 65536)
            except OSError:  # how Linux says that nobody writes to a pty any more
                data = b""
            with self._changed:
                self.written += len(data)
                self._feed(data)
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def _feed(self, data: bytes) -> None:
        data = self._rest + data
        cut = data.rfind(b"\x1b", max(0, len(data) - 32))
        # A sequence that was cut by the read waits for the rest of it.
        if cut >= 0 and not re.match(rb"\x1b(\[[0-9;?<=>$]*[a-zA-Z]|[^\[P_^\]])", data[cut:]):
            data, self._rest = data[:cut], data[cut:]
        else:
            self._rest = b""
        self._stream.feed(_UNKNOWN.sub(b"", data))


@contextlib.contextmanager
def terminal(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    size: tuple[int, int] = (80, 24),
) -> Iterator[Terminal]:
    """A `Terminal` that is closed at the end of the block."""
    one = Terminal(command, env, cwd, size)
    try:
        yield one
    finally:
        one.close()
