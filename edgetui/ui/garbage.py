"""When the wizard's process is looked through for garbage: not while a job's lines pour in, and not while somebody types."""

from __future__ import annotations

import gc
from time import monotonic
from typing import Any

from textual import on
from textual.events import Event, Key

from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import JobEnded

QUIET = 2.0  # seconds without a key, after which the next one will hardly come at once


class TidyApp(EdgeApp):
    """The wizard in a process of its own.

    A search of everything takes as long as the answer to a key may, and thousands of lines would bring one every second.
    So what is there once the app has begun, and when a job begins, is left out of it, and is looked through when all jobs
    have ended and nobody types.
    """

    _typed = 0.0  # when the last key came, monotonic seconds

    def run_job(self, job: str, **options: Any) -> bool:
        """Start a job; what is there now is not looked through again and again while it runs."""
        started = super().run_job(job, **options)
        if started:
            gc.freeze()
        return started

    async def on_event(self, event: Event) -> None:
        """Know when the last key came."""
        if isinstance(event, Key):
            self._typed = monotonic()
        await super().on_event(event)

    def on_ready(self) -> None:
        """What the start has left behind goes first."""
        self._tidy_later()

    @on(JobEnded)
    def _tidy_later(self) -> None:
        self.set_timer(QUIET, self._tidy)

    def _tidy(self) -> None:
        if self.bridge.running:
            return  # its end comes here again
        if monotonic() - self._typed < QUIET:
            self._tidy_later()
            return
        gc.unfreeze()
        gc.collect()
        gc.freeze()
