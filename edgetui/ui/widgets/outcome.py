"""What something beside the check came to: one line, and a few below it; hidden until there is something to say."""

from __future__ import annotations

from collections.abc import Sequence

from textual import getters
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from edgetui.ui.widgets.status_line import StatusLine


class Outcome(Vertical):
    """`busy`, `done`, `failed`, `stale` or `hide`."""

    DEFAULT_CSS = """
    Outcome { height: auto; display: none; background: $surface; }
    Outcome.-shown { display: block; }
    Outcome StatusLine { height: 1; }
    Outcome .details { height: auto; max-height: 3; padding: 0 1 0 3; display: none; }
    Outcome.-more .details { display: block; }
    .-wide Outcome .details { max-height: 6; }
    """

    line = getters.query_one(StatusLine)

    @property
    def is_shown(self) -> bool:
        """Whether it says anything."""
        return self.has_class("-shown")

    def compose(self) -> ComposeResult:
        """The line and what stands below."""
        yield StatusLine()
        yield Static("", classes="details", markup=False)

    def busy(self, text: str, since: float | None = None) -> None:
        """Say that it is at work, since when (monotonic)."""
        self._details(())
        self.line.busy(text, since)

    def done(self, text: str, details: Sequence[str] = ()) -> None:
        """Say that it went well."""
        self._details(details)
        self.line.done(text)

    def failed(self, text: str, details: Sequence[str] = ()) -> None:
        """Say that it did not."""
        self._details(details)
        self.line.problem(text)

    def stale(self, text: str) -> None:
        """Say what it came to before something changed."""
        self._details(())
        self.line.say(f"~ {text}")

    def hide(self) -> None:
        """Say nothing."""
        self.line.say("")
        self.remove_class("-shown")

    def _details(self, lines: Sequence[str]) -> None:
        self.add_class("-shown")
        self.set_class(bool(lines), "-more")
        self.query_one(".details", Static).update(Content("\n".join(lines)))
