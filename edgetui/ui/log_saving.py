"""Saving a copy of a log, for any screen that shows one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetui.jobs import logs

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

    from edgetui.ui.app import EdgeApp
    from edgetui.ui.widgets.log_pane import LogPane

WHAT = "saved copy"  # the name of the load


def save(edge: EdgeApp, wanted: LogPane.SaveWanted, owner: MessagePump) -> None:
    """Save in the background; `owner` gets `Loaded` or `LoadFailed` with `WHAT`."""
    target = Path(wanted.target).expanduser()
    if target.is_dir() or wanted.target.endswith("/"):
        target /= wanted.pane.proposed.rpartition("/")[2]
    edge.bridge.load(
        WHAT, partial(logs.save_copy, edge.ports, str(target.absolute()), wanted.path, wanted.lines), owner
    )


def saved(app: App[Any], path: str) -> None:
    """Say where it is."""
    app.notify(f"Saved as {path}", markup=False, timeout=10)
