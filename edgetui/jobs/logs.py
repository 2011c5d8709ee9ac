"""Reading logs that are kept in files; they may be larger than what is worth holding."""

from __future__ import annotations

import io

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
