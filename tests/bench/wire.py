"""A program on a pty whose output is timed and searched as bytes: to draw it as a person sees it costs more than to make it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import ptyprocess

LIMIT = 60.0  # seconds


class Wire:
    """What a program writes to its terminal, and when the last of it came (perf_counter seconds)."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> None:
        columns, rows = size
        self._data = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._came = 0.0
        variables = {**os.environ, "TERM": "xterm-256color", **env}
        self._process = ptyprocess.PtyProcess.spawn(list(command), env=variables, dimensions=(rows, columns))
        self._reader = threading.Thread(target=self._read, name="wire", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    @property
    def written(self) -> int:
        return len(self._data)

    def has(self, text: str, start: int = 0) -> bool:
        with self._changed:
            return self._data.find(text.encode(), start) >= 0

    def keys(self, text: str) -> int:
        """Type; returns where in the output the answer can begin."""
        with self._changed:
            before = len(self._data)
        self._process.write(text.encode())
        return before

    def wait_for(self, wanted: str, start: int = 0) -> float:
        """Wait until the output from `start` on holds a text; returns when it came."""
        deadline = time.monotonic() + LIMIT
        with self._changed:
            while self._data.find(wanted.encode(), start) < 0:
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    raise SystemExit(f"{wanted!r} did not come: {bytes(self._data[-2000:])!r}")
                self._changed.wait(left)
            return self._came

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._process.fd, 65536)
            except OSError:  # how Linux says that nobody writes to a pty any more
                data = b""
            with self._changed:
                self._data += data
                self._came = time.perf_counter()
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process.isalive():
                os.kill(self.pid, signal.SIGKILL)
        self._reader.join(5)
        self._process.close(force=True)


@contextlib.contextmanager
def wire(command: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> Iterator[Wire]:
    """A `Wire` that is closed at the end of the block."""
    one = Wire(command, env, size)
    try:
        yield one
    finally:
        one.close()
