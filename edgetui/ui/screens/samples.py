"""The samples that are kept: all are tried here, one is sent to the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from edgetui.ui.widgets.choice_list import ChoiceList
from edgetui.ui.widgets.dialog import Dialog

NEW = "\n"  # no path is that


class SamplesScreen(Dialog[str]):
    """Gives the path of the sample to send from now on, `NEW` for another one, "" for no change."""

    HELP = """
    # Samples

    Keep several requests: a usual one, an empty one, a wrong one. The trial asks with all of them. **Enter** makes one the
    sample that must be answered well, and that is sent to the device at the end. **delete** forgets one; its file stays.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss('')", "Back", id="samples.back", tooltip="Change nothing"),
        Binding("delete", "forget", "Forget", id="samples.forget", tooltip="Keep this one no longer; its file stays"),
    ]

    def __init__(self, sent: str, others: Sequence[str]) -> None:
        super().__init__()
        self._sent = sent
        self._all = sorted({sent, *others} - {""})
        self.forgotten: set[str] = set()

    def compose(self) -> ComposeResult:
        """Compose the list."""
        rows = [(path, Content(f"{path}  (sent to the device)" if path == self._sent else path)) for path in self._all]
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Samples (all are tried; Enter: send this one)"
            yield ChoiceList([*rows, (NEW, Content("+ another one, a copy of this one to change"))], id="samples")
            yield Static(Content("delete forgets one, Esc changes nothing"), classes="hint")
        yield from super().compose()

    def on_mount(self) -> None:
        """Stand on the one that is sent."""
        choices = self.query_one(ChoiceList)
        choices.point_to(self._sent or NEW)
        choices.focus()

    def action_forget(self) -> None:
        """Mark one as forgotten; the one that is sent stays."""
        path = self.query_one(ChoiceList).current
        if path == self._sent:
            self.notify("This one is sent: choose another first.", markup=False)
        elif path in self._all:
            self.forgotten ^= {path}
            words = f"{path}  (forgotten when you leave here)" if path in self.forgotten else path
            self.query_one(ChoiceList).change(path, Content(words))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        path = event.option.id or ""
        self.forgotten.discard(path)
        self.dismiss("" if path == self._sent else path)
