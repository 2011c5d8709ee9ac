"""Folders that belong to a running process: locked while it lives, swept away by the next one where it was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_OLD = 60.0  # seconds; a younger folder may not have been locked yet


def claim(below: Path, name: str) -> tuple[Path, int]:
    """Make a folder that only we can read, and sweep away those whose owners were killed.

    Returns the folder, and the descriptor that holds its lock: it is ours until that is closed.
    """
    below.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(below)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=below))
    return folder, _locked(folder)


@contextlib.contextmanager
def claimed(below: Path, name: str) -> Iterator[Path]:
    """The same for the time of a block; the folder is removed after it."""
    folder, lock = claim(below, name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(below: Path) -> None:
    """Remove the folders whose owners are gone."""
    for old in below.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _OLD:
                descriptor = _locked(old)
                shutil.rmtree(old, ignore_errors=True)
                os.close(descriptor)


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
