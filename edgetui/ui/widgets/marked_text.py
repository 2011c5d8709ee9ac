"""A text area with marks at lines: a glyph beside the number, and in words what is wrong where the line leaves room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip
from textual.widgets import TextArea

from edgetui.core.models import Problem

GLYPHS = {"error": "✗", "warning": "!"}
COLOURS = {"error": "text-error", "warning": "text-warning"}
ROOM = 12  # columns: with less the words at a line's end say nothing


class MarkedTextArea(TextArea):
    """Shows problems at their lines; marks move with the text until new ones are `mark`ed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._marks: dict[int, Problem] = {}  # by line, from 1; an error hides a warning
        self._lines = 1

    @property
    def marks(self) -> dict[int, Problem]:
        """The problem that is marked at each line, from 1."""
        return dict(self._marks)

    def mark(self, problems: Iterable[Problem]) -> None:
        """Mark these problems in place of those before; the ones of the whole file have no line to stand at."""
        marks: dict[int, Problem] = {}
        for problem in sorted(problems, key=lambda p: p.severity != "error"):
            if problem.line:
                marks.setdefault(problem.line, problem)
        if marks != self._marks:
            self._marks = marks
            self._lines = self.document.line_count
            self._redraw()

    def follow_lines(self) -> None:
        """After an edit, let the marks below it stay at their texts."""
        added, self._lines = self.document.line_count - self._lines, self.document.line_count
        if added and self._marks:
            row = self.cursor_location[0] + 1 - max(added, 0)
            self._marks = {line + added if line > row else line: problem for line, problem in self._marks.items()}
            self._redraw()

    def put(self, text: str) -> bool:
        """Replace the text as one step that undo takes back; only what differs is touched. Returns whether anything does."""
        old, new = list(self.document.lines), text.splitlines()
        if not text or text.endswith(("\n", "\r")):
            new.append("")
        first = 0
        while first < min(len(old), len(new)) and old[first] == new[first]:
            first += 1
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        if first == len(old) == len(new):
            return False
        changed = new[first : len(new) - last]
        self.history.checkpoint()
        if last:
            self.replace("".join(f"{line}\n" for line in changed), (first, 0), (len(old) - last, 0))
        elif first:
            start = (first - 1, len(old[first - 1]))
            self.replace("".join(f"\n{line}" for line in changed), start, self.document.end)
        else:
            self.replace("\n".join(changed), (0, 0), self.document.end)
        self.history.checkpoint()
        return True

    def _redraw(self) -> None:
        self._line_cache.clear()
        self.refresh()

    def _render_line(self, y: int) -> Strip:
        strip = super()._render_line(y)
        row = y + self.scroll_offset.y
        problem = self._marks.get(row + 1)
        if problem is None or row >= self.document.line_count or self.soft_wrap:
            return strip
        width, style = self.gutter_width, self._mark_style(problem)
        # The number is followed by two blanks: the glyph takes the first.
        parts = [strip.crop(0, width - 2), Strip([Segment(GLYPHS[problem.severity], style + Style(bold=True))])]
        text = Strip([Segment(self.document.get_line(row).expandtabs(self.indent_width))]).cell_length
        start = max(text - self.scroll_offset.x, 0) + width + 2
        room = self.scrollable_content_region.width - start - 1
        if room < ROOM:
            return Strip.join([*parts, strip.crop(width - 1)])
        words = f"{GLYPHS[problem.severity]} {problem.message}"
        words = words if len(words) <= room else f"{words[: room - 1]}…"
        said = Strip([Segment(words, style + Style(italic=True))]).crop(0, room)
        return Strip.join([*parts, strip.crop(width - 1, start), said, strip.crop(start + said.cell_length)])

    def _mark_style(self, problem: Problem) -> Style:
        try:
            colour = Color.parse(self.app.theme_variables.get(COLOURS[problem.severity], ""))
        except ColorParseError:
            return Style()  # a theme may leave it to the terminal
        return Style(color=colour.rich_color)
