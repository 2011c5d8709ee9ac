"""Step 2: choose a registered model, or register one from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Button, Static

from edgetui.core import rules, steps
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Progress
from edgetui.core.models import ModelVersion
from edgetui.jobs import browse, resources
from edgetui.ui.screens.model_tags import check_tags, format_tags, parse_tags
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.paths import PathSuggester
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import progress_text

MODES = {"registered": "Registered models", "new": "Register a file"}


class ModelScreen(StepScreen):
    """Two ways to a model, one at a time; F7 changes between them."""

    step_id = "model"
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

    def __init__(self) -> None:
        super().__init__()
        self._mode = "new" if self.plan.model.path or not self._can_list() else "registered"
        self._known: dict[str, ModelVersion] = {}

    def body(self) -> ComposeResult:
        """Compose both ways; the sheet shows one."""
        model = self.plan.model
        yield Static("", id="modes", markup=False)
        with Vertical(id="registered"):
            yield FilterTable(
                ("model", "version", "created", "tags", "description"),
                noun="versions",
                empty="This workspace has no registered model yet. F7: register a file.",
                id="models",
            )
        with VerticalScroll(id="new", can_focus=False):
            yield Field(
                "File or folder",
                model.path,
                id="path",
                check=self._path_problem,
                placeholder="model.pkl",
                suggester=PathSuggester(lambda: self.plan.folder),
                help="The model's file, or a folder that holds it. Relative paths start at the plan's folder. **→** completes.",
            )
            yield Field(
                "Name",
                model.name,
                id="name",
                check=rules.model_name,
                placeholder="pump-anomaly",
                help="The name in the workspace: letters, digits, `-`, `.`, `_`. Registering again makes a new version.",
            )
            yield Field(
                "Description",
                model.description,
                id="description",
                placeholder="what it is for",
                help="One line for the people who find it in the list.",
            )
            yield Field(
                "Tags",
                format_tags(model.tags),
                id="tags",
                check=check_tags,
                placeholder="site=lab, line=1",
                help='`key=value`, several with commas between. A value with a comma: `"note=a, b"`.',
            )
            yield Button("Register (F8)", id="register", compact=True)
            yield Static("", id="outcome", markup=False)

    def show(self) -> None:
        """Show the way chosen and what came of it."""
        for mode in MODES:
            self.set_class(self._mode == mode, f"mode-{mode}")
        marks = "   ".join(f"{'●' if mode == self._mode else '○'} {title}" for mode, title in MODES.items())
        put(self.query_one("#modes", Static), f"{marks}   (F7 changes)")
        model = self.plan.model
        self._field("name").put(model.name)
        self._field("description").put(model.description)
        self._field("tags").put(format_tags(model.tags) if model.tags else self._field("tags").value)
        if model.path:
            self._field("path").put(model.path)
        result = self.results.model
        view = next(view for view in self.session.views() if view.step.id == self.step_id)
        stale = (
            " (the file or its description changed since: F8 registers a new version)"
            if view.status.value == "~"
            else ""
        )
        outcome = f"Registered      {result}{stale}" if result and model.path else ""
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
            self.table.fail("No workspace is chosen", "Choose one in step 1 (F2, then 1).")
        if not self.job_runs and self._mode == "new":
            self._invite()
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
            if name in {"path", "name", "description", "tags"}:
                self._field(name).show_problem(f"{error.title}. {error.remedy}".strip())

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
        fields = [self._field(name) for name in ("path", "name", "description", "tags")]
        wrong = [field for field in fields if not field.check()]
        if not self._field("path").value:
            self._field("path").show_problem("choose the file or folder to register")
            wrong.insert(0, self._field("path"))
        if wrong:
            wrong[0].focus_input()
            self.status.problem("Correct what is marked, then F8 again.")
            return
        if not self._can_list():
            self.status.problem("A model is registered in a workspace: choose one in step 1 first.")
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

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Put the form into the plan."""
        if field.id == "path" and text and not self._field("name").value:
            stem = Path(text).stem
            self._field("name").put(stem if not rules.model_name(stem) else "", at_once=True)
        self._save()
        if by_enter and not field.problem:
            self.focus_next()

    def _save(self) -> bool:
        """Put the form into the plan; tags that cannot be read yet stay as they were there."""
        tags = self._field("tags").value
        return self.edit(
            model={
                "path": self._field("path").value,
                "name": self._field("name").value,
                "version": None,
                "description": self._field("description").value,
                "tags": self.plan.model.tags if check_tags(tags) else parse_tags(tags),
            }
        )

    def _field(self, name: str) -> Field:
        return self.query_one(f"#{name}", Field)

    def _path_problem(self, text: str) -> str:
        if not text:
            return ""
        path = resources.path(self.plan, text)
        if not self.ports.files.exists(path):
            return f"there is no file or folder {path}"
        return "" if os.access(path, os.R_OK) else f"{path} cannot be read; change its permissions"

    def _can_list(self) -> bool:
        return not steps.BY_ID["workspace"].missing(self.plan)

    def _focus_first(self) -> None:
        if self._mode == "registered":
            self.table.focus_rows()
        elif self._field("path").value and self._field("name").value:
            self.query_one("#register", Button).focus()
        else:
            self._field("path").focus_input()

    def _invite(self) -> None:
        if self._mode == "registered":
            self.status.say("Enter chooses a version and goes on. F7: register a file.")
        elif self.results.model and self.plan.model.path:
            self.status.done(f"{self.results.model} is registered; F3 goes on.")
        else:
            self.status.say("F8 (or Enter on Register) uploads the model.")
