"""How far an engine's pull or push is, from its events about single layers."""

from __future__ import annotations

import time
from typing import Any

_OFTEN = 0.25  # seconds between two that are told
_WORDS = {
    "Pushing": "Pushing",
    "Downloading": "Pulling the base image",
    "Extracting": "Unpacking the base image",
}
# Of a layer that is done: worth a line of the log.
_DONE = frozenset({"Pushed", "Layer already exists", "Pull complete", "Already exists"})


class Layers:
    """Adds up the layers of one pull or push."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}  # bytes done, and of the whole
        self._told = 0.0

    def take(self, event: dict[str, Any]) -> str | tuple[str, int, int] | None:
        """One status event; returns a line for the log, or (words, bytes done, bytes of all), or None."""
        status, layer, detail = str(event["status"]), str(event.get("id") or ""), event.get("progressDetail") or {}
        if not layer:
            return status
        known = self._layers.get(layer, (0, 0))
        if status in _DONE:
            self._layers[layer] = (known[1], known[1])
            return f"{layer}: {status}"
        if "current" not in detail:
            return None
        # Small layers come with no total.
        self._layers[layer] = (int(detail["current"]), max(int(detail.get("total") or 0), int(detail["current"])))
        if time.monotonic() - self._told < _OFTEN:
            return None
        self._told = time.monotonic()
        done, total = (sum(one[which] for one in self._layers.values()) for which in (0, 1))
        return _WORDS.get(status, status), done, total
