"""Plain text in a widget, sent to the terminal only where it changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Button, Static


def put(widget: Static, text: str | Content) -> None:
    """Show `text` as it is: no markup, and nothing at all where it is shown already."""
    content = Content(text) if isinstance(text, str) else text
    shown = widget.content
    if str(shown) != content.plain or getattr(shown, "spans", []) != content.spans:
        widget.update(content)


def relabel(button: Button, words: str) -> None:
    """Give a button other words and their width; by itself it keeps the old width where a layout is under way."""
    label = Content(words)
    if str(button.label) != label.plain:
        button.label = label
        button.styles.width = label.cell_length + 2
