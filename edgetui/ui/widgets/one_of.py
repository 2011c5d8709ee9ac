"""One of a few, in a line or in lines: arrows choose, what cannot be chosen is greyed and says why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

CHOSEN, OPEN, SHUT = "●", "○", "✗"
GAP = 3  # cells between choices in a row


@dataclass(frozen=True)
class Choice:
    """One choice: `says` explains it in a line of its own; with `shut` it cannot be chosen, and that says why."""

    key: str
    title: str
    says: str = ""
    shut: str = ""


class OneOf(Widget, can_focus=True):
    """A label, choices with a mark each, and one line about what is wrong with the chosen one.

    Arrows go to a choice and choose it (one that is shut is only gone to, so that it can be read); `Chosen` tells it.
    """

    DEFAULT_CSS = """
    OneOf { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left", "move(-1)", "Previous", show=False),
        Binding("down,right", "move(1)", "Next", show=False),
        Binding("enter,space", "take", "Choose", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """The person chose another one, or went to one that is `shut`."""

        group: OneOf
        choice: Choice

        @property
        def control(self) -> OneOf:
            """The group, for `@on(OneOf.Chosen, "#id")`."""
            return self.group

    def __init__(
        self,
        label: str,
        choices: Iterable[Choice],
        chosen: str,
        *,
        id: str,  # noqa: A002 - Textual's own name
        help: str = "",  # noqa: A002 - what F1 says about it
        row: bool = False,
        label_width: int = 15,
    ) -> None:
        super().__init__(id=id)
        self.help_text = help
        self._label = label.ljust(label_width)
        self._choices = tuple(choices)
        self._row = row
        self.chosen = chosen
        self._at = chosen
        self._problem = ""

    @property
    def problem(self) -> str:
        """What is wrong with the chosen one, or ""."""
        return self._problem

    @property
    def current(self) -> Choice:
        """The choice under the cursor."""
        return next((choice for choice in self._choices if choice.key == self._at), self._choices[0])

    def put(self, chosen: str, choices: Iterable[Choice] | None = None, problem: str = "") -> None:
        """Set what is chosen, the choices, and what is wrong; what did not change is not sent to the terminal."""
        now = self._choices if choices is None else tuple(choices)
        if (self.chosen, self._choices, self._problem) == (chosen, now, problem):
            return
        if not self.has_focus or chosen != self.chosen:
            self._at = chosen
        layout = bool(problem) != bool(self._problem) or len(problem) != len(self._problem) or now != self._choices
        self.chosen, self._choices, self._problem = chosen, now, problem
        self.refresh(layout=layout)

    def render(self) -> Content:
        """The choices in words and marks."""
        parts: list[Content] = []
        for choice in self._choices:
            mark = CHOSEN if choice.key == self.chosen else SHUT if choice.shut else OPEN
            here = self.has_focus and choice.key == self._at
            head = Content.styled(f"{'▸' if here else ' '}{mark} {choice.title}", self._style(choice, here=here))
            parts.append(head if self._row else head + self._explained(choice))
        indent = Content(" " * len(self._label))
        label = Content.styled(self._label, "$text-muted")
        if self._row:
            lines = [label + Content(" " * GAP).join(parts)]
        else:
            lines = [(indent if number else label) + part for number, part in enumerate(parts)]
        if self._problem:
            lines.append(indent + Content.styled(f" ✗ {self._problem}", "$text-error"))
        return Content("\n").join(lines)

    def _style(self, choice: Choice, *, here: bool) -> str:
        colour = "$text-disabled" if choice.shut else "$text"
        weight = " bold" if choice.key == self.chosen else ""
        return f"{colour}{weight}{' reverse' if here else ''}"

    def _explained(self, choice: Choice) -> Content:
        wide = max(cell_len(other.title) for other in self._choices)
        pad = " " * (wide - cell_len(choice.title) + 2)
        room = max(self.size.width or self.app.size.width - 2, 40) - len(self._label) - wide - 5
        says = choice.shut or choice.says
        cut = says if cell_len(says) <= room else says[: room - 1] + "…"
        return Content.styled(pad + cut, "$text-disabled" if choice.shut else "$text-muted")

    def on_focus(self) -> None:
        """Let screen readers find the choice."""
        self._at = self.chosen
        self.refresh()
        self._mirror()

    def on_blur(self) -> None:
        """The cursor goes."""
        self._at = self.chosen
        self.refresh()

    def action_move(self, step: int) -> None:
        """Go to the next choice and take it, where it can be."""
        keys = [choice.key for choice in self._choices]
        self._at = keys[min(max(keys.index(self._at) + step, 0), len(keys) - 1)]
        self.refresh()
        self._mirror()
        self.post_message(self.Chosen(self, self.current))

    def action_take(self) -> None:
        """Go on to the next field: what is under the cursor is chosen already."""
        self.screen.focus_next()

    def on_click(self, event: Click) -> None:
        """Take what is clicked."""
        key = self._clicked(event.x, event.y)
        if key:
            self._at = key
            self.refresh()
            self.post_message(self.Chosen(self, self.current))

    def _clicked(self, x: int, y: int) -> str:
        if not self._row:
            return self._choices[y].key if 0 <= y < len(self._choices) else ""
        starts = self._starts()
        inside = [choice.key for choice, start in zip(self._choices, starts, strict=True) if start <= x]
        return inside[-1] if y == 0 and inside else ""

    def _starts(self) -> list[int]:
        starts, x = [], len(self._label)
        for choice in self._choices:
            starts.append(x)
            x += cell_len(choice.title) + 3 + GAP
        return starts

    def _mirror(self) -> None:
        number = self._choices.index(self.current)
        place = Offset(self._starts()[number], 0) if self._row else Offset(len(self._label), number)
        self.app.cursor_position = self.content_region.offset + place
