"""An app that a fault of ours does not end: it is said, written down, and the person goes on at the list of steps."""

from __future__ import annotations

from pathlib import Path

from textual._context import active_message_pump
from textual.app import App


class SurvivingApp(App[int]):
    """The part of the app that meets faults of our own."""

    crashed = False  # a fault was met, and nobody answered yet how to go on

    @property
    def reports(self) -> Path | None:
        """The folder for reports of faults; None is the system's temporary one."""
        raise NotImplementedError

    def back(self) -> None:
        """Back to the list of steps."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        """Say a fault of ours without a traceback; Textual would print one and leave."""
        failed = active_message_pump.get(None)
        # A pump whose handler raised is dead; without the app's own and the list of steps there is no going on.
        self.meet(error, lasting=not self.is_running or failed is self or failed in self.screen_stack[:1])

    def meet(self, error: Exception, *, lasting: bool = False) -> None:
        """Write a fault down and ask how to go on; leave where it is `lasting`, or where another one waits for an answer."""
        from edgetui.ui import crash
        from edgetui.ui.screens.crashed import CrashedScreen

        if self._exception is None:
            self._exception = error  # Pilot raises it at the end of a test
            self._exception_event.set()
        text = crash.words(crash.write(error, self.reports))
        if lasting or self.crashed:
            self.exit(return_code=1, message=text)
            return
        self.crashed = True
        # From the app's own pump: the answer comes to the pump that asked, and the one that failed is dead.
        self.call_later(self.push_screen, CrashedScreen(text), self._after_crash)

    def _after_crash(self, go_on: bool | None) -> None:
        self.crashed = False
        if go_on:
            self.back()
        else:
            self.exit(return_code=1)
