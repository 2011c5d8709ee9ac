"""The last line: the keys that work now, never more than there is room for."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

# Left out in this order where the line is too short; F1 lists them all the same.
LEAST = ("reload", "refresh_inputs", "command_palette", "filter", "copy_selection")


class KeysLine(Footer):
    """Textual's footer, whose last keys would stand beyond the edge of a narrow screen: help, and how to leave."""

    class Shown(Message):
        """The keys are on the screen for the first time."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._width = 0
        self._told = False

    def compose(self) -> ComposeResult:
        """Compose the keys, without the least important ones where there is no room for all."""
        self._width = self.app.size.width
        keys = list(super().compose())
        for action in LEAST:
            if sum(map(_cells, keys)) - 1 > self._width:
                keys = [key for key in keys if not (isinstance(key, FooterKey) and key.action == action)]
        yield from keys
        if keys and not self._told:
            self._told = True
            self.call_after_refresh(self.post_message, self.Shown())

    async def on_resize(self, _: Resize) -> None:
        """Choose anew for another width."""
        if self.app.size.width != self._width:
            await self.recompose()


def _cells(key: Widget) -> int:
    return cell_len(key.key_display) + cell_len(key.description) + 2 if isinstance(key, FooterKey) else 0
