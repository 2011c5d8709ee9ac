"""A widget whose frame says what goes on in it, and that is repainted by its frame alone where only that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.widget import Widget

if TYPE_CHECKING:
    from typing_extensions import Self


class Framed(Widget):
    """Has a border; `frame` writes into its upper and lower line. Textual's own titles repaint all that is in between."""

    _words = ("", "")  # as they stand in the frame
    _edge: Region | None = None  # the line of the frame that is being written

    def frame(self, above: str, below: str) -> None:
        """Write into the frame, as plain text."""
        width, height = self.outer_size
        before, self._words = self._words, (above, below)
        # A title is markup unless it is escaped.
        if above != before[0]:
            self._edge = Region(-1, -1, width, 1)
            self.border_title = above.replace("[", r"\[")
        if below != before[1]:
            self._edge = Region(-1, height - 2, width, 1)
            self.border_subtitle = below.replace("[", r"\[")
        self._edge = None

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint; the line of the frame only while that is written."""
        if self._edge is not None and not regions:
            regions = (self._edge,)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
