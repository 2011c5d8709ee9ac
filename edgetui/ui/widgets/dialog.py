"""What every dialog has: a footer of its own."""

from __future__ import annotations

from typing import TypeVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.screen import ModalScreen

from edgetui.ui.widgets.keys_line import KeysLine

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A question over a screen. A dialog ends its `compose` with `yield from super().compose()`.

    Without that footer, the one of the screen behind would be read, whose keys do nothing now.
    """

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys of the dialog, and those of the app that work everywhere."""
        found = super().active_bindings
        for binding in Binding.make_bindings(self.app.BINDINGS):
            if binding.priority and self.app.check_action(binding.action, ()):
                found.setdefault(binding.key, ActiveBinding(self.app, binding, True, binding.tooltip))
        return found

    def compose(self) -> ComposeResult:
        """Compose the keys that work here."""
        yield KeysLine()
