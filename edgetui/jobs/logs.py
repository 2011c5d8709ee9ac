"""Logs that are kept in files: which there are, reading one, saving a copy. They may be larger than what is worth holding."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePath

from edgetui.core.errors import bad_input
from edgetui.core.models import KeptLog
from edgetui.core.ports import Ports

READ = 8 * 2**20  # bytes from the end: more lines than a pane holds


def lines(ports: Ports, path: str, size: int = 0) -> list[str]:
    """The last lines of a log, or of its first `size` bytes; bytes that are no UTF-8 are replaced.

    Raises:
        EdgeError: it cannot be read.
    """
    with ports.files.open(path, "") as file:
        end = size or file.seek(0, io.SEEK_END)
        start = max(end - READ, 0)
        file.seek(start)
        data = file.read(end - start)
    if start:
        data = data.partition(b"\n")[2]  # the rest of a line that begins before
    # Not splitlines: form feeds and the like are part of a line.
    text = data.decode("utf-8", "replace").removesuffix("\n")
    return text.split("\n") if text else []


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
