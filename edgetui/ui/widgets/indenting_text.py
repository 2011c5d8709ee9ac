"""A text area for code: a new line starts where the last one did, Tab and shift+Tab move whole lines."""

from __future__ import annotations

from textual.events import Key
from textual.widgets.text_area import Selection

from edgetui.ui.widgets.marked_text import MarkedTextArea


class IndentingTextArea(MarkedTextArea):
    """Indents by `indent_width` spaces; each of it is one step that undo takes back."""

    def _on_key(self, event: Key) -> None:  # type: ignore[override] # beside TextArea's own, not in its place
        start, end = sorted(self.selection)
        if self.read_only:
            return
        if event.key == "enter":
            self._replace_via_keyboard("\n" + self._indent_at(start), start, end)
        elif event.key == "tab" and start[0] != end[0]:
            self._move_lines(start, end, by=self.indent_width)
        elif event.key == "shift+tab":
            self._move_lines(start, end, by=-self.indent_width)
        else:
            return
        event.stop()
        event.prevent_default()

    def _indent_at(self, place: tuple[int, int]) -> str:
        """What a line that begins here starts with: as much as the one before, and more where that opens a block."""
        before = self.document.get_line(place[0])[: place[1]]
        indent = before[: len(before) - len(before.lstrip(" \t"))]
        opens = self.language == "python" and before.rstrip().endswith(":")
        return indent + " " * (self.indent_width if opens else 0)

    def _move_lines(self, start: tuple[int, int], end: tuple[int, int], *, by: int) -> None:
        """Indent the lines of a selection, or take indentation from them; one that ends at a line's start ends before it."""
        last = end[0] - (end[1] == 0 and end[0] > start[0])
        before = [self.document.get_line(row) for row in range(start[0], last + 1)]
        after = [_moved(line, by) for line in before]
        if after == before:
            return
        selection = self.selection
        self.history.checkpoint()
        self.replace("\n".join(after), (start[0], 0), (last, len(before[-1])), maintain_selection_offset=False)
        self.history.checkpoint()
        grown = {start[0] + number: len(b) - len(a) for number, (a, b) in enumerate(zip(before, after, strict=True))}
        self.selection = Selection(
            *((row, max(column + grown.get(row, 0), 0)) for row, column in (selection.start, selection.end))
        )


def _moved(line: str, by: int) -> str:
    """The line further right, or as much further left as it has room; an empty one stays."""
    if by > 0:
        return " " * by + line if line.strip() else line
    return line[min(-by, len(line) - len(line.lstrip(" "))) :]
