"""A build's log in a few words: how far it is, and where it went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgetui.core import build_steps
from edgetui.core.events import Event, ImageRun, LogLine, Progress
from edgetui.jobs.build_times import Expected
from edgetui.ui.words.common import clock, progress_text

UNKNOWN = Expected()
_BAR = 12  # cells of the bar at most

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
    stage: str = "image"  # which of its builds that is: some build the environment first, as an image of its own

    def after(self, events: Iterable[Event]) -> BuildProgress:
        """Take more of what the build said."""
        now = self
        for event in events:
            if isinstance(event, Progress):
                now = BuildProgress(now.step, now.steps, progress_text(event), now.stage)
            elif isinstance(event, LogLine) and (begun := build_steps.found(event.text)):
                now = BuildProgress(*begun, now.stage)
            elif isinstance(event, ImageRun) and event.run and event.run.stage != now.stage:
                now = BuildProgress(stage=event.run.stage)
        return now

    def words(self, expected: Expected = UNKNOWN, width: int = 0) -> str:
        """`step 4 of 9 ■■■■□□□□□ RUN pip install · about 1:12 in all`, the step's own words cut to fit `width` cells (0: not)."""
        first = "" if self.stage == "image" else f"{self.stage}: "
        head = f"{first}step {self.step} of {self.steps} {self._bar()}" if self.steps else ""
        end = f" · {estimate(expected)} in all" if expected.seconds >= 1 else ""
        title = self.title or ("" if head else "building")
        room = width - len(head) - len(end) - 1
        if width and len(title) > room:
            title = f"{title[: room - 1]}…" if room > 1 else ""
        return " ".join(part for part in (head, title) if part) + end

    def _bar(self) -> str:
        # As wide as there are steps, where they are few: one mark for each.
        cells = min(self.steps, _BAR)
        done = self.step * cells // self.steps
        return "■" * done + "□" * (cells - done)


def estimate(expected: Expected) -> str:
    """`about 1:12`, or `at most 5:00` where only the build that made the environment is known."""
    return f"{'at most' if expected.most else 'about'} {clock(expected.seconds)}"


def first_error(lines: list[str]) -> int | None:
    """The index of the line that most likely says why a build failed, None where none does."""
    for pattern in ERRORS:
        for index, line in enumerate(lines):
            if pattern.search(line):
                return index
    return None
