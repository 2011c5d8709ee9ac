"""What a log's frame says: what the log is, whether it follows, and what is found, filtered and marked in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from edgetui.ui.widgets.log_buffer import LogBuffer
from edgetui.ui.widgets.log_view import LogView


def standing(view: LogView, empty: str, sought: str, *, searching: bool = False) -> Iterator[str]:
    """How the log stands, in pieces; `empty` where nothing came yet, `sought` is the text that was searched for.

    Where the file is not, or `searching` not yet, looked through, what it says of a text says of how much it says so.
    """
    buffer, total = view.tail, view.tail.total
    yield f"{total:,} lines" if total else empty
    # What a person asked for first: a narrow frame cuts the end.
    if buffer.filter:
        around = f"around '{buffer.filter}' ±{buffer.context}" if buffer.context else f"with '{buffer.filter}'"
        count = (
            f"last {buffer.count:,} of {buffer.count + buffer.left_out:,}" if buffer.left_out else f"{buffer.count:,}"
        )
        yield f"{count} {around}{covered(buffer.total - buffer.searched_from, buffer, searching=searching)}"
    if view.pattern is not None:
        words = found(sought, buffer.found.of(view.pattern), None if view.following else view.cursor)
        if buffer.filter:
            yield words  # among the lines that the filter shows: what these cover is said
        else:
            yield words + covered(buffer.total - buffer.searched_from, buffer, searching=searching)
    if not view.following:
        yield f"paused, {view.behind:,} new, End follows" if view.behind else "paused, End follows"
    elif total:
        yield "following"
    if view.wrapping:
        yield "wrapped"
    elif view.scroll_offset.x:
        yield f"from column {view.scroll_offset.x + 1}"
    marked = view.marked_range
    if marked is not None:
        yield f"{marked[1] - marked[0] + 1} marked, y copies"


def covered(lines: int, buffer: LogBuffer, *, searching: bool) -> str:
    """What a count is of, where not of the whole log but of its last `lines`."""
    if lines >= buffer.total:
        return ""
    return ", searching…" if searching else f" in the last {lines:,} lines"


def found(text: str, numbers: Sequence[int], current: int | None) -> str:
    """How often a text is there, `numbers` being its lines, and which of them is the current one."""
    if not numbers:
        return f"no '{text}'"
    place = bisect_left(numbers, current) if current is not None else len(numbers)
    if place < len(numbers) and numbers[place] == current:
        return f"'{text}' {place + 1:,} of {len(numbers):,}"
    return f"'{text}' {len(numbers):,} found"


def shortened(path: str, width: int) -> str:
    """A path that fits `width` cells: the end of it is what tells files apart."""
    return path if len(path) <= width else "…" + path[1 - width :]
