"""A program of somebody else, run below `supervisor`: its lines as they come, an end by the deadline, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, cancelled

if TYPE_CHECKING:
    from typing_extensions import Self

LINES_SHOWN = 2000  # of a program's output; a log that goes on says nothing new
LINE_LIMIT = 2000  # characters
TAIL = 400  # last lines that are always kept
GRACE = 12.0  # seconds for the supervisor to end everything; it gives up after 10


@dataclass(frozen=True)
class Limits:
    """How much a program may take: seconds, bytes of memory over all its processes, processes."""

    seconds: float
    memory: int = 4 << 30
    processes: int = 200


@dataclass(frozen=True)
class Ended:
    """How it ended: exit code (negative: signal) or None, why it was ended, peak memory in bytes, most processes at once."""

    code: int | None
    why: str
    peak: int = 0
    processes: int = 0


@dataclass
class Output:
    """What it printed: the last lines, and how many there were."""

    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    lines: int = 0


class Supervised:
    """One run, as a context: leaving it ends the program and all that it started.

    `happenings` gives its lines, what others `put`, and at last `Ended`. `folder` is removed when all of it has ended, also
    where this process does not live to see that.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        limits: Limits,
        fds: Sequence[int] = (),
        folder: Path | None = None,
    ) -> None:
        self.output = Output()
        self._queue: queue.Queue[Any] = queue.Queue()
        self._order = {
            "argv": list(argv),
            "env": dict(env),
            "cwd": str(cwd),
            "seconds": limits.seconds,
            "memory": limits.memory,
            "processes": limits.processes,
            "fds": list(fds),
            "folder": str(folder or ""),
        }
        self._fds = tuple(fds)
        self._what = Path(argv[0]).name
        self._ended: Ended | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stop = current()
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("supervisor.py")), str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(writing, *self._fds),
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", os.defpath)},
            )
        except OSError as problem:
            os.close(reading)
            raise EdgeError(f"{self._what} cannot be started", problem.strerror or str(problem)) from None
        finally:
            os.close(writing)
        threading.Thread(target=self._listen, args=(reading,), name=f"{self._what} output", daemon=True).start()
        self._stack.enter_context(self._stop.on_cancel(self.stop))
        with contextlib.suppress(OSError, ValueError):  # it may be stopped already
            assert self._process.stdin is not None  # noqa: S101 -- it is a pipe
            self._process.stdin.write(json.dumps(self._order).encode() + b"\n")
            self._process.stdin.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self.stop()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask the supervisor to end everything; from any thread, at once."""
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def put(self, value: Any) -> None:
        """Let `happenings` give a value of yours; from any thread."""
        self._queue.put(value)

    def happenings(self) -> Iterator[Any]:
        """Lines of its output (the first ones), what was `put`, and `Ended` last.

        Raises:
            EdgeError: (cancelled) the job was cancelled, and the program is ended.
        """
        while True:
            one = self._queue.get()
            if isinstance(one, Ended):
                if self._stop.requested:
                    raise cancelled(self._what)
                yield one
                return
            yield one

    def wait(self) -> Ended:
        """Go on to the end, without the lines."""
        *_, last = self.happenings()
        assert isinstance(last, Ended)  # noqa: S101 -- it is always the last
        return last

    def _listen(self, reading: int) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 -- it is a pipe
        rest = b""
        while data := os.read(stream.fileno(), 1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_LIMIT * 4:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._line(line)
        if rest:
            self._line(rest)
        with os.fdopen(reading, "rb") as report:
            said = report.read()
        try:
            found = json.loads(said)
            ended = Ended(found["code"], found["why"], found["peak"], found["processes"])
        except (ValueError, KeyError, TypeError):
            ended = Ended(None, "stopped")
        self._queue.put(ended)

    def _line(self, data: bytes) -> None:
        text = data[: LINE_LIMIT * 4].decode("utf-8", "replace").rstrip("\r")[:LINE_LIMIT]
        self.output.tail.append(text)
        self.output.lines += 1
        if self.output.lines <= LINES_SHOWN:
            self._queue.put(text)
        elif self.output.lines == LINES_SHOWN + 1:
            self._queue.put("… it goes on; the rest is not shown")
