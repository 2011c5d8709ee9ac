"""Which lines of a log match a text: found as the lines come, and told of those that only the log's file has."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetui.ui.widgets.log_buffer import LogBuffer


class LogMatches:
    """The numbers of the shown lines of a buffer that match a pattern, the one that was asked for last.

    They are kept where their lines leave, so that a place is still counted when only the file has it.
    """

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self._sought: re.Pattern[str] | None = None
        self._found: array[int] = array("L")  # of the lines before `_looked`, from `start` on
        self._looked = 0
        self.start = 0  # the number of the line from which on, without a filter, all are known

    def forget(self) -> None:
        """Other lines are shown: look at all of them anew."""
        self._sought = None

    def look(self) -> None:
        """Look at what came since, before any of it leaves."""
        if self._sought is not None:
            self.of(self._sought)

    def of(self, pattern: re.Pattern[str]) -> Sequence[int]:
        """Oldest first, from `LogBuffer.searched_from` on; those too that have left since.

        Asked again, it looks only at what came since. So it does where a text only became longer (`log_buffer.plain`): what
        has it is among the lines that had the shorter one.
        """
        buffer, search = self._buffer, pattern.search
        first = buffer.first
        if pattern is not self._sought:
            if self._sought is not None and self._sought.pattern in pattern.pattern:
                found = (number for number in self._found if buffer.holds(number))
                self._found = array("L", [number for number in found if search(buffer.line(number))])
            else:
                self._found, self._looked = array("L"), 0 if buffer.filter else first
            self._sought, self.start = pattern, first
        if buffer.filter:
            shown = buffer.shown
            fresh = shown[bisect_left(shown, self._looked) :]
            self._found.extend([number for number in fresh if search(buffer.line(number))])
            del self._found[: bisect_left(self._found, shown[0] if shown else buffer.total)]
        else:
            looked = max(self._looked, first)
            lines = enumerate(buffer.lines[looked - first :], looked)
            self._found.extend([number for number, line in lines if search(line)])
        self._looked = buffer.total
        return self._found

    def nearest(self, pattern: re.Pattern[str], start: int, step: int) -> int | None:
        """The number of the nearest one, from number `start` on in steps of 1 or -1, wrapping round; None: there is none.

        It may be of a line that is not held any more.
        """
        numbers = self.of(pattern)
        if not numbers:
            return None
        place = bisect_left(numbers, start) if step > 0 else bisect_right(numbers, start) - 1
        return numbers[place % len(numbers)]

    def put(self, pattern: re.Pattern[str], numbers: Sequence[int], until: int) -> None:
        """Know of all lines before number `until` which ones match; nothing, where it is another pattern by now."""
        if pattern is self._sought and not self._buffer.filter and until >= self.start:
            self._found[:0] = array("L", numbers[: bisect_left(numbers, self.start)])
            self.start = 0
