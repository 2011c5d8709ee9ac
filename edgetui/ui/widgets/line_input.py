"""An input of one line that keeps up with fast typing, and costs a screen nothing but its own row."""

from __future__ import annotations

from textual.events import Key
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class LineInput(Input):
    """One line of a width that is given, edited in the order in which keys come."""

    # A letter repaints the line: Textual's own lays out the whole screen anew.
    virtual_size = Reactive(Size(0, 0), layout=False)

    async def _on_key(self, event: Key) -> None:
        """Edit at once where a key edits.

        Textual takes letters here but lets other keys bubble to the app first: of what comes together on a slow line,
        Backspace would take away a letter that was typed after it.
        """
        if event.is_printable:
            return
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.node is self and active.enabled:
            event.stop()
            event.prevent_default()
            await self.app.run_action(active.binding.action, self)
