"""Device-code sign-in: an address and a code, to be typed into a browser on any machine."""

from __future__ import annotations

from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.core.events import SignIn
from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import JobEnded
from edgetui.ui.widgets.dialog import Dialog
from edgetui.ui.widgets.status_line import StatusLine
from edgetui.ui.widgets.texts import put


class SignInScreen(Dialog[None]):
    """Shows where to go and what to type; closes when the sign-in ended, stops it when the person goes back."""

    HELP = """
    # Sign in with a code

    Open the address in a browser on **any** machine, type the code, and sign in there. This screen goes on by itself.
    **y** copies the code, **u** the address, **Esc** gives up.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "cancel", "Cancel", id="sign_in.cancel", tooltip="Give up signing in"),
        Binding("y", "copy_code", "Copy code", id="sign_in.copy_code", tooltip="Copy the code"),
        Binding("u", "copy_url", "Copy address", id="sign_in.copy_url", tooltip="Copy the address"),
    ]

    edge = getters.app(EdgeApp)

    def __init__(self, job: str, event: SignIn) -> None:
        super().__init__()
        self.job = job
        self.event = event

    def compose(self) -> ComposeResult:
        """Compose address, code and buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Sign in"
            yield Static(Content("1  Open this address in a browser, on any machine:"))
            yield Static(Content(f"   {self.event.url}"), id="address", classes="what")
            yield Static(Content("2  Type this code there:"))
            yield Static(Content(f"   {self.event.code}"), id="typed", classes="what")
            yield StatusLine(id="status")
            with Horizontal(classes="buttons"):
                yield Button("Copy code", id="code", compact=True)
                yield Button("Copy address", id="url", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield from super().compose()

    def on_mount(self) -> None:
        """Wait for the other side."""
        self.query_one("#status", StatusLine).busy("Waiting for you to sign in there")
        self.query_one("#code", Button).focus()

    def update_code(self, job: str, event: SignIn) -> None:
        """Show a new code, the old one has run out."""
        self.job, self.event = job, event
        put(self.query_one("#address", Static), f"   {event.url}")
        put(self.query_one("#typed", Static), f"   {event.code}")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        {"code": self.action_copy_code, "url": self.action_copy_url}.get(event.button.id or "", self.action_cancel)()

    @on(JobEnded)
    def _ended(self, message: JobEnded) -> None:
        if message.job == self.job:
            self.dismiss()

    def action_copy_code(self) -> None:
        """Copy the code."""
        self.edge.copy(self.event.code, "the code")

    def action_copy_url(self) -> None:
        """Copy the address."""
        self.edge.copy(self.event.url, "the address")

    def action_cancel(self) -> None:
        """Stop the job that waits for the sign-in."""
        self.edge.bridge.stop(self.job)
        self.query_one("#status", StatusLine).busy("Stopping")
