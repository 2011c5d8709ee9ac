"""A fault of our own, said without a traceback."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.ui.widgets.dialog import Dialog


class CrashedScreen(Dialog[bool]):
    """Gives True for going on at the list of steps, False for leaving."""

    HELP = "edgetui made a mistake that it did not foresee. Going back to the steps usually works: nothing is lost."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss(True)", "Back", id="crashed.back", tooltip="Back to the list of steps"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Compose the text and both ways on."""
        with Vertical(classes="dialog problem") as dialog:
            dialog.border_title = "✗ A fault in edgetui"
            yield Static(Content(self._text))
            with Horizontal(classes="buttons"):
                yield Button("Back to the steps", id="back", compact=True)
                yield Button("Quit", id="quit", compact=True)
        yield from super().compose()

    def on_mount(self) -> None:
        """Going on is what Enter does."""
        self.query_one("#back", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "back")
