"""The command palette: every action that works now, with its key, and every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from edgetui.core import steps
from edgetui.ui.app import EdgeApp

HIDDEN = {"command_palette", "app.focus_next", "app.focus_previous"}  # actions
TWICE = ("app.quit_too", "hub.open_")  # ids of what is listed under another key or name


class Commands(Provider):
    """Reads the keys that are bound at this moment, so that the palette cannot drift from them."""

    def _all(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        app = cast("EdgeApp", self.app)
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.id or binding.id.startswith(TWICE) or binding.action in seen | HIDDEN or not active.enabled:
                continue
            seen.add(binding.action)
            run = partial(app.run_action, binding.action, default_namespace=active.node)
            yield f"{binding.description} ({app.get_key_display(binding)})", binding.tooltip, run
        if app.has_session:
            for step in steps.STEPS:
                yield f"Open {step.number} {step.title}", f"Go to step {step.number}", partial(app.open_step, step.id)
        yield "Theme", "Change the colours; ansi-dark and ansi-light use the terminal's own", app.action_change_theme

    async def discover(self) -> Hits:
        """List everything before a key is typed."""
        for title, help_text, run in self._all():
            yield DiscoveryHit(title, run, help=help_text or None)

    async def search(self, query: str) -> Hits:
        """Find by any part of the title."""
        matcher = self.matcher(query)
        for title, help_text, run in self._all():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=help_text or None)
