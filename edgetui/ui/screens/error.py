"""An error as a person can use it: what happened, why, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.core.errors import EdgeError
from edgetui.ui.widgets.dialog import Dialog


class ErrorScreen(Dialog[None]):
    """Title, remedy, and the other side's own words below; copy with `y`, try again with `r` where it may help."""

    HELP = "**y** copies the error, **r** tries again where that may help, **Esc** closes it. Nothing that you typed is lost."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss", "Close", id="error.close", tooltip="Close the error"),
        Binding("y", "copy", "Copy", id="error.copy", tooltip="Copy the whole error"),
        Binding("r", "retry", "Retry", id="error.retry", tooltip="Try the same again"),
    ]

    def __init__(self, error: EdgeError, retry: Callable[[], Any] | None = None) -> None:
        super().__init__()
        self.error = error
        self._retry = retry if error.retryable or error.kind in {"input", "access"} else None

    @property
    def text(self) -> str:
        """The whole error as text to copy."""
        return "\n".join(part for part in (self.error.title, self.error.remedy, self.error.detail) if part)

    def compose(self) -> ComposeResult:
        """Compose the three parts and the buttons."""
        error = self.error
        with Vertical(classes="dialog problem") as dialog:
            dialog.border_title = "✗ Not possible now" if error.retryable else "✗ That did not work"
            yield Static(Content(error.title), classes="what")
            if error.remedy:
                yield Static(Content(f"→ {error.remedy}"), classes="remedy")
            if error.detail:
                with VerticalScroll(classes="detail"):
                    yield Static(Content(error.detail))
            with Horizontal(classes="buttons"):
                yield Button("Close", id="close", compact=True)
                yield Button("Copy", id="copy", compact=True)
                if self._retry:
                    yield Button("Try again", id="retry", compact=True)
        yield from super().compose()

    def on_mount(self) -> None:
        """Make closing the answer to Enter."""
        self.query_one("#close", Button).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the retry only where it may help."""
        if action == "retry":
            return self._retry is not None
        return super().check_action(action, parameters)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        {"copy": self.action_copy, "retry": self.action_retry}.get(event.button.id or "", self.dismiss)()

    def action_copy(self) -> None:
        """Copy the error."""
        from edgetui.ui.app import EdgeApp

        if isinstance(self.app, EdgeApp):
            self.app.copy(self.text, "the error")

    def action_retry(self) -> None:
        """Close it and try again."""
        self.dismiss()
        if self._retry is not None:
            self.app.call_later(self._retry)
