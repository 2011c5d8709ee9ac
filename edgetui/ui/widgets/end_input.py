"""An input whose end is what shows of a text that is longer than the line."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from edgetui.ui.widgets.line_input import LineInput

CUT = "…"


class EndInput(LineInput):
    """Shows the end of a long text while nobody is in it: a path's last part is what tells.

    Where something is out of sight, the edge says so.
    """

    def on_resize(self) -> None:
        """Show the end in the new width."""
        self.call_after_refresh(self._show_cursor)

    def on_blur(self) -> None:
        """Show the end again, wherever the person was."""
        self.cursor_position = len(self.value)
        self._show_cursor()

    def _show_cursor(self) -> None:
        self.scroll_to_region(Region(self._cursor_offset, 0, width=1, height=1), force=True, animate=False)

    def render_line(self, y: int) -> Strip:
        """The text with a mark at either edge behind which there is more."""
        strip, width = super().render_line(y), self.scrollable_content_region.width
        if y or not self.value or width < 3 or self._value.cell_len <= width:
            return strip
        left = self.scroll_offset.x
        cursor = self._cursor_offset - left if self.has_focus else -1
        if left > 0 and cursor != 0:
            strip = _marked(strip, 0)
        if self._value.cell_len > left + width and cursor != width - 1:
            strip = _marked(strip, width - 1)
        return strip


def _marked(strip: Strip, at: int) -> Strip:
    """The strip with `…` in one of its cells, which keeps its style."""
    before, cell, after = strip.crop(0, at), strip.crop(at, at + 1), strip.crop(at + 1)
    style = next((segment.style for segment in cell), None)
    return Strip.join([before, Strip([Segment(CUT, style)]), after])
