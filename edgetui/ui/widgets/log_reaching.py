"""Reaching from a log's pane into its file: a search of all of it, and the lines around one that is not held."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual import on
from textual.timer import Timer
from textual.widget import Widget

from edgetui.jobs import logs
from edgetui.ui.messages import FileWanted, Loaded, LoadFailed
from edgetui.ui.widgets.log_buffer import LogBuffer
from edgetui.ui.widgets.log_cleaning import clean
from edgetui.ui.widgets.log_view import LogView

if TYPE_CHECKING:
    from edgetui.jobs.logs import Found, LogPart

SEARCH, PART = "log search", "log part"  # the names of the loads
PART_LINES = 2_000  # lines that are brought from the file at once
TYPING_SECONDS = 0.3  # a letter behind the last one within this time: the text is not whole yet


class LogReaching(Widget):
    """The part of a `LogPane` that asks for what is in the file only, by `FileWanted`."""

    path: str
    buffer: LogBuffer
    _pause: Timer | None = None
    _search: tuple[re.Pattern[str], int] | None = None  # what the file is searched for, before which line number
    _unread: str = ""  # the file that could not be read
    _jump_from: tuple[int, int] | None = None  # where the jump starts, and its step, that waits for the search
    _reached: tuple[int, int | None] | None = None  # the line that is to be shown once it is here, and its lead

    @property
    def view(self) -> LogView:
        """The window itself."""
        raise NotImplementedError

    def _describe(self) -> None:
        raise NotImplementedError

    def not_found(self) -> None:
        """Say that what is searched for is nowhere."""
        raise NotImplementedError

    @property
    def searching(self) -> bool:
        """Whether the file is being searched, or will be once the text is typed."""
        return self._search is not None or self._pause is not None

    def forget(self) -> None:
        """Wait for nothing any more: it is another log."""
        self._stop_pause()
        self._search = self._jump_from = self._reached = None

    def search_soon(self) -> None:
        """Search the file for what is typed, unless more is typed at once."""
        self._stop_pause()
        self._search = self._jump_from = None
        if self._unsearched() is not None:
            self._pause = self.set_timer(TYPING_SECONDS, self.search_now)

    def search_now(self) -> None:
        """Search the file for what the lines that are held were searched or filtered for."""
        self._stop_pause()
        buffer, pattern = self.buffer, self._unsearched()
        if pattern is None or (self._search is not None and self._search[0] is pattern):
            return
        path, until, context = self.path, buffer.first, buffer.context if buffer.filter else None
        self._search = pattern, until

        def passes(line: str) -> bool:
            return pattern.search(clean(line)) is not None

        self.post_message(
            FileWanted(self, SEARCH, lambda ports: logs.search(ports, path, passes, until, context, buffer.max_lines))
        )

    def jump(self, start: int, step: int) -> None:
        """Go to the nearest place that was searched for, from line number `start` on; wait for the search where need be."""
        pattern, buffer = self.view.pattern, self.buffer
        if pattern is None:
            return
        number = buffer.found.nearest(pattern, start, step)
        sure = start >= buffer.searched_from and number is not None and (number - start) * step >= 0
        if not sure and self._unsearched() is not None:
            self.search_now()
            self._jump_from = start, step
            self._describe()
        elif number is None:
            self.not_found()
        else:
            self.reach(number)

    def reach(self, number: int, lead: int | None = None) -> None:
        """Make the line with this number the current one, from the file if need be; `lead` as in `LogView.go_to`."""
        view = self.view
        self._reached = None
        for buffer in (self.buffer, view.buffer):
            if buffer.holds(number) or (buffer is self.buffer and not self._readable):
                view.turn_to(buffer)
                view.go_to(buffer.index(number), lead)
                return
        self._reached = number, lead
        path, first = self.path, max(number - PART_LINES // 2, 0)
        self.post_message(FileWanted(self, PART, lambda ports: logs.part(ports, path, first, PART_LINES)))

    @property
    def _readable(self) -> bool:
        return bool(self.path) and self.path != self._unread

    def _unsearched(self) -> re.Pattern[str] | None:
        """What the file is still to be searched for."""
        buffer = self.buffer
        pattern = buffer.filtering if buffer.filter else self.view.pattern
        if pattern is None or not self._readable:
            return None
        if not buffer.filter:
            buffer.found.of(pattern)
        return pattern if buffer.searched_from else None

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None

    @on(LogView.Followed)
    def _stay(self, event: LogView.Followed) -> None:
        event.stop()
        self._reached = self._jump_from = None

    @on(LogView.Beyond)
    def _go_beyond(self, event: LogView.Beyond) -> None:
        event.stop()
        self.reach(event.number)

    @on(Loaded)
    def _take_loaded(self, message: Loaded) -> None:
        message.stop()
        if message.what == PART:
            self._take_part(message.value)
        elif message.what == SEARCH:
            self._take_found(message.value)

    def _take_found(self, found: Found) -> None:
        if self._search is None:
            return
        (pattern, until), self._search = self._search, None
        view, buffer, number = self.view, self.buffer, self.view.number
        if not buffer.filter:
            buffer.found.put(pattern, found.numbers, until)
        elif buffer.filtering is pattern:
            buffer.put_older(found.kept, found.left_out)
            view.cursor = number
            view.reload()
        if self._jump_from is not None:
            (start, step), self._jump_from = self._jump_from, None
            self.jump(start, step)
        self._describe()

    def _take_part(self, part: LogPart) -> None:
        if self._reached is None:
            return
        (number, lead), self._reached = self._reached, None
        page = LogBuffer(PART_LINES, part.first)
        page.append(part.lines)
        if page.count:
            self.view.turn_to(page)
            self.view.go_to(page.index(number), lead)
        self._describe()

    @on(LoadFailed)
    def _take_failure(self, message: LoadFailed) -> None:
        message.stop()
        self._unread = self.path  # what is held is all there is
        waiting, reached = self._jump_from, self._reached
        self.forget()
        self.app.notify(f"{message.error.title}. {message.error.detail}".strip(), severity="warning", markup=False)
        if waiting is not None:
            self.jump(*waiting)
        elif reached is not None:
            self.reach(*reached)
        self._describe()
