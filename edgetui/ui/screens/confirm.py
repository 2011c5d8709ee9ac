"""A question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.ui.widgets.dialog import Dialog


class ConfirmScreen(Dialog[bool]):
    """Asks, with the safe answer focused; gives True for the other one."""

    HELP = "Tab changes between the two answers, Enter takes one. Esc is the safe one."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss(False)", "Back", id="confirm.back", tooltip="Change nothing"),
        Binding("left,right", "app.focus_next", "Other answer", id="confirm.other", show=False),
    ]

    def __init__(self, title: str, question: str, verb: str, safe: str = "Cancel") -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._verb = verb
        self._safe = safe

    def compose(self) -> ComposeResult:
        """Compose the question and both answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(Content(self._question))
            with Horizontal(classes="buttons"):
                yield Button(self._safe, id="no", compact=True)
                yield Button(self._verb, id="yes", compact=True)
        yield from super().compose()

    def on_mount(self) -> None:
        """Make the safe answer the one that Enter takes."""
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")
