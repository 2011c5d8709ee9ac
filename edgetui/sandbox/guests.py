"""Who else uses a sandbox than the one who started it: each holds a lock in its state folder, which ends with its process."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

FOLDER = "guests"
_PATIENCE = 5.0  # seconds; somebody who looks holds a lock for a moment only


@contextlib.contextmanager
def staying(state: Path) -> Iterator[None]:
    """Be a guest of the sandbox on this state folder: it does not end with its owner as long as one is there.

    Raises:
        OSError: the folder cannot be written.
    """
    from filelock import FileLock

    folder = state / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
    lock = FileLock(file, timeout=_PATIENCE)
    try:
        with lock:
            yield
    finally:
        file.unlink(missing_ok=True)


def present(state: Path) -> bool:
    """Whether there is one."""
    return any(_held(file) for file in (state / FOLDER).glob("*.lock"))


def forget(state: Path) -> None:
    """Remove what guests of an earlier sandbox left that could not say goodbye."""
    for file in (state / FOLDER).glob("*.lock"):
        file.unlink(missing_ok=True)


def _held(file: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(file, timeout=0):
            return False  # its process is gone
    except Timeout:
        return True
    except OSError:  # it left this moment
        return False
