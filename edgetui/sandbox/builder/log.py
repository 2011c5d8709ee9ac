"""The log of one build: a file that grows line by line while clients read it."""

from __future__ import annotations

import threading
from pathlib import Path


class BuildLog:
    """Call it with a line; each is in the file when the call returns."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("ab", buffering=0)
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Append a line."""
        with self._lock:
            self._file.write((line + "\n").encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> BuildLog:  # noqa: PYI034 -- Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
