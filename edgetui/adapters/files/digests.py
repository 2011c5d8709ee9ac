"""Fingerprints of files and folders, the same on every machine; a file that did not change is read once."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgetui.core import cancel
from edgetui.core.errors import cancelled

_CHUNK = 2**20
_RACY_NS = 2 * 10**9  # a file changed within the clock's coarseness may change again and keep its time


def open_without_blocking(path: str, flags: int) -> int:
    """An opener for `open`, which waits for no pipe and no device."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Digests:
    """sha256 in hexadecimal; every OSError comes out as the system gives it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int, int], str] = {}
        self._lock = threading.Lock()

    def file(self, file: Path) -> str:
        """Of a regular file's content. Raises EdgeError when the work was cancelled."""
        with open(file, "rb", opener=open_without_blocking) as source:
            now = os.fstat(source.fileno())
            if not stat.S_ISREG(now.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(file))
            key = (os.path.realpath(file), now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
            with self._lock:
                known = self._known.get(key)
            if known is not None:
                return known
            stop = cancel.current()
            digest = hashlib.sha256()
            while chunk := source.read(_CHUNK):
                if stop.requested:
                    raise cancelled(f"Reading {file}")
                digest.update(chunk)
        if time.time_ns() - now.st_mtime_ns > _RACY_NS:
            with self._lock:
                self._known[key] = digest.hexdigest()
        return digest.hexdigest()

    def folder(self, root: Path) -> str:
        """Of a folder's names and contents, "" where nothing is in it.

        Links to files count by content, links to folders by where they point, so that a link never leads out or in circles.
        """
        entries = list(_entries(root))
        return (
            _over(
                (name, b"link", hashlib.sha256(os.fsencode(entry.readlink())).hexdigest())
                if entry.is_symlink() and not entry.is_file()
                else (name, b"file", self.file(entry))
                for name, entry in entries
            )
            if entries
            else ""
        )

    def files(self, named: Iterable[tuple[str, Path]]) -> str:
        """Of files by these names, with their contents and whether they can be run."""
        return _over(
            (name, b"program" if file.stat().st_mode & stat.S_IXUSR else b"file", self.file(file))
            for name, file in named
        )


def _over(parts: Iterable[tuple[str, bytes, str]]) -> str:
    whole = hashlib.sha256()
    for name, kind, content in parts:
        # Surrogates stand for names that are no UTF-8; a length before each part keeps parts apart.
        label = name.encode("utf-8", "surrogateescape")
        whole.update(b"%d:%s:%s:%s\n" % (len(label), label, kind, content.encode()))
    return whole.hexdigest()


def _entries(root: Path) -> Iterator[tuple[str, Path]]:
    """All files and links below `root`, by relative name with forward slashes, in the order of the names' bytes."""

    def refuse(error: OSError) -> None:
        raise error

    found: list[tuple[str, Path]] = []
    for folder, subfolders, names in os.walk(root, onerror=refuse):
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            entry = Path(folder) / name
            found.append((entry.relative_to(root).as_posix(), entry))
    return iter(sorted(found, key=lambda pair: pair[0].encode("utf-8", "surrogateescape")))
