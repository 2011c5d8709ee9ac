"""The first line of every screen: whose it is, whether it is the sandbox, and where one works."""

from __future__ import annotations

from textual.widgets import Static

from edgetui.ui.widgets.texts import put


class HeaderLine(Static):
    """`edgetui` on the left; SANDBOX, workspace and hub on the right."""

    def __init__(self, left: str = "edgetui", right: str = "") -> None:
        super().__init__("", markup=False)
        self._left = left
        self._right = right

    def put(self, left: str, right: str) -> None:
        """Set both ends."""
        self._left, self._right = left, right
        self._draw()

    def on_resize(self) -> None:
        """Spread the two ends over the new width."""
        self._draw()

    def _draw(self) -> None:
        if not self.size.width:
            return  # not laid out yet
        room = max(0, self.size.width - 2 - len(self._right) - 1)
        left = self._left if len(self._left) <= room else self._left[: max(0, room - 1)] + "…"
        put(self, f" {left.ljust(room)} {self._right} ")
