"""A labelled input with what is wrong about it right under it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from edgetui.ui.widgets.end_input import EndInput


class Field(Vertical):
    """Label, input, and a line with the problem, shown only while there is one.

    `check(text)` says what is wrong with a text and what to do, or "". It is asked of the text that the field begins with,
    when the person leaves the field, and at each key once something was wrong. Leaving the field with a new text, or Enter,
    posts `Field.Saved`, right or wrong: what was typed is kept.
    """

    @dataclass
    class Saved(Message):
        """The person finished a text; `by_enter` where they pressed Enter."""

        field: Field
        text: str
        by_enter: bool = False

        @property
        def control(self) -> Field:
            """The field, for `@on(Field.Saved, "#id")`."""
            return self.field

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        id: str,  # noqa: A002 - Textual's own name
        check: Callable[[str], str] | None = None,
        help: str = "",  # noqa: A002 - what F1 says about it
        placeholder: str = "",
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(id=id)
        self._label = label
        self._check = check or (lambda _: "")
        self.help_text = inspect.cleandoc(help)
        self._saved = value
        self._problem = ""
        self._input = EndInput(value, placeholder=placeholder, suggester=suggester, compact=True, select_on_focus=False)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Label and input in one row, the problem under them."""
        with Horizontal(classes="row"):
            yield Static(Content(self._label), classes="label")
            yield self._input
        yield Static("", classes="problem", markup=False)

    def on_mount(self) -> None:
        """Say what is wrong with a text that was there already."""
        if self.value:
            self.check()

    @property
    def value(self) -> str:
        """The text as it stands, without blanks around it."""
        return self._input.value.strip()

    @property
    def pending(self) -> bool:
        """Whether there is a text that nobody was told of yet."""
        return self.value != self._saved

    @property
    def problem(self) -> str:
        """What is wrong with it, or ""."""
        return self._problem

    def put(self, value: str, *, at_once: bool = False) -> None:
        """Set the text from outside; not while the person is in it, unless `at_once`."""
        if self._input.value != value and (at_once or not self._input.has_focus):
            self._saved = value
            with self._input.prevent(Input.Changed):
                self._input.value = value
                self._input.cursor_position = len(value)
            self.show_problem("")

    def check(self) -> bool:
        """Check now, show what is wrong, and say whether all is well."""
        self.show_problem(self._check(self.value))
        return not self._problem

    def show_problem(self, problem: str) -> None:
        """Show a problem under the field, also one that was found elsewhere; "" takes it away."""
        self._problem = problem
        self.set_class(bool(problem), "wrong")
        if self.is_mounted:
            self.query_one(".problem", Static).update(Content(f"✗ {problem}" if problem else ""))

    def focus_input(self) -> None:
        """Put the cursor into it."""
        self._input.focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._problem:
            self.check()

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        event.stop()
        self._finish(by_enter=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._finish(by_enter=True)

    def taken(self) -> str:
        """The text, which is not pending any more."""
        self._saved = self.value
        return self.value

    def _finish(self, *, by_enter: bool) -> None:
        self.check()
        if by_enter or self.pending:
            self.post_message(self.Saved(self, self.taken(), by_enter))
