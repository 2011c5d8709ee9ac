"""One line to find a text in an editor: type it, Enter, then n and N."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from edgetui.ui.widgets.line_input import LineInput


class FindLine(Horizontal, can_focus=True):
    """Hidden until `open`; whoever has it listens to `Wanted` and `Left`, and calls `found`.

    While a text is typed the input has the focus; Enter gives it to the line itself, where single letters are keys.
    """

    DEFAULT_CSS = """
    FindLine { height: 1; display: none; }
    FindLine.-open { display: block; }
    FindLine .label { width: 6; }
    FindLine Input { width: 1fr; border: none; padding: 0; height: 1; }
    FindLine #found { width: auto; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,enter,down", "step(1)", "Next", id="find.next", tooltip="Next place", key_display="n", show=False),
        Binding(
            "N,up", "step(-1)", "Previous", id="find.previous", tooltip="Previous place", key_display="N", show=False
        ),
        Binding(
            "slash", "again", "Other text", id="find.again", tooltip="Find another text", key_display="/", show=False
        ),
        Binding("escape", "leave", "Done", id="find.leave", tooltip="Back to the editor", show=False),
    ]
    HELP = "## Find\n`n` and `N` go to the next and the previous place, `/` asks for another text, **Esc** goes back to typing."

    @dataclass
    class Wanted(Message):
        """A text is wanted: at or after the cursor (step 0), the next (1) or the previous one (-1)."""

        text: str
        step: int

    class Left(Message):
        """The person is done finding."""

    field = getters.query_one(Input)

    def compose(self) -> ComposeResult:
        """Label, input, and what was found."""
        yield Static("find", classes="label")
        field = LineInput(compact=True, placeholder="a text; Enter goes to it, then n and N; Esc leaves")
        field.cursor_blink = field.can_focus = False  # not shown yet: it must not take the focus when a screen opens
        yield field
        yield Static("", id="found", markup=False)

    def on_mount(self) -> None:
        """Take no focus while hidden."""
        self.can_focus = False

    def open(self, text: str = "") -> None:
        """Ask for a text; `text` is proposed."""
        self.add_class("-open")
        self.can_focus = self.field.can_focus = True
        if text:
            self.field.value = text
        # At once: what is typed right behind the key belongs into the field.
        self.screen.set_focus(self.field)
        self.field.action_select_all()

    def close(self) -> None:
        """Hide again; the text stays for the next time."""
        self.remove_class("-open")
        self.can_focus = self.field.can_focus = False

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("-open")

    def found(self, number: int, count: int) -> None:
        """Say which place is shown."""
        keys = " · n, N: next, previous · Esc" if self.has_focus else ""
        words = f"{number} of {count}{keys}" if count else "not there" if self.field.value else ""
        self.query_one("#found", Static).update(Content(words))

    def action_step(self, step: int) -> None:
        """Go to another place."""
        self.post_message(self.Wanted(self.field.value, step))

    def action_again(self) -> None:
        """Ask for another text."""
        self.open()

    def action_leave(self) -> None:
        """Go back to the editor."""
        self.close()
        self.post_message(self.Left())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Wanted(event.value, 0))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value:
            self.screen.set_focus(self)
            self.post_message(self.Wanted(event.value, 0))
