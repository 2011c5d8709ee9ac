"""Start from the model: which template, whether it was really run, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from edgetui.core.model_file import Facts
from edgetui.core.templates import BY_ID, TEMPLATES, suggested
from edgetui.jobs.edit_files import EXAMPLE
from edgetui.ui.widgets.choice_list import ChoiceList
from edgetui.ui.widgets.dialog import Dialog
from edgetui.ui.widgets.texts import put

KINDS = {
    "pickle": "a pickle",
    "joblib": "a joblib file",
    "onnx": "an ONNX model",
    "torch": "a PyTorch model",
    "keras": "a Keras model",
    "hdf5": "an HDF5 file",
    "xgboost": "an XGBoost model",
    "lightgbm": "a LightGBM model",
}


class TemplateScreen(Dialog[str]):
    """Gives the id of the template to start from, or "" for none.

    `files` says of each file that would be written whether there is one with a text in it.
    """

    HELP = """
    # Templates

    Each is a scoring script with its environment and a sample. The first fits your model file; its packages are pinned to
    what the file says that it was made with. **Enter** takes one; where you have files already, you are asked before any of
    them is replaced.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss('')", "Back", id="templates.back", tooltip="Change nothing"),
    ]

    def __init__(self, model: str, facts: Facts, files: Mapping[str, bool]) -> None:
        super().__init__()
        self._model, self._facts, self._files = model, facts, files
        self._first = suggested(facts)

    def compose(self) -> ComposeResult:
        """Compose the list, and what the one under the cursor is."""
        others = [template for template in TEMPLATES if template is not self._first]
        rows = [
            (self._first.id, Content(f"{self._first.title}  (fits your model)" if self._fits else self._first.title))
        ]
        rows += [(template.id, Content(template.title)) for template in others]
        rows.append((EXAMPLE, Content("The example: anomalies of a pump, scikit-learn")))
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Start from a template (Enter takes one, Esc none)"
            yield Static(Content(self._about_model()), classes="hint")
            yield ChoiceList(rows, id="templates")
            yield Static("", id="about", markup=False)
        yield from super().compose()

    def on_mount(self) -> None:
        """Stand on the one that fits."""
        choices = self.query_one(ChoiceList)
        choices.point_to(self._first.id)
        choices.focus()

    @property
    def _fits(self) -> bool:
        return self._facts.kind in KINDS

    def _about_model(self) -> str:
        if not self._model:
            return "The plan names no model file, so nothing is known of it: choose what it was made with."
        if not self._fits:
            return f"{self._model}: a kind of file that tells nothing; choose what it was made with."
        made = ", ".join(f"{name} {version}" for name, version in list(self._facts.versions.items())[:3])
        return f"{self._model} is {KINDS[self._facts.kind]}{f', made with {made}' if made else ''}."

    @on(OptionList.OptionHighlighted)
    def _describe(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        template = BY_ID.get(event.option.id or "")
        if template is None:
            tested = "Tested: this example runs in edgetui's own tests. It wants the example's model."
        elif template.tested:
            tested = "Tested: run on the inference server with a small model of its kind."
        else:
            tested = "Untested: written from its library's documentation; its packages are too big for our tests."
        there = [name for name, full in self._files.items() if full]
        writes = ", ".join(f"{name} ({'there already: asks' if full else 'new'})" for name, full in self._files.items())
        after = "\nNothing is replaced without asking." if there else ""
        put(self.query_one("#about", Static), f"{tested}\nWrites {writes}.{after}")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id or "")
