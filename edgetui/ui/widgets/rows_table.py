"""The rows of a filtered table, and the widget that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Click, Focus
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import DataTable


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
