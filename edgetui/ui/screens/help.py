"""F1: what the focused thing is for, and which keys work here."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Markdown

from edgetui.ui.widgets.dialog import Dialog

GENERAL = """
**Copy**: select with the mouse, ctrl+c; hold Shift to use the terminal's own selection.
**ctrl+p** lists every command with its key. **Esc** goes back and never quits.
"""


def text_about(screen: Screen[Any]) -> str:
    """Help for the focused widget first, then for what holds it, then all keys that work now."""
    focused = screen.focused
    chain = [*focused.ancestors_with_self] if focused else [screen]
    said = (getattr(node, "help_text", "") or getattr(node, "HELP", None) for node in chain)
    parts = [inspect.cleandoc(text) for text in said if text]
    rows: list[str] = []
    moves: list[str] = []  # keys that everybody tries anyway
    seen = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.id or binding.id == "app.quit_too" or binding.action in seen or not active.enabled:
            continue
        seen.add(binding.action)
        says = f"{binding.description}: {binding.tooltip}" if binding.tooltip else binding.description
        # A list, not a table: that would draw a line between any two of them, and show half as many.
        key = screen.app.get_key_display(binding).replace("*", r"\*")
        (rows if binding.tooltip else moves).append(f"- **{key}** {says}")
    return "\n\n".join([*parts, "## Keys that work now", "\n".join(rows + moves), GENERAL.strip()])


class HelpScreen(Dialog[None]):
    """A page of help over the screen it is about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,f2", "dismiss", "Close", id="help.close", tooltip="Close the help"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    @classmethod
    def about(cls, screen: Screen[Any]) -> HelpScreen:
        """Help for a screen as it stands."""
        return cls(text_about(screen))

    def compose(self) -> ComposeResult:
        """Compose the page."""
        with VerticalScroll(classes="dialog page") as page:
            page.border_title = "Help (Esc closes)"
            yield Markdown(self._text, open_links=False)
        yield from super().compose()

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()
