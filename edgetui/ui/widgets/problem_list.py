"""What is wrong in files, one line each with its remedy; Enter or a click goes to the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Focus
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from edgetui.core.models import Problem

FIX_KEY = "ctrl+t"
MARKS = {"error": "✗ error", "warning": "! warning"}


def in_words(problem: Problem) -> str:
    """`score.py:12 error message → remedy`."""
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    remedy = f" → {problem.remedy}" if problem.remedy else ""
    return f"{MARKS[problem.severity]}  {place}  {problem.message}{remedy}"


def with_fix(problem: Problem) -> str:
    """The same, with the key that mends it where one does, which need not be said twice."""
    if problem.fix is None:
        return in_words(problem)
    if problem.fix.title.lower() != problem.remedy.lower():
        return f"{in_words(problem)} · {FIX_KEY}: {problem.fix.title}"
    return f"{in_words(msgspec.structs.replace(problem, remedy=''))} → {FIX_KEY}: {problem.remedy}"


class ProblemList(OptionList):
    """Problems of several files, errors first; says so where there are none."""

    DEFAULT_CSS = """
    ProblemList { height: auto; max-height: 7; border: round $border-blurred; padding: 0; background: $background; }
    ProblemList:focus { border: round $border; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", show=False, id="problems.copy", tooltip="Copy the problem"),
        Binding("Y", "copy_all", "Copy all", show=False, id="problems.copy-all", tooltip="Copy all problems"),
    ]

    HELP = """
## Problems
Enter or a click goes to the line. **F6** and **shift+F6** go from one to the next, also from the editor. **ctrl+t** mends a
problem that says so; ctrl+z in the editor takes it back. `y` copies a problem, `Y` all of them.
"""

    @dataclass
    class Picked(Message):
        """The person wants to see the place of a problem."""

        problem: Problem

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, markup=False)
        self.problems: tuple[Problem, ...] = ()
        self.say("not checked yet")

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems in place of those before; the highlight stays on the same one."""
        kept = self.chosen
        self.problems = tuple(sorted(problems, key=lambda p: (p.severity != "error", p.file, p.line)))
        self.clear_options()
        self.add_options([Option(Content(with_fix(problem))) for problem in self.problems])
        if kept in self.problems:
            self.highlighted = self.problems.index(kept)
        errors = sum(problem.severity == "error" for problem in self.problems)
        self.say(counted(errors, len(self.problems) - errors))

    def say(self, words: str) -> None:
        """Put the state into the frame."""
        keys = " · F6 goes to the next" if self.problems else ""
        self.border_title = f"Problems · {words}{keys}"
        self.set_class(not self.problems, "-empty")
        self.can_focus = bool(self.problems)

    @property
    def chosen(self) -> Problem | None:
        """The problem under the highlight."""
        return self.problems[self.highlighted] if self.highlighted is not None and self.problems else None

    def point_to(self, problem: Problem) -> None:
        """Put the highlight on a problem."""
        if problem in self.problems:
            self.highlighted = self.problems.index(problem)

    def action_copy(self) -> None:
        """Copy the problem under the highlight."""
        if self.highlighted is not None and self.problems:
            self.app.copy_to_clipboard(in_words(self.problems[self.highlighted]))
            self.app.notify("Copied.")

    def action_copy_all(self) -> None:
        """Copy all problems."""
        self.app.copy_to_clipboard("\n".join(map(in_words, self.problems)))
        self.app.notify(f"Copied {len(self.problems)} problems.")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Picked(self.problems[event.option_index]))

    @on(OptionList.OptionHighlighted)
    def _highlighted_one(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._mirror()

    def on_focus(self, _: Focus) -> None:
        """Let the terminal's cursor stand on the problem."""
        self._mirror()

    def _mirror(self) -> None:
        if self.has_focus and self.highlighted is not None:
            row = sum(option_height(self, index) for index in range(self.highlighted)) - self.scroll_offset.y
            self.app.cursor_position = self.content_region.offset + Offset(0, max(row, 0))


def option_height(problems: ProblemList, index: int) -> int:
    """How many rows a problem takes, at the list's present width."""
    width = max(problems.scrollable_content_region.width, 1)
    return Content(with_fix(problems.problems[index])).get_height({}, width)


def counted(errors: int, warnings: int) -> str:
    """`2 errors, 1 warning`, or `none found`."""
    parts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    return ", ".join(parts) or "none found"
