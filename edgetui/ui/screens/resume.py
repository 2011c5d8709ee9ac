"""The first question: which plan to work on."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from edgetui.core import steps
from edgetui.ui.screens.start import Kept
from edgetui.ui.widgets.choice_list import ChoiceList
from edgetui.ui.widgets.field import Field


def _plan_file(text: str) -> str:
    if not text:
        return ""
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            path /= "plan.toml"
        found = path.is_file()
    except OSError as error:
        return (
            "the path is too long"
            if error.errno == errno.ENAMETOOLONG
            else f"the path cannot be read: {error.strerror}"
        )
    except (ValueError, RuntimeError) as error:  # a NUL, an unknown ~user
        return f"this is no path: {error}"
    return "" if found else f"there is no file {path}; give the path of a plan file (TOML)"


class ResumeScreen(ModalScreen[str]):
    """Offers the plan worked on last, the example, a new one, or a file; gives `new`, `example`, or a path."""

    HELP = """
    # Which plan

    A plan holds your answers; it is saved at every step, without any secret.
    The **example** is a small anomaly detector for a pump: you get a copy of your own, complete enough to go through
    all steps with F3.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss(None)", "Back", id="resume.back", tooltip="Start with a new plan"),
    ]

    def __init__(self, kept: Kept | None, *, sandbox: bool, can_stay: bool) -> None:
        super().__init__()
        self._kept = kept
        self._sandbox = sandbox
        self._can_stay = can_stay

    def compose(self) -> ComposeResult:
        """Compose the choices, the likeliest first."""
        kept = self._kept
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Continue where you left off?" if kept else "Where do you want to start?"
            if self._sandbox:
                yield Static(Content("This is the SANDBOX: an Azure of your own on this machine. Nothing leaves it."))
            yield ChoiceList(self._choices(), id="choices")
            yield Field("Plan file", id="file", check=_plan_file, placeholder="path of a plan.toml, then Enter")
            yield Static(Content("Enter chooses. Tab goes to the plan file. F1 explains."), classes="hint")

    def _choices(self) -> list[tuple[str, Content]]:
        choices = []
        if self._kept:
            kept = self._kept
            state = f"{kept.done} of {len(steps.STEPS)} steps done" + (f", next: {kept.next}" if kept.next else "")
            choices.append(("kept", Content(f"Continue with {kept.name}\n  {state}\n  {kept.path}")))
        example = ("example", Content("Start from the example\n  a pump's anomaly detector, ready to be deployed"))
        new = ("new", Content("New plan\n  choose everything yourself"))
        return [*choices, example, new] if self._sandbox else [*choices, new, example]

    def on_mount(self) -> None:
        """Let Enter take the likeliest."""
        choices = self.query_one("#choices", ChoiceList)
        choices.highlighted = 0
        choices.focus()

    @on(OptionList.OptionSelected, "#choices")
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        chosen = event.option.id or "new"
        self.dismiss(self._kept.path if chosen == "kept" and self._kept else chosen)

    @on(Field.Saved, "#file")
    def _file(self, event: Field.Saved) -> None:
        event.stop()
        if event.by_enter and event.text and not event.field.problem:
            path = Path(event.text).expanduser()
            self.dismiss(str((path / "plan.toml" if path.is_dir() else path).resolve()))
