"""Plain text in a widget, sent to the terminal only where it changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


def put(widget: Static, text: str) -> None:
    """Show `text` as it is: no markup, and nothing at all where it is shown already."""
    if str(widget.content) != text:
        widget.update(Content(text))
