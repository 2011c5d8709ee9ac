"""Keys that were typed right behind the key that opens a field belong into the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input


def take(widget: Widget, event: Key, field: Input, openers: Mapping[str, Callable[[], None]]) -> None:
    """Open `field` now, or put a late key into it; call it from the `on_key` of what holds both list and field.

    Textual hands keys to the focused widget as they arrive and looks at bindings only when they have bubbled to the app. On a
    slow line a whole word comes at once: its letters are then with the list already, and would be lost. `openers` are the ids
    of the bindings that open the field, whatever keys they have.
    """
    if widget.screen.focused is field:
        if event.is_printable and event.character:
            field.insert_text_at_cursor(event.character)
            event.stop()
        return
    active = widget.screen.active_bindings.get(event.key)
    opener = openers.get(active.binding.id or "") if active is not None and active.enabled else None
    if opener is not None:
        event.stop()
        opener()
