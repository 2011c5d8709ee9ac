"""Amounts in words, the same for every face."""

from __future__ import annotations


def size_text(count: float) -> str:
    """Bytes as `12.3 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"


def count_text(number: int, what: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {what}{'s' * (number != 1)}"
