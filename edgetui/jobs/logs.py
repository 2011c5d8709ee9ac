"""Logs that are kept in files: which there are, reading one, saving a copy. They may be larger than what is worth holding."""

from __future__ import annotations

import io
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from edgetui.core import cancel
from edgetui.core.errors import bad_input, cancelled
from edgetui.core.models import KeptLog
from edgetui.core.ports import Ports

READ = 8 * 2**20  # bytes from the end: more lines than a pane holds
HELD = 20_000  # lines that a pane holds
_CHUNK = 2**18  # bytes that are counted at a time
_LINES = 1_000  # lines that are looked at in one go
_PAUSE = 0.001  # seconds between two goes: whoever answers keys runs first


class LogPart(NamedTuple):
    """Lines of a log as they stand in its file, and the number of the first of them (from 0)."""

    first: int
    lines: list[str]


class Found(NamedTuple):
    """The numbers of the lines that were searched for, and `kept`: by number, the last of them and what stands around."""

    numbers: array[int]
    kept: dict[int, str]
    left_out: int  # how many lines were not kept, there being too many


def lines(ports: Ports, path: str, size: int = 0) -> LogPart:
    """The last lines of a log, or of its first `size` bytes; bytes that are no UTF-8 are replaced.

    Raises:
        EdgeError: it cannot be read.
    """
    with ports.files.open(path, "") as file:
        end = size or file.seek(0, io.SEEK_END)
        start = max(end - READ, 0)
        first = _counted(file, start)
        data = file.read(end - start)
    if start:
        data = data.partition(b"\n")[2]  # the rest of a line that begins before
        first += 1
    # Not splitlines: form feeds and the like are part of a line.
    text = data.decode("utf-8", "replace").removesuffix("\n")
    told = text.split("\n") if text else []
    return LogPart(first + max(len(told) - HELD, 0), told[-HELD:])


def part(ports: Ports, path: str, first: int, count: int) -> LogPart:
    """`count` lines of a log from number `first` on, fewer where it ends before.

    Raises:
        EdgeError: it cannot be read.
    """
    with ports.files.open(path, "") as file:
        return LogPart(first, [_text(raw) for raw in islice(file, first, first + count)])


def search(
    ports: Ports, path: str, passes: Callable[[str], bool], until: int, context: int | None = None, keep: int = HELD
) -> Found:
    """Find the lines before number `until` that pass, in the whole file.

    With `context`, the last `keep` of them are kept, with so many lines around each; around the last ones these may reach
    beyond `until`.

    Raises:
        EdgeError: it cannot be read, or nobody wants to know any more.
    """
    numbers: array[int] = array("L")
    kept: deque[tuple[int, str]] = deque(maxlen=keep)
    before: deque[tuple[int, str]] = deque(maxlen=context or 0)
    came, after = 0, 0  # lines that were kept, and that are still to be kept after the last one found
    with ports.files.open(path, "") as file:
        for number, line in enumerate(_looked_through(file, until + (context or 0))):
            if passes(line):
                if number < until:
                    numbers.append(number)
                if context is not None:
                    kept.extend(before)
                    kept.append((number, line))
                    came += len(before) + 1
                    before.clear()
                    after = context
            elif after:
                kept.append((number, line))
                came, after = came + 1, after - 1
            elif context:
                before.append((number, line))
    return Found(numbers, dict(kept), came - len(kept))


def _looked_through(file: BinaryIO, until: int) -> Iterator[str]:
    """The first `until` lines, with pauses; ends with an error where nobody waits for them any more."""
    asked = cancel.current()
    left = until
    while left > 0 and (some := list(islice(file, min(left, _LINES)))):
        if asked.wait(_PAUSE):
            raise cancelled("Searching the log")
        yield from map(_text, some)
        left -= len(some)


def _counted(file: BinaryIO, end: int) -> int:
    """How many lines end in the first `end` bytes; reads from there on afterwards."""
    count = 0
    file.seek(0)
    while end > 0 and (chunk := file.read(min(end, _CHUNK))):
        count += chunk.count(b"\n")
        end -= len(chunk)
    return count


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").removesuffix("\n")


def kept(ports: Ports) -> list[KeptLog]:
    """The logs of past builds, the newest first."""
    return ports.files.logs()


def save_copy(ports: Ports, target: str, path: str, said: Sequence[str] = ()) -> str:
    """Save a copy of the log in `path` (of the lines `said` where that is "") at `target`, an absolute path; returns it.

    Raises:
        EdgeError: there is a file already, the log cannot be read, or the copy cannot be written.
    """
    if ports.files.exists(target):
        name = PurePath(target).name
        raise bad_input("", f"{target} exists already", f"Give another name, such as {_other(name)}.")
    if path:
        with ports.files.open(path, "") as file:
            text = file.read().decode("utf-8", "replace")
    else:
        text = "".join(f"{line}\n" for line in said)
    ports.files.write_text(target, text, "")
    return target


def _other(name: str) -> str:
    stem, dot, end = name.rpartition(".")
    return f"{stem}-2.{end}" if dot and stem else f"{name}-2"
