"""Step 2: choose a registered model, or register one from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Static

from edgetui.core import steps
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Progress
from edgetui.core.models import ModelVersion
from edgetui.jobs import browse
from edgetui.ui.screens.model_form import NAMES, ModelForm
from edgetui.ui.screens.model_tags import format_tags
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.texts import put
from edgetui.ui.words.common import progress_text

MODES = {"registered": "Registered models", "new": "Register a file"}


class ModelScreen(StepScreen):
    """Two ways to a model, one at a time; F7 changes between them."""

    step_id = "model"
    undone = "ready but not registered: F8 registers it"
    AUTO_FOCUS = ""  # the first field of the way that is shown, which is not the first widget
    HELP = """
    # Model

    **Registered models** lists what the workspace has: **Enter** chooses a version and goes on, `/` filters.

    **Register a file** uploads a file or a folder as a new version: **F8** starts it, **F9** stops it. A file that was
    registered before, unchanged, is used again and not uploaded twice.

    **F7** changes between the two.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "mode", "Switch", id="model.mode", tooltip="Change between registered models and a new one"),
        Binding("f8", "register", "Register", id="model.register", tooltip="Upload and register the file"),
        Binding("f9", "stop", "Stop", id="model.stop", tooltip="Stop the upload"),
    ]

    table = getters.query_one("#models", FilterTable)
    form = getters.query_one(ModelForm)

    def __init__(self) -> None:
        super().__init__()
        self._mode = "new" if self.plan.model.path or not self._can_list() else "registered"
        self._known: dict[str, ModelVersion] = {}

    def body(self) -> ComposeResult:
        """Compose both ways; the sheet shows one."""
        yield Static("", id="modes", markup=False)
        with Vertical(id="registered"):
            yield FilterTable(
                ("model", "version", "created", "tags", "description"),
                noun="versions",
                empty="This workspace has no registered model yet. F7: register a file.",
                id="models",
            )
        with Vertical(id="new"):
            yield ModelForm(self.plan.model, lambda: self.plan.folder)
            yield Button("Register (F8)", id="register", compact=True)
            yield Static("", id="outcome", markup=False)

    def show(self) -> None:
        """Show the way chosen and what came of it."""
        for mode in MODES:
            self.set_class(self._mode == mode, f"mode-{mode}")
        marks = "   ".join(f"{'●' if mode == self._mode else '○'} {title}" for mode, title in MODES.items())
        put(self.query_one("#modes", Static), f"{marks}   (F7 changes)")
        self.form.put(self.plan.model)
        result = self.results.model
        view = next(view for view in self.session.views() if view.step.id == self.step_id)
        stale = (
            " (the file or its description changed since: F8 registers a new version)"
            if view.status.value == "~"
            else ""
        )
        outcome = f"Registered      {result}{stale}" if result and self.plan.model.path else ""
        put(self.query_one("#outcome", Static), outcome)
        self.refresh_bindings()

    def reload(self) -> None:
        """Ask for the registered models."""
        if self._can_list():
            plan = self.plan
            self.table.begin()
            self.load("models", lambda: browse.models(plan, self.ports))
            if self._mode == "registered" and not self.job_runs:
                self.status.busy("Asking for the registered models")
        else:
            self.table.fail("No workspace is chosen", "Choose one in 1 Workspace: F2, then 1.")
        if self.job_runs:
            self.status.busy("Registering", self.edge.bridge.runs[self.own_job].started)
        elif self._mode == "new":
            self._invite()
        if self.focused is None:
            self._focus_first()

    def loaded(self, what: str, value: Any) -> None:  # noqa: ARG002 - only the list is ever asked for
        """Take the list."""
        self._known = {one.id: one for one in value}
        self.table.put(
            Row(
                one.id,
                (one.name, str(one.version), one.created[:10], format_tags(one.tags), one.description),
                search=" ".join(f"{key} {text}" for key, text in one.properties.items()),
            )
            for one in value
        )
        model = self.plan.model
        if model.version is not None:
            self.table.move_to(f"{model.name}:{model.version}")
        if self._mode == "registered" and not self.job_runs:
            self._invite()

    def load_failed(self, what: str, error: EdgeError) -> None:
        """Say why in the list, and below it where the list is what the person looks at."""
        self.table.fail(error.title, error.remedy)
        if self._mode == "registered":
            super().load_failed(what, error)

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Show the upload."""
        last = next((event for event in reversed(events) if isinstance(event, Progress)), None)
        if job == self.own_job and last is not None and self.job_runs:
            self.status.busy(progress_text(last), self.edge.bridge.runs[job].started)

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Put an error at the field that it is about."""
        super().job_ended(job, error)
        if job != self.own_job:
            return
        if error is None:
            self.status.done(f"{self.results.model} is registered; F3 goes on.")
            self.load("models", lambda: browse.models(self.plan, self.ports))
        elif error.field.startswith("model."):
            name = error.field.partition(".")[2]
            if name in NAMES:
                self.form.field(name).show_problem(f"{error.title}. {error.remedy}".strip())

    def next_ready(self) -> str:
        """Hold Next back while nothing is chosen."""
        return f"First {missing}." if (missing := self.step.missing(self.plan)) else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "stop":
            return self.job_runs
        if action == "register":
            return self._mode == "new" and not self.job_runs
        return super().check_action(action, parameters)

    def action_mode(self) -> None:
        """Change between the two ways; nothing is lost."""
        self._mode = "registered" if self._mode == "new" else "new"
        self.show()
        if not self.job_runs and not self.edge.bridge.loading("models", self):
            self._invite()
        self._focus_first()

    def action_register(self) -> None:
        """Check every field, then register."""
        self.form.settle()
        wrong = self.form.wrong()
        if wrong:
            wrong[0].focus_input()
            self.status.problem("Correct what is marked, then F8 again.")
            return
        if not self._can_list():
            self.status.problem("A model is registered in a workspace: choose one in 1 Workspace first.")
            return
        if self._save():
            self.status.busy("Registering")
            self.run_job()
            self.refresh_bindings()

    def action_stop(self) -> None:
        """Stop the upload; no version is made."""
        self.status.busy("Stopping")
        self.stop_job()

    @on(FilterTable.Chosen, "#models")
    def _choose(self, event: FilterTable.Chosen) -> None:
        event.stop()
        one = self._known[event.key]
        if self.edit(model={"name": one.name, "version": one.version, "path": ""}):
            self.edge.open_next(self.step_id)

    @on(Button.Pressed, "#register")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if not self.job_runs:
            self.action_register()

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:  # noqa: ARG002 - the form is saved as a whole
        """Put the form into the plan."""
        self.form.settle()
        self._save()
        if by_enter and not field.problem:
            self.focus_next()

    def _save(self) -> bool:
        return self.edit(model=self.form.answers(self.plan.model.tags))

    def _can_list(self) -> bool:
        return not steps.BY_ID["workspace"].missing(self.plan)

    def _focus_first(self) -> None:
        if self._mode == "registered":
            self.table.focus_rows()
        elif self.form.filled:
            self.query_one("#register", Button).focus()
        else:
            self.form.field("path").focus_input()

    def _invite(self) -> None:
        if self._mode == "registered":
            self.status.say("Enter chooses a version and goes on. F7: register a file.")
        elif self.results.model and self.plan.model.path:
            self.status.done(f"{self.results.model} is registered; F3 goes on.")
        else:
            self.status.say("F8 (or Enter on Register) uploads the model.")
