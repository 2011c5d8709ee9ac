"""Amounts in words, the same on every screen."""

from __future__ import annotations

from edgetui.core.amounts import size_text
from edgetui.core.events import Progress


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
