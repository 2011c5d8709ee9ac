"""The colours of a terminal in a line of text: kept for whoever can show them, taken out for everybody else."""

from __future__ import annotations

import re

SGR = re.compile(r"\x1b\[[0-9;:]*m")


def plain(text: str) -> str:
    """The text without its colours."""
    return SGR.sub("", text) if "\x1b" in text else text
