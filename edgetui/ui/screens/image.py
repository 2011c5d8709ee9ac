"""Step 4: build the image, and watch its log; the build goes on while other steps are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from edgetui.core import steps
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, ImageBuilt
from edgetui.core.models import EngineState
from edgetui.jobs import browse, build, build_place, build_times, check, logs
from edgetui.jobs.build_place import Place
from edgetui.ui import log_saving
from edgetui.ui.build_watch import BuildWatch
from edgetui.ui.screens.image_answers import ImageAnswers
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.widgets.one_of import OneOf
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import image as image_words
from edgetui.ui.words.common import clock

_LOG_KEYS = "/ find · & filter · w wrap · t times · m mark · y copy · s save · o pager"
_STATUS_ROOM = 14  # cells of the status line beside its text: padding, spinner, and the time
# Where to mend what is in none of the files.
_STEPS = {"registry": "credentials", "model": "model", "workspace": "workspace"}


class ImageScreen(StepScreen):
    """What will be built and by whom, how far it is, and its log."""

    step_id = "image"
    undone = "ready but not built: F8 builds it"
    HELP = """
    # Image

    A container image is made from the registered model, the script and the environment, and put into the workspace's
    registry. **F8** starts, **F9** stops. You can leave meanwhile, even quit: what is built in Azure goes on, and the next
    start watches it again.

    Who builds: **Azure ML** needs nothing more; **ACR Tasks** and **Docker** build our own Dockerfile in layers, so that
    an edit of the script costs seconds. Docker is greyed where no engine answers on this machine; **F5** asks again.

    The tag `auto` is made from the model's version and what goes in: the same content never has two images.

    **F7** gives the log the whole screen, **F4** goes to where a failure is mended, `p` lists the logs of past builds.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "mend", "Mend", id="image.mend", tooltip="Go to where the failure is mended"),
        Binding("f5", "reload", "Refresh", id="image.refresh", tooltip="Ask again, the engine too", show=False),
        Binding("f7", "whole_log", "Log", id="image.log", tooltip="Give the log the whole screen, or not"),
        Binding("f8", "build", "Build", id="image.build", tooltip="Build the image"),
        Binding("f9", "stop", "Stop", id="image.stop", tooltip="Stop the build, in Azure too"),
        Binding("p", "past_logs", "Past logs", id="image.past", tooltip="List the logs of past builds", show=False),
    ]

    log_pane = getters.query_one("#log", LogPane)
    answers = getters.query_one(ImageAnswers)

    def __init__(self) -> None:
        super().__init__()
        self._tag = ""
        self._engine: EngineState | None = None
        self._watch = BuildWatch(lambda: self.log_pane, self._ask_before)
        self._expected = 0.0  # seconds
        self._place: Place | None = None  # where a failure is mended
        self._invitation = ""  # as it stands in the status line, without what was asked for since
        self._ran = False  # when the footer was last told

    # widgets

    def body(self) -> ComposeResult:
        """Compose the cause of a failure, the answers, what is there, and the log."""
        yield Static("", id="cause", markup=False)
        yield ImageAnswers(self.plan.image, self.plan.image_name)
        yield Static("", id="facts", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Build (F8)", id="build", compact=True)
            yield Button("Stop (F9)", id="stop", compact=True)
            yield Button("Past logs (p)", id="past", compact=True)
        yield LogPane("Build log", id="log")

    def show(self) -> None:
        """Show what is chosen and what came of it."""
        runs = self.job_runs
        self.set_class(runs, "-building")
        self.answers.put(self.plan.image, self._engine)
        put(self.query_one("#facts", Static), self._facts())
        self._show_cause()
        self.query_one("#stop", Button).display = runs
        self.query_one("#build", Button).display = not runs
        if runs != self._ran:
            self._ran = runs
            self.refresh_bindings()

    def _facts(self) -> str:
        plan, results, runs = self.plan, self.results, self.job_runs
        status = self.view.status
        stale = status is steps.Status.STALE
        # After a failure the log needs the room, and the image is not the one that was wanted.
        made = "" if runs or status is steps.Status.FAILED else image_words.result(results, stale=stale)
        going_in = image_words.inputs(plan, check.model_id(plan, results), self._tag, short=runs)
        if made and not stale:  # it has become what it was to become
            going_in = going_in.partition("\n")[0]
        return f"{going_in}\n{made}" if made else going_in

    def _show_cause(self) -> None:
        failure = None if self.job_runs else self.session.failed.get(self.step_id)
        words = image_words.cause(failure, self._place) if failure else ""
        cause = self.query_one("#cause", Static)
        cause.display = bool(words)
        put(cause, words)

    # what is there already

    def reload(self) -> None:
        """Show the log so far, or the last one; ask for what decides the rest."""
        run = self.edge.bridge.runs.get(self.own_job)
        if run is not None:
            self._watch.follow(run)
            if not self.job_runs:
                self._go_to_error()
        elif self.results.image_log:
            path = self.results.image_log
            self.load("log", lambda: logs.lines(self.ports, path))
        if self.results.image_log:
            self.log_pane.set_path(self.results.image_log)
        self._ask()
        self.load("engine", lambda: browse.engine(self.ports))
        if self.job_runs:
            self._say_progress()
            self.log_pane.view.focus()
        else:
            self._invite()
            self.query_one("#build", Button).focus()

    def _ask(self) -> None:
        """Ask for what changes with plan and results."""
        plan, results, ports = self.plan, self.results, self.ports
        self.load("tag", partial(build.resolved_tag, plan, results, ports))
        self.load("expected", partial(build_times.expected, plan, results, ports))

    def loaded(self, what: str, value: Any) -> None:
        """Take an answer."""
        if what == "tag":
            self._tag = value
        elif what == "expected":
            self._expected = value
            if self.job_runs:
                self._say_progress()
            elif self.status.text == self._invitation:
                self._invite()
        elif what == "engine":
            self._engine = value
        elif what == "place":
            self._place = value
            self.refresh_bindings()
        elif what == "before":
            self._watch.join(value, self.edge.bridge.runs.get(self.own_job))
            self._joined()
        elif what == log_saving.WHAT:
            log_saving.saved(self.edge, value)
        elif what == "log" and not self.job_runs:
            self._watch.show_last(value)
            self._go_to_error()
        self.show()

    def load_failed(self, what: str, error: EdgeError) -> None:
        """An old log that is gone, or an engine that does not answer, is no failure of this step."""
        if what == "engine":
            self._engine = EngineState(reachable=False, why=error.title, remedy=error.remedy)
            self.show()
        elif what == "log":
            self.log_pane.set_title(f"Build log · the last one cannot be read: {error.title}")
        elif what == "before":
            lost = f"(the log before this start cannot be read: {error.title})"
            self._watch.join([lost], self.edge.bridge.runs.get(self.own_job))
            self._joined()
        elif what == "place":
            self._place = None  # the file itself cannot be read: step 3 says so
        else:
            super().load_failed(what, error)

    # building

    def action_build(self) -> None:
        """Start the build."""
        if self.answers.wrong():
            self.status.problem("Correct what is marked, then F8 again.")
            return
        if self.view.blocked:
            self.status.problem(f"The image {self.view.waits} first; F2 goes back to the steps.")
            return
        self._place, self.last_error = None, None
        self._watch.begin()
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
            self._watch.take(events)
            if self.job_runs:
                self._say_progress()
        elif job in {"model", "script"}:
            self._ask()

    def _ask_before(self, path: str, size: int) -> None:
        self.load("before", partial(logs.lines, self.ports, path, size))

    def _joined(self) -> None:
        if self.job_runs:
            self._say_progress()
        else:
            self._go_to_error()

    def _say_progress(self) -> None:
        started = self.edge.bridge.runs[self.own_job].started
        self.status.busy(self._watch.progress.words(self._expected, self.size.width - _STATUS_ROOM), started)

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
            self._say_failure(error)
            self._go_to_error()
        self._ask()
        self.show()

    def _go_to_error(self) -> None:
        failure = self.session.failed.get(self.step_id)
        if failure is not None:
            lines = self._watch.go_to_error()
            self.load("place", partial(build_place.place, self.plan, failure, lines, self.ports))

    def _say_failure(self, error: EdgeError) -> None:
        """Its cause stands on top."""
        self.last_error, self.last_retry = error, self.action_build
        self.status.problem("The build failed. F8 builds again, F6 shows the details.")

    def _invite(self) -> None:
        run = self.edge.bridge.runs.get(self.own_job)
        built = next((e for e in reversed(run.events) if isinstance(e, ImageBuilt)), None) if run else None
        failure = self.session.failed.get(self.step_id)
        if failure is not None:
            self._say_failure(failure)
        elif self.view.status is steps.Status.DONE and built is not None and built.reused:
            self.status.done("The same image was there already, nothing to build; F3 goes on.")
        elif self.view.status is steps.Status.DONE:
            took = self.results.image_seconds
            self.status.done(f"Built{f' in {clock(took)}' if took >= 1 else ''}; F3 goes on.")
        elif self.view.blocked:
            self.status.say(f"The image {self.view.waits} first; F2 goes back to the steps.")
        else:
            took = self._expected
            estimate = f" About {clock(took)}, as the last time." if took else " The first build takes some minutes."
            self._invitation = f"F8 (or Enter on Build) builds the image.{estimate}"
            self.status.say(self._invitation)

    # keys

    def action_mend(self) -> None:
        """Go to where the failure is mended: a line of a file, another step, or a field of this one."""
        failure = self.session.failed.get(self.step_id)
        section, _, key = (failure.field if failure else "").partition(".")
        if self._place is not None:
            self.edge.open_step("script", at=(self._place.name, self._place.line))
        elif section in _STEPS:
            self.edge.open_step(_STEPS[section])
        elif section == "image" and key in image_words.ANSWERS:
            self.answers.focus_on(key)

    def action_past_logs(self) -> None:
        """List the logs of past builds."""
        from edgetui.ui.screens.past_logs import PastLogsScreen  # seldom asked for

        self.edge.push_screen(PastLogsScreen())

    def action_whole_log(self) -> None:
        """Give the log the whole screen, with its keys in words, or not."""
        self.toggle_class("-whole-log")
        self.log_pane.view.focus()
        if not self.job_runs:
            if self.has_class("-whole-log"):
                self.status.say(_LOG_KEYS)
            else:
                self._invite()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "stop":
            return self.job_runs
        if action == "build":
            return not self.job_runs
        if action == "mend":
            failure = None if self.job_runs else self.session.failed.get(self.step_id)
            return failure is not None and bool(image_words.mending(self._place, failure.field))
        return super().check_action(action, parameters)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "build" and not self.job_runs:
            self.action_build()
        elif event.button.id == "stop" and self.job_runs:
            self.action_stop()
        elif event.button.id == "past":
            self.action_past_logs()

    @on(LogPane.SaveWanted)
    def _save(self, event: LogPane.SaveWanted) -> None:
        event.stop()
        log_saving.save(self.edge, event, self)

    @on(OneOf.Chosen)
    def _choose(self, event: OneOf.Chosen) -> None:
        event.stop()
        key, choice = event.group.id or "", event.choice
        if choice.shut:
            self.status.problem(choice.shut)
        elif choice.key != getattr(self.plan.image, key):
            self.edit(image={key: choice.key})
            self._invite()
            self._ask()

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Put an answer into the plan; an empty one is the usual one."""
        name = field.id or ""
        value = text or ("auto" if name == "tag" else "")
        if value != getattr(self.plan.image, name):
            self.edit(image={name: value})
            self._ask()
        if by_enter and not field.problem:
            self.focus_next()
