"""Step 4: build the image, and watch its log; the build goes on while other steps are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from edgetui.core import rules
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, ImageBuilt, LogFile, LogLine
from edgetui.core.models import EngineState
from edgetui.jobs import browse, build, check
from edgetui.ui.build_words import BuildProgress, first_error
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import clock

BUILDERS = {
    "azureml": "Azure ML",
    "acr": "the registry, by quick builds",
    "docker": "the container engine of this machine",
}


class ImageScreen(StepScreen):
    """What will be built, and the log of building it."""

    step_id = "image"
    HELP = """
    # Image

    Azure ML builds a container image from the registered model, the script and the environment, and puts it into the
    workspace's registry. **F8** starts, **F9** stops. You can leave meanwhile: the build goes on, and the log is kept.

    The tag `auto` is made from the model's version and what goes in: the same content never has two images.

    **F7** gives the log the whole screen. In the log `/` finds, `&` filters, **End** follows.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "whole_log", "Log", id="image.log", tooltip="Give the log the whole screen, or not"),
        Binding("f8", "build", "Build", id="image.build", tooltip="Build the image"),
        Binding("f9", "stop", "Stop", id="image.stop", tooltip="Stop the build"),
    ]

    log_pane = getters.query_one("#log", LogPane)

    def __init__(self) -> None:
        super().__init__()
        self._tag = ""
        self._engine: EngineState | None = None
        self._progress = BuildProgress()
        self._last_seconds = self.results.image_seconds
        self._ran = False  # when the footer was last told

    # widgets

    def body(self) -> ComposeResult:
        """Compose the cause of a failure, the answers, what is there, and the log."""
        image = self.plan.image
        yield Static("", id="cause", markup=False)
        with Vertical(id="answers"):
            yield Field(
                "Name",
                image.name,
                id="name",
                check=lambda text: rules.image_name(text) if text else "",
                placeholder=self.plan.image_name or "the model's name",
                help="The image's name in the registry: lower case letters, digits, `-`, `_`, `.`, `/`. Empty: the model's.",
            )
            yield Field(
                "Tag",
                image.tag,
                id="tag",
                check=rules.image_tag,
                placeholder="auto",
                help="`auto`, or a tag of your own. An existing tag is moved to the new image.",
            )
            yield Field(
                "Platform",
                image.platform,
                id="platform",
                check=rules.platform,
                placeholder="linux/amd64",
                help="What the devices are: `linux/amd64`, `linux/arm64` or `linux/arm/v7`.",
            )
            yield Static("", id="facts", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Build (F8)", id="build", compact=True)
                yield Button("Stop (F9)", id="stop", compact=True)
        yield LogPane("Build log", id="log")

    def show(self) -> None:
        """Show what is chosen and what came of it."""
        image = self.plan.image
        self.query_one("#name", Field).put(image.name)
        self.query_one("#tag", Field).put(image.tag)
        self.query_one("#platform", Field).put(image.platform)
        put(self.query_one("#facts", Static), self._facts())
        failure = self.session.failed.get(self.step_id)
        words = f"✗ {failure.title}\n→ {failure.remedy or 'The log says more.'}" if failure else ""
        cause = self.query_one("#cause", Static)
        cause.display = bool(words)
        put(cause, words)
        self.query_one("#stop", Button).display = self.job_runs
        self.query_one("#build", Button).display = not self.job_runs
        if self.job_runs != self._ran:
            self._ran = self.job_runs
            self.refresh_bindings()

    def _facts(self) -> str:
        plan, results = self.plan, self.results
        model = check.model_id(plan, results) or "no model yet (step 2)"
        script, environment = plan.scoring.script or "no script yet", plan.scoring.environment or "no environment yet"
        lines = [
            f"Goes in         {model}, {script}, {environment}",
            f"Becomes         {plan.image_name or '…'}:{self._tag or 'auto'}",
            f"Built by        {BUILDERS[plan.image.builder]}. {self._engine_words()}",
        ]
        if results.image:
            stale = self.view.status.value == "~"
            lines.append(f"Image           {results.image}{' (outdated)' if stale else ''}")
            if results.digest.rpartition("@")[2]:
                lines.append(f"                {results.digest.rpartition('@')[2]}")
        return "\n".join(lines)

    def _engine_words(self) -> str:
        engine, needed = self._engine, self.plan.image.builder == "docker"
        if engine is None:
            return ""
        if engine.reachable:
            return f"Local engine {engine.version}{'' if needed else ': not needed'}."
        return f"It does not answer: {engine.why}" if needed else "No local engine answers; none is needed."

    # what is there already

    def reload(self) -> None:
        """Show the log so far, or the last one; ask for the tag and the engine."""
        run = self.edge.bridge.runs.get(self.own_job)
        if run is not None:
            if not self.log_pane.buffer.total:
                self._progress = BuildProgress().after(run.events)
                self._show_log(list(run.events))
        elif self.results.image_log:
            path = self.results.image_log
            self.load("log", lambda: self.ports.files.read_text(path, "image"))
        if self.results.image_log:
            self.log_pane.set_path(self.results.image_log)
        self._ask_tag()
        self.load("engine", lambda: browse.engine(self.ports))
        if self.job_runs:
            self._say_progress()
            self.log_pane.view.focus()
        else:
            self._invite()
            self.query_one("#build", Button).focus()

    def _ask_tag(self) -> None:
        self.load("tag", partial(build.resolved_tag, self.plan, self.results, self.ports))

    def loaded(self, what: str, value: Any) -> None:
        """Take an answer."""
        if what == "tag":
            self._tag = value
        elif what == "engine":
            self._engine = value
        elif what == "log" and not self.log_pane.buffer.total and not self.job_runs:
            self.log_pane.write_lines(value.splitlines())
            self._go_to_error()
        self.show()

    def load_failed(self, what: str, error: EdgeError) -> None:
        """An old log that is gone, or an engine that does not answer, is no failure of this step."""
        if what == "engine":
            self._engine = EngineState(reachable=False, why=error.title)
            self.show()
        elif what == "log":
            self.log_pane.set_title(f"Build log · the last one cannot be read: {error.title}")
        else:
            super().load_failed(what, error)

    # building

    def action_build(self) -> None:
        """Start the build."""
        wrong = [field for field in self.query(Field) if not field.check()]
        if wrong:
            wrong[0].focus_input()
            self.status.problem("Correct what is marked, then F8 again.")
            return
        if self.view.blocked:
            self.status.problem(f"The image {self.view.blocked} first; F2 goes back to the steps.")
            return
        self._last_seconds = self.results.image_seconds
        self._progress = BuildProgress()
        self.log_pane.clear()
        self.log_pane.set_path("")
        self.status.busy("Building")
        self.run_job()
        self.log_pane.view.focus()
        self.show()

    def action_stop(self) -> None:
        """Stop the build."""
        self.status.busy("Stopping the build")
        self.stop_job()

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Show how far the build is."""
        if job == self.own_job:
            self._progress = self._progress.after(events)
            self._show_log(events)
            if self.job_runs:
                self._say_progress()
        elif job in {"model", "script"}:
            self._ask_tag()

    def _show_log(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, LogFile):
                self.log_pane.set_path(event.path)
        self.log_pane.write_lines([event.text for event in events if isinstance(event, LogLine)])

    def _say_progress(self) -> None:
        started = self.edge.bridge.runs[self.own_job].started
        self.status.busy(self._progress.words(self._last_seconds), started)

    def job_started(self, job: str) -> None:
        """Show that it runs."""
        if job == self.own_job:
            self.show()

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Say how it ended; the cause of a failure stands on top and the log stays."""
        if job != self.own_job:
            return
        self.log_pane.flush()
        if error is None:
            self.last_error = None
            self._invite()
        elif error.kind == "cancelled":
            self.status.say("The build was stopped. F8 builds again.")
        else:
            self.fail(error, self.action_build)
            self._go_to_error()
        self._ask_tag()
        self.show()

    def _go_to_error(self) -> None:
        if self.session.failed.get(self.step_id) is None:
            return
        self.log_pane.flush()
        index = first_error(list(self.log_pane.buffer.lines))
        if index is not None:
            self.log_pane.view.go_to(self.log_pane.buffer.index(self.log_pane.buffer.first + index))

    def _invite(self) -> None:
        run = self.edge.bridge.runs.get(self.own_job)
        built = next((e for e in reversed(run.events) if isinstance(e, ImageBuilt)), None) if run else None
        failure = self.session.failed.get(self.step_id)
        if failure is not None:
            self.fail(failure, self.action_build)
        elif self.view.blocked:
            self.status.say(f"The image {self.view.blocked} first; F2 goes back to the steps.")
        elif self.view.status.value == "✓" and built is not None and built.reused:
            self.status.done("The same image was there already, nothing to build; F3 goes on.")
        elif self.view.status.value == "✓":
            self.status.done(f"Built in {clock(self.results.image_seconds)}; F3 goes on.")
        else:
            took = self.results.image_seconds
            estimate = f" The last one took {clock(took)}." if took else " The first build takes some minutes."
            self.status.say(f"F8 (or Enter on Build) builds the image.{estimate}")

    # keys

    def action_whole_log(self) -> None:
        """Give the log the whole screen, or not."""
        self.toggle_class("-whole-log")
        self.log_pane.view.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "stop":
            return self.job_runs
        if action == "build":
            return not self.job_runs
        return super().check_action(action, parameters)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "build" and not self.job_runs:
            self.action_build()
        elif event.button.id == "stop" and self.job_runs:
            self.action_stop()

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Put an answer into the plan; an empty one is the usual one."""
        name = field.id or ""
        value = text or ("auto" if name == "tag" else "linux/amd64" if name == "platform" else "")
        if value != getattr(self.plan.image, name):
            self.edit(image={name: value})
            self._ask_tag()
        if by_enter and not field.problem:
            self.focus_next()
