"""The rows behind a filtered table: which there are, which have the filter's words, and which are marked; no widget in here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgetui.ui.widgets.rows_table import Row
from edgetui.ui.words.common import around

ROOM = 40  # cells for what the filter found out of sight


class FilteredRows:
    """Rows in the order they came; refreshed by `begin`, any number of `take`, and `end` or `stay`."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}  # by key
        self.shown: list[str] = []  # the keys of those that have all words
        self.marked: dict[str, None] = {}  # in the order of marking; also those that the filter hides
        self.words: list[str] = []  # casefolded
        self._gone: set[str] = set()  # rows of before a refresh that did not come again yet

    def begin(self) -> None:
        """All rows come anew; those of before stay until `end`."""
        self._gone = set(self.rows)

    def take(self, row: Row) -> Row | None:
        """Take a row in, a new one at the end; returns what it was before."""
        known = self.rows.get(row.key)
        self._gone.discard(row.key)
        self.rows[row.key] = row
        if known is None and row.matches(self.words):
            self.shown.append(row.key)
        return known

    def end(self) -> bool:
        """Let the rows go that did not come again; returns whether there were any."""
        gone, self._gone = self._gone, set()
        for key in gone:
            del self.rows[key]
        return bool(gone)

    def stay(self) -> None:
        """Keep the rows that did not come again: nobody knows of them."""
        self._gone = set()

    def sift(self) -> None:
        """Find anew which rows have all words."""
        self.shown = [key for key, row in self.rows.items() if row.matches(self.words)]

    def toggle(self, keys: Sequence[str]) -> None:
        """Mark rows; where all of them are marked, mark none of them."""
        if all(key in self.marked for key in keys):
            for key in keys:
                del self.marked[key]
        else:
            self.marked.update(dict.fromkeys(keys))

    @property
    def hidden(self) -> int:
        """How many marked rows the filter hides."""
        return sum(key not in self.shown for key in self.marked) if self.words else 0

    def elsewhere(self, key: str, columns: Iterable[str], seen: str) -> str:
        """Where a row has the words that are not in what is `seen` of it: `tags: site=lab`, or ""."""
        row = self.rows.get(key)
        if row is None:
            return ""
        seen, found = seen.casefold(), []
        for word in self.words:
            if word not in seen:
                cells = zip((*columns, "also"), (*row.cells, row.search), strict=True)
                name, text = next(((name, text) for name, text in cells if word in text.casefold()), ("", ""))
                found += [f"{name}: {around(text, word, ROOM)}"] if text else []
        return ", ".join(dict.fromkeys(found))
