"""Amounts in words, the same on every screen."""

from __future__ import annotations

import os
import time

from rich.cells import cell_len, set_cell_size

from edgetui.core.amounts import size_text
from edgetui.core.events import Progress


def moment(seconds: float) -> str:
    """A time since the epoch as `2026-05-05 10:00`, where the person is."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def cut(text: str, room: int) -> str:
    """As much of the beginning as there is room for."""
    return text if cell_len(text) <= room else set_cell_size(text, max(0, room - 1)).rstrip() + "…"


def tail(text: str, room: int) -> str:
    """As much of a path's end as there is room for, from the beginning of a name on: that tells one from another."""
    if cell_len(text) <= room:
        return text
    end = set_cell_size(text[::-1], max(0, room - 1))[::-1].lstrip()
    return "…" + (os.sep + name if (name := end.partition(os.sep)[2]) else end)


def around(text: str, word: str, room: int) -> str:
    """As much of a text as there is room for, from shortly before `word` (in lower case) on."""
    at = text.casefold().find(word)
    start = 0 if len(text) <= room else max(0, min(at - 4, len(text) - room))
    return cut(("…" if start else "") + text[start:], room)


def clock(seconds: float) -> str:
    """Time as `1:05` or `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def progress_text(event: Progress) -> str:
    """`uploading model.pkl · 12.0 MB of 60.0 MB · 20 %`."""
    if not event.total:
        return event.text
    done, total = (size_text(n) if event.unit == "bytes" else str(n) for n in (event.done, event.total))
    return f"{event.text} · {done} of {total} · {100 * event.done // event.total} %"
