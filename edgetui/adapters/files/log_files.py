"""edgetui's own log files: appended line by line at any rate, each line in the file when the call returns."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import OrderedDict
from pathlib import Path

LIMIT = 200 * 10**6  # bytes that logs of builds may take when a new one begins; the oldest go first
_BUILDS = "build-"  # what else is appended to, such as what a device was told before, is somebody's only copy
_FRESH = 600.0  # seconds: what changed since is still being written, perhaps by another process
_OPEN = 4  # files kept open: opening one for each line would cost more than writing it


class LogFiles:
    """The log files of a folder; safe from any thread. Names must be bare file names. OSError as the system gives it."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self._lock = threading.Lock()
        self._open: OrderedDict[str, int] = OrderedDict()  # descriptors, the one used last at the end
        weakref.finalize(self, _close, self._open)

    def append(self, name: str, lines: list[str]) -> Path:
        """Append lines to a file, readable by its owner only; returns its path."""
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        with self._lock:
            handle = self._handle(name)
            while data:  # a file system that is nearly full takes a part
                data = data[os.write(handle, data) :]
        return self.folder / name

    def trim(self, name: str, size: int) -> None:
        """Cut a file to its first `size` bytes; one that is shorter, or not there, stays as it is."""
        path = self.folder / name
        with self._lock:
            if path.is_file() and path.stat().st_size > size:
                os.truncate(path, size)

    def listed(self) -> list[tuple[Path, os.stat_result]]:
        """The logs of builds, the one changed last first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another process made room
                    if path.name.startswith(_BUILDS) and path.is_file() and not path.is_symlink():
                        found.append((path, path.stat()))
        return sorted(found, key=lambda one: one[1].st_mtime, reverse=True)

    def _make_room(self) -> None:
        """Remove the oldest logs of builds until they are within the limit; never one that may still be written."""
        found = self.listed()
        total = sum(state.st_size for _, state in found)
        fresh = time.time() - _FRESH
        for path, state in reversed(found):
            if total <= self.limit:
                break
            if path.name not in self._open and state.st_mtime < fresh:
                # A log that cannot be removed is no reason not to write the new one.
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= state.st_size

    def _handle(self, name: str) -> int:
        handle = self._open.get(name)
        if handle is not None and os.fstat(handle).st_nlink:
            self._open.move_to_end(name)
            return handle
        if handle is not None:  # somebody removed it: what is written now must be found again
            os.close(self._open.pop(name))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.folder / name).exists():
            self._make_room()
        handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._open[name] = handle
        if len(self._open) > _OPEN:
            os.close(self._open.popitem(last=False)[1])
        return handle


def _close(handles: OrderedDict[str, int]) -> None:
    while handles:
        with contextlib.suppress(OSError):
            os.close(handles.popitem()[1])
