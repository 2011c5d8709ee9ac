"""What step 3 starts from: a template that fits the model, and which of several samples is used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from edgetui.jobs import edit_files
from edgetui.jobs.edit_files import NAMES, Begun, Name
from edgetui.ui.screens.choose import ChooseScreen
from edgetui.ui.screens.script_files import TITLES
from edgetui.ui.screens.script_outside import OutsideScreen


class StartsScreen(OutsideScreen):
    """Templates and samples, each chosen in a dialog that is made when it is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "samples", "Samples", id="script.samples", tooltip="Choose which sample is sent", show=False),
    ]

    def stop_trial(self) -> bool:
        """Stop a trial; False where none runs."""
        return False

    def loaded(self, what: str, value: Any) -> None:
        """Take what a job did."""
        super().loaded(what, value)
        if isinstance(value, Begun):
            self._begin(value)
        elif what == "facts":
            self._choose_template(*value)

    def action_template(self) -> None:
        """Look at the model file, and ask which template to start from; while a trial runs, stop that, as F9 does everywhere."""
        if self.stop_trial():
            return
        from edgetui.jobs import templates

        self.when_saved(lambda: self.load("facts", partial(templates.model, self.plan, self.ports)))

    def _choose_template(self, model: str, facts: Any) -> None:
        from edgetui.ui.screens.templates import TemplateScreen

        files = {getattr(self.plan.scoring, n) or edit_files.EXAMPLES[n]: bool(self.editor(n).text) for n in NAMES}
        self.edge.push_screen(TemplateScreen(model, facts, files), self._start_from)

    def _start_from(self, template: str | None) -> None:
        empty = {name: edit_files.EXAMPLES[name] for name in NAMES if not getattr(self.plan.scoring, name)}
        if template and (not empty or self.edit(scoring=empty)):
            self.load("template", partial(edit_files.start_from, self.plan, self.ports, template))

    def _begin(self, begun: Begun) -> None:
        made = ", ".join(TITLES[name].lower() for name in begun.made)
        others = [n for n in NAMES if n not in begun.made and self.editor(n).text_to_save != begun.texts[n]]
        self.status.say(f"Made from the template: {made}." if made else "All three files were there already.")
        self.open_all()
        if self.active in begun.made:
            self.call_after_refresh(self.editor(self.active).focus)
        if others:
            names = ", ".join(getattr(self.plan.scoring, name) for name in others)
            question = f"Replace {names} with the template's? In each editor, ctrl+z brings back what is there now."
            answers = {"keep": "Keep mine", "replace": "Replace"}
            self.edge.push_screen(
                ChooseScreen("There already", question, answers),
                lambda answer: self._replace(begun, others) if answer == "replace" else None,
            )

    def _replace(self, begun: Begun, names: Sequence[Name]) -> None:
        for name in names:
            self.editor(name).put(begun.texts[name])
            self.save(name)

    def action_samples(self) -> None:
        """Ask which sample is sent."""
        self.when_saved(self._choose_sample)

    def _choose_sample(self) -> None:
        from edgetui.ui.screens.samples import SamplesScreen

        files = self.plan.scoring
        dialog = SamplesScreen(files.sample, files.samples)
        self.edge.push_screen(dialog, lambda path: self._take_sample(path or "", dialog.forgotten))

    def _take_sample(self, path: str, forgotten: set[str]) -> None:
        from edgetui.ui.screens.samples import NEW

        files = self.plan.scoring
        kept = {files.sample, *files.samples} - forgotten - {""}
        copy = path == NEW
        if copy:
            path = edit_files.free_name(self.plan, self.ports, files.sample or edit_files.EXAMPLES["sample"], kept)
        sent = path or files.sample
        others = tuple(sorted(kept - {sent}))
        if (sent, others) == (files.sample, files.samples):
            return
        text = self.editor("sample").text_to_save if copy else ""
        if self.edit(scoring={"sample": sent, "samples": others}) and path:
            self.tabs.active = "tab-sample"
            if copy:
                self.load(
                    "sample",
                    partial(edit_files.save, self.ports, "sample", edit_files.path_of(self.plan, "sample"), text),
                )
            self.call_after_refresh(self.editor("sample").focus)
