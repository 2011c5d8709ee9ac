"""The rows of a filtered table, and the widget that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Click, Focus, Resize
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from edgetui.ui.words.common import cut

NARROWEST = 6  # cells of a column that is worth showing in part


@dataclass(frozen=True)
class Row:
    """One row: `key` is what `y` copies and messages carry; `search` is text that the filter sees beside the cells."""

    key: str
    cells: tuple[str, ...]
    search: str = ""

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word is somewhere in the row, in any case."""
        text = " ".join((self.key, *self.cells, self.search)).casefold()
        return all(word in text for word in words)


class RowsTable(DataTable[Text]):
    """The rows themselves; mirrors its highlight into the terminal's cursor, for screen readers and magnifiers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home,ctrl+home", "scroll_top", "First", show=False, id="table.first"),
        Binding("end,ctrl+end", "scroll_bottom", "Last", show=False, id="table.last"),
    ]

    class Clicked(Message):
        """A row was clicked; `again` where it was the current one already, `mark` where the click was on the mark."""

        def __init__(self, *, again: bool, mark: bool) -> None:
            super().__init__()
            self.again = again
            self.mark = mark

    def _update_dimensions(self, updated_rows: Iterable[RowKey]) -> None:
        # After it has measured the new rows; Textual itself would let the edge of the screen cut a cell, without a word.
        super()._update_dimensions(updated_rows)
        if self._fit():
            super()._update_dimensions(())

    def on_resize(self, _: Resize) -> None:
        """Fit the columns into the new width."""
        self._refit()

    def watch_show_vertical_scrollbar(self, _: bool) -> None:
        """Fit the columns beside the bar, which comes and goes with the number of rows."""
        self._refit()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Show what is to the right whole when it is scrolled to."""
        super().watch_scroll_x(old_value, new_value)
        if bool(old_value) != bool(new_value):
            self._refit()

    def _refit(self) -> None:
        if self._fit():
            self._require_update_dimensions = True
            self.refresh()

    def _fit(self) -> bool:
        """End the column that crosses the right edge there, so that its cells end with `…`; whether a width changed."""
        room, pad, x = self.scrollable_content_region.width, 2 * self.cell_padding, 0
        widths: list[int] = []
        for column in self.ordered_columns:
            width, left = column.content_width, room - x - pad
            if self.scroll_x == 0 and left + pad > 0 and left < width:
                if left < NARROWEST and widths:  # not worth beginning: what is left goes to the one before
                    widths[-1] += left + pad
                else:
                    width = left
                x = room
            widths.append(width)
            x += width + pad
        changed = [column.width for column in self.ordered_columns] != widths
        for column, width in zip(self.ordered_columns, widths, strict=True):
            column.width, column.auto_width = width, False
        if changed:
            self._clear_caches()
        return changed

    def in_sight(self, number: int, text: str) -> str:
        """What can be read of a cell with this text in the column of this number."""
        columns = self.ordered_columns
        x = sum(column.get_render_width(self) for column in columns[:number]) - self.scroll_x
        inside = x < self.scrollable_content_region.width
        return cut(text, columns[number].width) if inside else ""

    def action_select_cursor(self) -> None:
        """Enter: the frame around it decides what choosing is."""
        if self.row_count:
            self.post_message(DataTable.RowSelected(self, self.cursor_row, self.ordered_rows[self.cursor_row].key))

    async def _on_click(self, event: Click) -> None:
        meta = event.style.meta
        row, column = meta.get("row", -1), meta.get("column", -1)
        if row < 0 or row >= self.row_count:
            return
        event.stop()
        event.prevent_default()
        again = row == self.cursor_row
        self.cursor_coordinate = Coordinate(row, 0)
        self.post_message(self.Clicked(again=again, mark=column == 0))

    def on_focus(self, _: Focus) -> None:
        """Let the terminal's cursor stand on the current row."""
        self.mirror()

    def mirror(self) -> None:
        """Put the terminal's cursor on the current row."""
        if self.has_focus and self.row_count:
            row = self.cursor_row + (self.header_height if self.show_header else 0) - self.scroll_offset.y
            self.app.cursor_position = self.content_region.offset + Offset(0, max(row, 0))
