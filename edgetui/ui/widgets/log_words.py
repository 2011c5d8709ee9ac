"""What a log's frame says: what the log is, whether it follows, and what is found, filtered and marked in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from edgetui.ui.widgets.log_view import LogView


def standing(view: LogView, empty: str, sought: str) -> Iterator[str]:
    """How the log stands, in pieces; `empty` where nothing came yet, `sought` is the text that was searched for."""
    buffer, total = view.buffer, view.buffer.total
    yield f"{total:,} lines" if total else empty
    if not view.following:
        yield f"paused, {view.behind:,} new, End follows" if view.behind else "paused, End follows"
    elif total:
        yield "following"
    if buffer.filter:
        around = f"around '{buffer.filter}' ±{buffer.context}" if buffer.context else f"with '{buffer.filter}'"
        yield f"{buffer.count:,} {around}"
    if view.pattern is not None:
        yield found(sought, buffer.matches(view.pattern), None if view.following else view.cursor)
    if view.wrapping:
        yield "wrapped"
    elif view.scroll_offset.x:
        yield f"from column {view.scroll_offset.x + 1}"
    marked = view.marked_range
    if marked is not None:
        yield f"{marked[1] - marked[0] + 1} marked, y copies"


def found(text: str, numbers: Sequence[int], current: int | None) -> str:
    """How often a text is there, `numbers` being its lines, and which of them is the current one."""
    if not numbers:
        return f"no '{text}'"
    place = bisect_left(numbers, current) if current is not None else len(numbers)
    if place < len(numbers) and numbers[place] == current:
        return f"'{text}' {place + 1} of {len(numbers)}"
    return f"'{text}' {len(numbers)} found"


def shortened(path: str, width: int) -> str:
    """A path that fits `width` cells: the end of it is what tells files apart."""
    return path if len(path) <= width else "…" + path[1 - width :]
