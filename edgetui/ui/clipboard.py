"""Copying over any terminal, SSH and tmux too: OSC 52 first, a file where the text is too long for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

LIMIT = 74_000  # bytes before encoding: many terminals drop an OSC 52 of more than 100 kB


def copy(text: str, put: Callable[[str], None], folder: Path) -> str:
    """Copy `text` with `put`, or write it to a file below `folder`; returns where it went, in words.

    Raises:
        OSError: the file cannot be written.
    """
    if len(text.encode()) <= LIMIT:
        put(text)
        return "copied to the terminal's clipboard"
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="copied-", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return f"too long for the clipboard, saved as {name}"
