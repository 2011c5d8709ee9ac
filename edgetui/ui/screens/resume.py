"""The first question: which plan to work on."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

from rich.cells import set_cell_size
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from edgetui.core.models import RecentPlan
from edgetui.ui.screens.start import Offers
from edgetui.ui.widgets.choice_list import ChoiceList
from edgetui.ui.widgets.dialog import Dialog
from edgetui.ui.widgets.field import Field
from edgetui.ui.words.common import cut, moment, tail

EXAMPLE, NEW = "example", "new"  # no path is that: those are absolute
SHOWN = 6  # plans beside the latest: the dialog fits into 24 lines
NAME = 18  # cells for a plan's name
ROOM = 62  # cells of a line in it


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


class ResumeScreen(Dialog[str]):
    """Offers the plan worked on last, others, the example, a new one, or a file; gives `new`, `example`, or a path.

    `opened` is the path of the plan that is open ("" for one not saved yet), None where none is.
    """

    HELP = """
    # Which plan

    A plan holds your answers; it is saved at every step, without any secret. Those that you worked on here are listed, the
    latest first: arrows and **Enter** choose one. **Tab** goes to the field for any other plan file.

    The **example** is a small anomaly detector for a pump: you get a copy of your own, complete enough to go through
    all steps with F3.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "begin", "New plan", id="resume.begin", tooltip="Start with a new plan"),
        Binding("escape,f2", "stay", "Back", id="resume.back", tooltip="Stay with the open plan"),
    ]

    def __init__(self, offers: Offers, *, sandbox: bool, opened: str | None = None) -> None:
        super().__init__()
        self._kept, self._recent = offers.kept, offers.recent[:SHOWN]
        self._sandbox = sandbox
        self._opened = opened

    def compose(self) -> ComposeResult:
        """Compose the choices, the likeliest first."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = (
                "Which plan?"
                if self._opened is not None
                else "Continue where you left off?"
                if self._kept
                else "Where do you want to start?"
            )
            if self._sandbox and self._opened is None:
                yield Static(Content("This is the SANDBOX: an Azure of your own on this machine."))
            gone = {plan.path for plan in self._recent if not plan.saved}
            yield ChoiceList(self._choices(), shut=gone, id="choices")
            yield Field("Plan file", id="file", check=_plan_file, placeholder="path of a plan.toml, then Enter")
            yield Static(Content("Enter chooses. Tab goes to the plan file."), classes="hint")
        yield from super().compose()

    def _choices(self) -> list[tuple[str, Content]]:
        choices = []
        if kept := self._kept:
            verb = "Go on with" if kept.path == self._opened else "Continue with"
            choices.append(
                (
                    kept.path,
                    Content(f"{verb} {kept.name}\n  {cut(kept.state, ROOM - 2)}\n  {tail(kept.path, ROOM - 2)}"),
                )
            )
        choices += [(plan.path, _line(plan)) for plan in self._recent]
        # Beside several plans a newcomer's explanations would only take the room.
        says = (
            ("", "")
            if self._recent
            else (
                "\n  a pump's anomaly detector, ready to be deployed",
                "\n  choose everything yourself",
            )
        )
        example = (EXAMPLE, Content(f"Start from the example{says[0]}"))
        new = (NEW, Content(f"New plan{says[1]}"))
        return [*choices, example, new] if self._sandbox else [*choices, new, example]

    def on_mount(self) -> None:
        """Let Enter take the likeliest."""
        choices = self.query_one("#choices", ChoiceList)
        choices.highlighted = 0
        choices.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say what Esc does here."""
        if action in {"begin", "stay"}:
            return (action == "stay") == (self._opened is not None)
        return super().check_action(action, parameters)

    def action_begin(self) -> None:
        """Start with a new plan."""
        self.dismiss(NEW)

    def action_stay(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    @on(OptionList.OptionSelected, "#choices")
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id or NEW)

    @on(Field.Saved, "#file")
    def _file(self, event: Field.Saved) -> None:
        event.stop()
        if event.by_enter and event.text and not event.field.problem:
            path = Path(event.text).expanduser()
            self.dismiss(str((path / "plan.toml" if path.is_dir() else path).resolve()))


def _line(plan: RecentPlan) -> Content:
    name = set_cell_size(cut(plan.name or Path(plan.path).stem, NAME), NAME)
    when = moment(plan.saved) if plan.saved else "✗ is gone"
    return Content(f"{name} {when:<16}  {tail(plan.path, ROOM - NAME - 19)}")
