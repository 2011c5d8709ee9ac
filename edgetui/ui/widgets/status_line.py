"""One line that says what goes on; the only thing in the interface that ever moves."""

from __future__ import annotations

import time

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from edgetui.ui.widgets.texts import put
from edgetui.ui.words.common import clock

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SHOW_AFTER = 0.1  # seconds: what is quicker than this shows no spinner at all
TICK = 0.25


class StatusLine(Static):
    """Says `say(text)`, `busy(text)` with a spinner and the elapsed time, `problem(text)`; still when idle."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(Content(text), id=id, markup=False)
        self._text = text
        self._since = 0.0
        self._timer: Timer | None = None

    @property
    def text(self) -> str:
        """What it says, without spinner and time."""
        return self._text

    @property
    def idle(self) -> bool:
        """Whether it says nothing that is under way or went wrong."""
        return self._timer is None and not self.has_class("problem")

    def say(self, text: str) -> None:
        """Say something that is so."""
        self._stop("")
        self._put(text)

    def problem(self, text: str) -> None:
        """Say what went wrong."""
        self._stop("problem")
        self._put(f"✗ {text}" if text else "")

    def done(self, text: str) -> None:
        """Say what went well."""
        self._stop("done")
        self._put(f"✓ {text}")

    def busy(self, text: str, since: float | None = None) -> None:
        """Say what goes on; `since` (monotonic) is when it began, now if None. Called again it changes the text only."""
        self.set_classes("busy")
        self._text = text
        if self._timer is None:
            self._since = time.monotonic() if since is None else since
            self._timer = self.set_interval(TICK, self._tick)
            if time.monotonic() - self._since >= SHOW_AFTER:
                self._tick()

    def _tick(self) -> None:
        seconds = time.monotonic() - self._since
        frame = FRAMES[int(seconds / TICK) % len(FRAMES)]
        elapsed = f" · {clock(seconds)}" if seconds >= 1 else ""
        words = f"{frame} {self._text}{elapsed}"
        # A text that may need another number of rows moves what is above; the usual one must not lay out the screen.
        self.update(Content(words), layout=self.size.height != 1 or len(words) > self.content_size.width)

    def _stop(self, look: str) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.set_classes(look)

    def _put(self, text: str) -> None:
        self._text = text
        put(self, text)
