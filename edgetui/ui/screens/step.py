"""The base of the seven step screens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import msgspec
from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from edgetui.core import steps
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs.session import Session
from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import JobEnded, JobEvents, JobStarted, Loaded, LoadedSome, LoadFailed, PlanChanged
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.header_line import HeaderLine
from edgetui.ui.widgets.keys_line import KeysLine
from edgetui.ui.widgets.status_line import StatusLine
from edgetui.ui.widgets.texts import put


class StepScreen(Screen[None]):
    """One step of the wizard: header line, title, `body()`, status line, footer.

    A step sets `step_id` (and `HELP`, Markdown for F1), and fills in what it needs of:

    - `body()` composes the widgets between title and status line;
    - `show()` brings them up to date with `self.plan` and `self.results`: called after mount, when the plan or the results
      changed, and when the screen comes back;
    - `reload()` asks again for what comes from outside (called after mount and by F5), with
      `self.load("models", lambda: browse.models(plan, ports))` or `self.load_parts(...)` for pages; the answer comes to
      `loaded(what, value)`, pages before to `loaded_some(what, value)`, a failure to `load_failed(what, error)` (which
      by default shows it in the status line, with F6 for the details);
    - `job_started(job)`, `job_events(job, events)` and `job_ended(job, error)` hear **all** jobs, this step's and others';
      the default `job_ended` says how this step's own job ended, and opens the error with a retry;
    - `typed(field, text, by_enter=...)` takes what was typed into a `Field`, when it is left in whichever way;
    - `next_ready()` may hold F3 back: it returns what is missing, or "";
    - `undone` says what is left when all is answered, and the key for it; F3 says it once before it goes on.

    What it uses: `self.plan`, `self.results`, `self.session`, `self.ports`, `self.edge` (the app, typed), `self.status`
    (`say`, `busy`, `done`, `problem`), `self.edit(model={"name": "x"})` (changes the plan and saves it at once),
    `self.run_job(**options)` / `self.stop_job()` / `self.job_runs` (this step's job; `job` names it where it is not the
    step id), `self.run_of(job)` (a `worker.Run`: `events` so far, `seconds`, `error`), `self.edge.copy(text, "the log")`,
    `self.edge.show_error(error, retry)`, `await self.edge.push_screen_wait(...)` in a worker for a dialog.
    Blocking calls only through `load` and `run_job`.
    """

    step_id: ClassVar[str] = ""
    job: ClassVar[str] = ""
    undone: ClassVar[str] = ""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,escape", "back", "Back", id="step.back", tooltip="Back to the list of steps", key_display="F2"),
        Binding("f3", "next", "Next", id="step.next", tooltip="Go to the next step that is not done"),
        Binding("f5", "reload", "Refresh", id="step.refresh", tooltip="Ask again for what this screen shows"),
        Binding("f6", "details", "Details", id="step.details", tooltip="Show the whole error", show=False),
    ]

    status = getters.query_one("#status", StatusLine)
    edge = getters.app(EdgeApp)

    def __init__(self) -> None:
        super().__init__(id=self.step_id)
        self.last_error: EdgeError | None = None
        self.last_retry: Callable[[], None] | None = None
        self._said_undone = ""  # what F3 said of this step

    # what a step fills in

    def body(self) -> ComposeResult:
        """Compose what stands between title and status line."""
        raise NotImplementedError

    def show(self) -> None:
        """Bring the widgets up to date with plan and results."""

    def reload(self) -> None:
        """Ask again for what comes from outside."""

    def loaded(self, what: str, value: Any) -> None:
        """Take what `load` or `load_parts` asked for."""

    def loaded_some(self, what: str, value: Any) -> None:
        """Take a part of what `load_parts` asked for."""

    def load_failed(self, what: str, error: EdgeError) -> None:  # noqa: ARG002 - steps that load several things look at it
        """Say why it could not be had."""
        self.fail(error, self.action_reload)

    def job_started(self, job: str) -> None:
        """Hear that a job began."""

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Hear what a job says."""

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Hear that a job ended; says so for this step's own."""
        if job != self.own_job:
            return
        if error is None:
            self.last_error = None
            self.status.done(f"done, {self.step.title.lower()} is ready; F3 goes on")
        else:
            self.fail(error, self.run_job)
            if self.is_current and error.kind != "cancelled":
                self.edge.show_error(error, self.run_job)

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Take a text that the person finished in a field."""

    def next_ready(self) -> str:
        """Say what is missing before Next may leave, or ""."""
        return ""

    # what a step uses

    @property
    def step(self) -> steps.Step:
        """This step's entry in the list of steps."""
        return steps.BY_ID[self.step_id]

    @property
    def view(self) -> steps.View:
        """How this step stands."""
        return next(view for view in self.session.views() if view.step.id == self.step_id)

    @property
    def session(self) -> Session:
        """What the wizard works on."""
        return self.edge.session

    @property
    def plan(self) -> Plan:
        """The answers so far."""
        return self.edge.session.plan

    @property
    def results(self) -> Results:
        """What was done so far."""
        return self.edge.session.results

    @property
    def ports(self) -> Ports:
        """The outside."""
        return self.edge.ports

    @property
    def own_job(self) -> str:
        """The name of this step's job."""
        return self.job or self.step_id

    @property
    def job_runs(self) -> bool:
        """Whether this step's job runs now."""
        return self.own_job in self.edge.bridge.running

    def edit(self, **sections: Any) -> bool:
        """Change fields of the plan's sections and save it: `edit(model={"name": "x"}, target=(Target(...),))`.

        Returns False where it could not be saved; the screen says why.
        """
        plan = self.plan
        changes: dict[str, Any] = {}
        for name, fields in sections.items():
            old = getattr(plan, name)
            changes[name] = msgspec.structs.replace(old, **fields) if isinstance(fields, dict) else fields
        return self.edge.edit(msgspec.structs.replace(plan, **changes))

    def load(self, what: str, ask: Callable[[], Any]) -> None:
        """Ask for something in the background."""
        self.edge.bridge.load(what, ask, self)

    def load_parts(self, what: str, ask: Callable[[], Iterable[Any]]) -> None:
        """Ask for something that comes in parts."""
        self.edge.bridge.load_parts(what, ask, self)

    def leave(self) -> None:
        """Take what is still being typed; called before the screen goes, whichever way."""
        for field in self.query(Field):
            if field.pending:
                self.typed(field, field.taken(), by_enter=False)

    def run_job(self, **options: Any) -> None:
        """Start this step's job, unless it runs already, or may not because nothing is to be changed."""
        if not self.edge.run_job(self.own_job, **options) and not self.job_runs:
            self.status.say("Nothing was changed.")

    def stop_job(self) -> None:
        """Cancel this step's job."""
        self.edge.bridge.stop(self.own_job)

    def fail(self, error: EdgeError, retry: Callable[[], None] | None = None) -> None:
        """Say what went wrong in the status line and keep it for F6."""
        self.last_error = error
        self.last_retry = retry
        remedy = f" {error.remedy}" if error.remedy else ""
        self.status.problem(f"{error.title}.{remedy}  F6: details")

    # Textual's side

    def compose(self) -> ComposeResult:
        """Compose the frame and the body."""
        yield HeaderLine()
        yield Static("", id="title", markup=False)
        with Vertical(id="body"):
            yield from self.body()
        yield StatusLine(id="status")
        yield KeysLine()

    def on_mount(self) -> None:
        """Show what is known, ask for the rest."""
        self._refresh()
        self.reload()

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        self._refresh()

    def on_unmount(self) -> None:
        """Let go of what was asked for and not yet answered."""
        self.edge.bridge.forget(self)

    def _refresh(self) -> None:
        self.query_one(HeaderLine).put(*self.edge.header())
        view = self.view
        put(
            self.query_one("#title", Static),
            f" {self.step.number} {self.step.title} · {view.status.value} {view.summary}",
        )
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the details only while there is an error."""
        if action == "details":
            return self.last_error is not None
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Go back to the list of steps."""
        self.edge.back()

    def action_next(self) -> None:
        """Go on to the next step that is not done; say once where this one could be done now."""
        self.leave()
        missing = self.next_ready()
        todo = self._todo()
        if missing:
            self.status.problem(missing)
        elif todo and todo != self._said_undone:
            self._said_undone = todo
            self.status.say(f"! {self.step.number} {self.step.title} is {todo}, F3 again goes on.")
        else:
            self.edge.open_next(self.step_id)

    def _todo(self) -> str:
        """What can be done here now and is not, or ""."""
        view = self.view
        if not self.undone or view.blocked or view.status in {steps.Status.DONE, steps.Status.RUNNING}:
            return ""
        return f"not up to date, {view.stale}: F8 does it again" if view.stale else self.undone

    def action_reload(self) -> None:
        """Ask again."""
        self.last_error = None
        self.reload()

    def action_details(self) -> None:
        """Show the whole error."""
        if self.last_error is not None:
            self.edge.show_error(self.last_error, self.last_retry)

    @on(Field.Saved)
    def _on_field_saved(self, message: Field.Saved) -> None:
        message.stop()
        self.typed(message.field, message.text, by_enter=message.by_enter)

    @on(Loaded)
    def _on_loaded(self, message: Loaded) -> None:
        self.loaded(message.what, message.value)

    @on(LoadedSome)
    def _on_loaded_some(self, message: LoadedSome) -> None:
        self.loaded_some(message.what, message.value)

    @on(LoadFailed)
    def _on_load_failed(self, message: LoadFailed) -> None:
        self.load_failed(message.what, message.error)

    @on(JobStarted)
    def _on_job_started(self, message: JobStarted) -> None:
        self.refresh_bindings()
        self.job_started(message.job)

    @on(JobEvents)
    def _on_job_events(self, message: JobEvents) -> None:
        self._refresh()
        self.job_events(message.job, message.events)

    @on(JobEnded)
    def _on_job_ended(self, message: JobEnded) -> None:
        self._refresh()
        self.refresh_bindings()
        self.job_ended(message.job, message.error)

    @on(PlanChanged)
    def _on_plan_changed(self) -> None:
        self._refresh()
