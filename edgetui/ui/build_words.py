"""A build's log in a few words: how far it is, and where it went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgetui.core.events import Event, LogLine, Progress
from edgetui.ui.words import clock, progress_text

# What docker, ACR Tasks and the sandbox's builder write at the start of each step: `Step 4/9 : RUN …`.
_STEP = re.compile(r"^\s*(?:#\d+ )?(?:Step|STEP|\[)\s*(\d+)\s*(?:/|of)\s*(\d+)\]?\s*[:\s]\s*(.*)")

# Lines that speak of the cause, the likeliest first.
ERRORS = (
    re.compile(r"\bERROR: "),
    re.compile(r"^\s*(?:E|error|Error|ERROR)\b[: ]"),
    re.compile(r"\w*(?:Error|Exception): "),
    re.compile(r"\b(?:failed|error)\b", re.IGNORECASE),
)


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is; 0 steps where it did not say yet."""

    step: int = 0
    steps: int = 0
    title: str = ""

    def after(self, events: Iterable[Event]) -> BuildProgress:
        """Take more of what the build said."""
        now = self
        for event in events:
            if isinstance(event, Progress):
                now = BuildProgress(now.step, now.steps, progress_text(event))
            elif isinstance(event, LogLine) and (found := _STEP.match(event.text)):
                now = BuildProgress(int(found[1]), int(found[2]), found[3].strip())
        return now

    def words(self, last_seconds: float) -> str:
        """`step 4 of 9, RUN pip install · took 1:12 last time`."""
        parts = [f"step {self.step} of {self.steps}" + (f", {self.title}" if self.title else "")] if self.steps else []
        if not parts:
            parts = [self.title or "building"]
        if last_seconds >= 1:
            parts.append(f"took {clock(last_seconds)} last time")
        return " · ".join(parts)


def first_error(lines: list[str]) -> int | None:
    """The index of the line that most likely says why a build failed, None where none does."""
    for pattern in ERRORS:
        for index, line in enumerate(lines):
            if pattern.search(line):
                return index
    return None
