"""The log file of one build: every line is in it before anybody is shown it, at any rate of lines."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterator
from itertools import groupby

from edgetui.core import rules
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine
from edgetui.core.models import BuildRequest, BuildRun
from edgetui.core.ports import Ports


@dataclasses.dataclass
class KeptLog:
    """The file; one that is continued has lost what was written after the last `ImageRun`. `size` in bytes."""

    ports: Ports
    request: BuildRequest
    resume: BuildRun | None
    path: str = ""
    name: str = dataclasses.field(init=False)
    size: int = 0

    def __post_init__(self) -> None:
        request, resume = self.request, self.resume
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        # The same image may be built from two plans in the same second.
        self.name = rules.file_name(f"build-{request.name}-{request.tag}-{stamp}-{secrets.token_hex(2)}.log")
        if resume and resume.log_name:
            self.name, self.size = resume.log_name, resume.log_size
            self.ports.files.trim_log(self.name, self.size)
            self.path = self.ports.files.append_log(self.name, [])

    def kept(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events; lines that come together are written together."""
        for batch in _batches(events):
            for is_line, some in groupby(batch, lambda event: isinstance(event, LogLine)):
                told = list(some)
                if is_line:
                    self._take([event.text for event in told if isinstance(event, LogLine)])
                yield from told

    def _take(self, lines: list[str]) -> None:
        self.path = self.ports.files.append_log(self.name, lines)
        self.size += sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)


def _batches(events: Iterator[Event]) -> Iterator[list[Event]]:
    """What there is without waiting, in one piece; an iterator that has no `ready` gives one by one."""
    for event in events:
        batch = [event]
        try:
            while getattr(events, "ready", 0):
                batch.append(next(events))
        except EdgeError:
            yield batch
            raise
        yield batch
