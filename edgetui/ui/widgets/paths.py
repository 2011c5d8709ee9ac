"""Completion of paths while they are typed."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

from textual.suggester import Suggester


class PathSuggester(Suggester):
    """Suggests the first file or folder that continues the text; `folder` says where relative paths start."""

    def __init__(self, folder: Callable[[], str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folder = folder

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with the suggestion, or None. Looks into the folder in a thread: it may be a slow disk."""
        if not value:
            return None
        found = await asyncio.to_thread(complete, value, self._folder() or ".")
        return found or await asyncio.to_thread(complete, value, ".")


def complete(text: str, folder: str) -> str | None:
    """Continue `text` to the first entry, in order, whose name begins like its last part; folders end in a separator."""
    head, tail = os.path.split(text)
    place = Path(folder, Path(head).expanduser()) if head else Path(folder)
    try:
        names = sorted(entry.name for entry in os.scandir(place) if entry.name.startswith(tail))
    except OSError:
        return None
    found = next((name for name in names if name.startswith(".") == tail.startswith(".")), None)
    if found is None:
        return None
    return text[: len(text) - len(tail)] + found + (os.sep if (place / found).is_dir() else "")


def meant(text: str, folder: str) -> str:
    """The path that a person means: one below `folder` as typed; one of the current folder, which is no other, made absolute."""
    try:
        path = Path(text).expanduser()
        if not text or path.is_absolute() or (folder and Path(folder, path).exists()) or not path.exists():
            return text
        return str(path.absolute())
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, an unknown ~user: as typed, for the check to refuse
        return text


def impossible(text: str, folder: str) -> str:
    """Why no file can be at the path typed, below `folder` if it is relative; empty if one can."""
    try:
        Path(folder or ".", Path(text).expanduser()).exists()
    except OSError as error:
        return "the path is too long" if error.errno == errno.ENAMETOOLONG else f"it cannot be read: {error.strerror}"
    except (ValueError, RuntimeError) as error:  # an unknown ~user
        return f"this is no path: {error}"
    return ""
