"""A question with several answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.ui.widgets.dialog import Dialog


class ChooseScreen(Dialog[str]):
    """Gives the id of the answer; the first one is the safe one: it has the focus, and Esc takes it."""

    HELP = "Tab changes between the answers, Enter takes one. Esc takes the first, which loses nothing."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "safe", "Back", id="choose.safe", tooltip="Take the first answer"),
        Binding("right", "app.focus_next", "Other answer", id="choose.next", show=False),
        Binding("left", "app.focus_previous", "Other answer", id="choose.previous", show=False),
    ]

    def __init__(self, title: str, question: str, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._title, self._question, self._answers = title, question, dict(answers)

    def compose(self) -> ComposeResult:
        """Compose the question and the answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(Content(self._question))
            with Horizontal(classes="buttons"):
                for key, words in self._answers.items():
                    yield Button(words, id=key, compact=True)
        yield from super().compose()

    def on_mount(self) -> None:
        """Make the safe answer the one that Enter takes."""
        self.query(Button).first().focus()

    def action_safe(self) -> None:
        """Take the first answer."""
        self.dismiss(next(iter(self._answers)))

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id or "")
