"""A table that is filtered by typing, filled page by page, marked with Space, and refreshed without losing one's place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from edgetui.ui.widgets import type_ahead
from edgetui.ui.widgets.filtered_rows import FilteredRows
from edgetui.ui.widgets.line_input import LineInput
from edgetui.ui.widgets.rows_table import Row, RowsTable
from edgetui.ui.widgets.texts import put

__all__ = ["FilterTable", "Row"]

MARKS = {True: "[x]", False: "[ ]"}


class FilterTable(Vertical):
    """Rows with a filter.

    Fill it with `begin`, any number of `add`, and `finish` or `fail`; do the same again to refresh: rows that come again keep
    their place, rows that do not come leave at `finish`.
    """

    DEFAULT_CSS = """
    FilterTable { height: 1fr; }
    FilterTable > RowsTable { height: 1fr; }
    FilterTable > .table-words { height: auto; padding: 0 1; color: $text-muted; }
    FilterTable > .table-state { display: none; height: 1fr; padding: 1 2; }
    FilterTable.-nothing > RowsTable { height: 1; }
    FilterTable.-nothing > .table-state { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("/", "filter", "Filter", id="table.filter", tooltip="Show only rows with some words"),
        Binding("space", "mark", "Mark", id="table.mark", tooltip="Mark or unmark the current row"),
        Binding("*", "mark_all", "Mark all", show=False, id="table.mark-all", tooltip="Mark or unmark all rows shown"),
        Binding("y", "copy", "Copy", show=False, id="table.copy", tooltip="Copy the current row's id"),
        Binding("escape", "clear_filter", "All rows", show=False, id="table.clear-filter"),
        Binding("down", "to_rows", "To the rows", show=False, id="table.to-rows"),
    ]

    @dataclass
    class Told(Message):
        """What a table says; `@on(FilterTable.Chosen, "#id")` asks for one table's."""

        table: FilterTable

        @property
        def control(self) -> FilterTable:
            """The table."""
            return self.table

    @dataclass
    class Chosen(Told):
        """Enter, or a second click, on a row."""

        key: str

    @dataclass
    class Moved(Told):
        """Another row is the current one; `key` is "" where there is none."""

        key: str

    @dataclass
    class Marked(Told):
        """The person changed what is marked."""

        keys: tuple[str, ...]

    def __init__(
        self,
        columns: Sequence[str],
        *,
        many: bool = False,
        noun: str = "rows",
        empty: str = "There is nothing here.",
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.many = many
        self.noun = noun
        self.empty = empty
        self._held = FilteredRows()
        self._loading = ""
        self._error = ("", "")
        self._told = ""
        self._can_filter = False

    def compose(self) -> ComposeResult:
        """Filter, rows (or a text in their place), and one line of words."""
        field = LineInput(placeholder="words that rows must have; Enter goes to the rows, Esc shows all", compact=True)
        field.cursor_blink = False
        field.can_focus = field.display = False
        yield field
        yield RowsTable(cursor_type="row", zebra_stripes=False, cell_padding=1)
        yield Static("", classes="table-state", markup=False)
        yield Static("", classes="table-words", markup=False)

    def on_mount(self) -> None:
        """Set the columns up."""
        if self.many:
            self.table.add_column(Text(""), width=3, key="mark")
        for number, column in enumerate(self.columns):
            self.table.add_column(_cell(column), key=str(number))
        self._say()

    @property
    def table(self) -> RowsTable:
        """The rows."""
        return self.query_one(RowsTable)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, shown or not, in order."""
        return tuple(self._held.rows.values())

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys of the rows that pass the filter, in order."""
        return tuple(self._held.shown)

    @property
    def current(self) -> str:
        """The key of the current row, or ""."""
        row = self.table.cursor_row
        return self._held.shown[row] if 0 <= row < len(self._held.shown) else ""

    @property
    def marked(self) -> tuple[str, ...]:
        """The marked keys, in the order of marking; also those that the filter hides."""
        return tuple(self._held.marked)

    def begin(self, words: str = "loading") -> None:
        """Rows will come; what is there stays until `finish`."""
        self._loading, self._error = words, ("", "")
        self._held.begin()
        self._say()

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in: new ones at the end, known ones in place."""
        table = self.table
        for row in rows:
            known = self._held.take(row)
            if known is None:
                if self._held.shown[-1:] == [row.key]:
                    table.add_row(*self._cells(row), key=row.key)
            elif known.cells != row.cells and row.key in table.rows:
                for number, cell in enumerate(row.cells):
                    table.update_cell(row.key, str(number), _cell(cell), update_width=True)
        self._say()

    def finish(self) -> None:
        """All rows came."""
        self._loading = ""
        if self._held.end():
            self._rebuild()
        self._say()

    def fail(self, title: str, remedy: str = "") -> None:
        """The rows could not be had; those that are there stay."""
        self._loading, self._error = "", (title, remedy)
        self._held.stay()
        self._say()

    def put(self, rows: Iterable[Row]) -> None:
        """Show exactly these rows."""
        self.begin()
        self.add(rows)
        self.finish()

    def mark(self, keys: Iterable[str]) -> None:
        """Set what is marked, from outside."""
        self._held.marked = dict.fromkeys(keys)
        self._paint_marks(self._held.shown)

    def move_to(self, key: str) -> None:
        """Make a row the current one, if it is shown."""
        if key in self._held.shown:
            self.table.move_cursor(row=self._held.shown.index(key))

    def focus_rows(self) -> None:
        """Put the focus on the rows."""
        self.table.focus()

    def filter_by(self, text: str) -> None:
        """Show only rows that have all these words."""
        self._filtering(bool(text))
        self.query_one(Input).value = text

    def action_filter(self) -> None:
        """Type words to filter by."""
        self._filtering(True)
        # At once: what is typed right behind the key belongs into the field.
        self.screen.set_focus(self.query_one(Input))

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self.query_one(Input).value = ""
        self.table.focus()
        self._filtering(False)

    def action_to_rows(self) -> None:
        """Leave the filter for the rows."""
        self.table.focus()

    def action_mark(self) -> None:
        """Mark or unmark the current row."""
        if self.current:
            self._toggle([self.current])

    def action_mark_all(self) -> None:
        """Mark all rows shown, or unmark them where all are marked."""
        if self._held.shown:
            self._toggle(self._held.shown)

    def action_copy(self) -> None:
        """Copy the current row's key."""
        if self.current:
            self.app.copy_to_clipboard(self.current)
            self.app.notify(f"Copied {self.current}", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marks only where several can be chosen; Esc only while there is a filter to clear."""
        if action in {"mark", "mark_all"}:
            return self.many
        if action == "filter":
            return self._can_filter
        if action == "clear_filter":
            return self.has_class("-filtering")
        if action == "to_rows":
            return self.query_one(Input).has_focus
        return super().check_action(action, parameters)

    def on_key(self, event: Key) -> None:
        """Lose no key of what is typed fast."""
        type_ahead.take(self, event, self.query_one(Input), {"table.filter": self.action_filter})

    @on(Input.Changed)
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        words = event.value.casefold().split()
        if words != self._held.words:
            self._held.words = words
            self._rebuild()
            self._say()

    @on(Input.Submitted)
    def _filter_entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()
        self._filtering(bool(event.value))

    @on(DataTable.RowHighlighted)
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._tell_moved()
        if self._held.words:
            self._say()
        self.call_after_refresh(self.table.mirror)

    @on(DataTable.RowSelected)
    def _entered(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if self.current:
            self.post_message(self.Chosen(self, self.current))

    @on(RowsTable.Clicked)
    def _clicked(self, event: RowsTable.Clicked) -> None:
        event.stop()
        if self.many and (event.mark or event.again):
            self.action_mark()
        elif event.again and self.current:
            self.post_message(self.Chosen(self, self.current))

    def _filtering(self, on: bool) -> None:
        # A field that is not shown must not take the focus when a screen opens.
        field = self.query_one(Input)
        field.can_focus = field.display = on
        self.set_class(on, "-filtering")

    def _tell_moved(self) -> None:
        if self.current != self._told:
            self._told = self.current
            self.post_message(self.Moved(self, self._told))

    def _toggle(self, keys: Sequence[str]) -> None:
        self._held.toggle(keys)
        self._paint_marks(keys)
        self.post_message(self.Marked(self, self.marked))

    def _paint_marks(self, keys: Iterable[str]) -> None:
        if self.many and self.is_mounted:
            for key in keys:
                self.table.update_cell(key, "mark", Text(MARKS[key in self._held.marked]))
        self._say()

    def _cells(self, row: Row) -> list[Text]:
        cells = [_cell(cell) for cell in row.cells]
        return [Text(MARKS[row.key in self._held.marked]), *cells] if self.many else cells

    def _rebuild(self) -> None:
        """Fill the table anew after the filter changed or rows left, on the same row if it is still there."""
        current = self.current or self._told
        self._held.sift()
        table = self.table
        with self.prevent(DataTable.RowHighlighted), table.prevent(DataTable.RowHighlighted):
            table.clear()
            for key in self._held.shown:
                table.add_row(*self._cells(self._held.rows[key]), key=key)
            if current in self._held.shown:
                table.move_cursor(row=self._held.shown.index(current))
        self._tell_moved()

    def _elsewhere(self) -> str:
        """Where the current row has the filter's words, if that is not in sight."""
        row = self._held.rows.get(self.current)
        if row is None or not self._held.words:
            return ""
        shift = int(self.many)
        seen = " ".join(self.table.in_sight(number + shift, cell) for number, cell in enumerate(row.cells))
        return self._held.elsewhere(row.key, self.columns, seen)

    def _say(self) -> None:
        """Put the state in words: under the rows, or in their place where there are none."""
        if not self.is_mounted:
            return
        title, remedy = self._error
        count, shown = len(self._held.rows), len(self._held.shown)
        self.set_class(not shown, "-nothing")
        can_filter = count > 1 or bool(self._loading)
        if can_filter != self._can_filter:
            self._can_filter = can_filter
            self.refresh_bindings()
        if title:
            state = f"✗ {title}" + (f"\n{remedy}" if remedy else "")
        elif self._loading and not count:
            state = f"{self._loading}…"
        else:
            state = self.empty if not count else "No row has these words. Esc shows all."
        put(self.query_one(".table-state", Static), state)
        noun = self.noun.removesuffix("s") if count == 1 else self.noun
        words = [f"{shown} of {count} {noun}" if shown != count else f"{count} {noun}"]
        if self._loading:
            words.append(f"{self._loading}…")
        if self._held.marked:
            hidden = self._held.hidden
            words.append(f"{len(self._held.marked)} marked" + (f", {hidden} hidden by the filter" if hidden else ""))
        elif self.many and count:
            words.append("Space marks")
        if elsewhere := self._elsewhere():
            words.append(f"it has {elsewhere}")
        if title and shown:
            words = [f"✗ {title}", remedy, *words]
        put(self.query_one(".table-words", Static), " · ".join(filter(None, words)) if count or title else "")


def _cell(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")
