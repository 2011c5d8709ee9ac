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
from edgetui.jobs import browse, build, build_place, build_times, fingerprints
from edgetui.jobs.build_times import Expected
from edgetui.ui import build_watch, log_saving
from edgetui.ui.build_watch import BuildWatch
from edgetui.ui.screens.image_answers import ImageAnswers
from edgetui.ui.screens.image_cause import ImageCause
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.log_pane import LogPane
from edgetui.ui.widgets.one_of import OneOf
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import image as image_words
from edgetui.ui.worker import Run

_LOG_KEYS = "/ find · & filter · w wrap · t times · m mark · y copy · s save · o pager"
_STATUS_ROOM = 14  # cells of the status line beside its text: padding, spinner, and the time


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
    cause = getters.query_one(ImageCause)

    def __init__(self) -> None:
        super().__init__()
        self._tag = ""
        self._engine: EngineState | None = None
        self._watch = BuildWatch(lambda: self.log_pane, self.load, lambda: self.ports)
        self._expected = Expected()
        self._invitation = ""  # as it stands in the status line, without what was asked for since
        self._ran = False  # when the footer was last told

    # widgets

    def body(self) -> ComposeResult:
        """Compose the cause of a failure, the answers, what is there, and the log."""
        yield ImageCause()
        yield ImageAnswers(self.plan.image, self.plan.image_name)
        yield Static("", id="facts", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Build (F8)", id="build", compact=True)
            yield Button("Stop (F9)", id="stop", compact=True)
            yield Button("Past logs (p)", id="past", compact=True)
        yield LogPane("Build log", id="log")

    def on_mount(self) -> None:
        """Begin where the person goes on most likely."""
        self.set_focus(self.log_pane.view if self.job_runs else self.query_one("#build", Button))

    def show(self) -> None:
        """Show what is chosen and what came of it."""
        runs = self.job_runs
        self.set_class(runs, "-building")
        self.answers.put(self.plan.image, self._engine)
        put(self.query_one("#facts", Static), self._facts())
        self.cause.put(self._failure)
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
        going_in = image_words.inputs(plan, fingerprints.model_id(plan, results), self._tag, short=runs)
        if made and not stale:  # it has become what it was to become
            going_in = going_in.partition("\n")[0]
        return f"{going_in}\n{made}" if made else going_in

    @property
    def _failure(self) -> EdgeError | None:
        """Why the last build failed, until the next one begins."""
        return None if self.job_runs else self.session.failed.get(self.step_id)

    @property
    def _run(self) -> Run | None:
        return self.edge.bridge.runs.get(self.own_job)

    # what is there already

    def reload(self) -> None:
        """Show the log so far, or the last one; ask for what decides the rest."""
        if self._run is not None:
            self._watch.follow(self._run)
            self._go_to_error()
        elif self.results.image_log:
            self._watch.show_last(self.results.image_log)
        if self.results.image_log:
            self.log_pane.set_path(self.results.image_log)
        self._ask()
        self.load("engine", lambda: browse.engine(self.ports))
        self._say()

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
            if self.job_runs or self.status.text == self._invitation:
                self._say()
        elif what == "engine":
            self._engine = value
        elif what == "place":
            self.cause.put_place(value)
            self.refresh_bindings()
        elif what in {build_watch.LAST, build_watch.BEFORE}:
            self._watch.loaded(what, value, self._run)
            self._caught_up()
        elif what == log_saving.WHAT:
            log_saving.saved(self.edge, value)
        self.show()

    def load_failed(self, what: str, error: EdgeError) -> None:
        """An old log that is gone, or an engine that does not answer, is no failure of this step."""
        if what == "engine":
            self._engine = EngineState(reachable=False, why=error.title, remedy=error.remedy)
            self.show()
        elif what in {build_watch.LAST, build_watch.BEFORE}:
            self._watch.load_failed(what, error, self._run)
            self._caught_up()
        elif what == "place":
            self.cause.put_place(None)  # the file itself cannot be read: step 3 says so
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
        self.last_error = None
        self._watch.begin()
        self.status.busy("Building")
        self.run_job()
        self.set_focus(self.log_pane.view)
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
                self._say()
        elif job in {"model", "script"}:
            self._ask()

    def _caught_up(self) -> None:
        """Go on from a log that came from its file."""
        self._go_to_error()
        if self.job_runs:
            self._say()

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
            self._say()
        elif error.kind == "cancelled":
            self.status.say("The build was stopped. F8 builds again.")
        else:
            self._say_failure(error)
            self._go_to_error()
        self._ask()
        self.show()

    def _go_to_error(self) -> None:
        failure = self._failure
        if failure is not None:
            lines = self._watch.go_to_error()
            self.load("place", partial(build_place.place, self.plan, failure, lines, self.ports))

    def _say_failure(self, error: EdgeError) -> None:
        """Its cause stands on top."""
        self.last_error, self.last_retry = error, self.action_build
        self.status.problem("The build failed. F8 builds again, F6 shows the details.")

    def _say(self) -> None:
        """Say how far the build is, how it ended, or how to begin one."""
        if self.job_runs and self._run is not None:
            words = self._watch.progress.words(self._expected, self.size.width - _STATUS_ROOM)
            self.status.busy(words, self._run.started)
        elif self._failure is not None:
            self._say_failure(self._failure)
        elif self.view.status is steps.Status.DONE:
            events = self._run.events if self._run else ()
            built = next((event for event in reversed(events) if isinstance(event, ImageBuilt)), None)
            self.status.done(image_words.built(self.results, reused=built is not None and built.reused))
        elif self.view.blocked:
            self.status.say(f"The image {self.view.waits} first; F2 goes back to the steps.")
        else:
            self._invitation = image_words.invitation(self._expected)
            self.status.say(self._invitation)

    # keys

    def action_mend(self) -> None:
        """Go to where the failure is mended: a line of a file, another step, or a field of this one."""
        self.cause.mend(self.answers)

    def action_past_logs(self) -> None:
        """List the logs of past builds."""
        from edgetui.ui.screens.past_logs import PastLogsScreen  # seldom asked for

        self.edge.push_screen(PastLogsScreen())

    def action_whole_log(self) -> None:
        """Give the log the whole screen, with its keys in words, or not."""
        self.toggle_class("-whole-log")
        self.set_focus(self.log_pane.view)
        if self.has_class("-whole-log") and not self.job_runs:
            self.status.say(_LOG_KEYS)
        else:
            self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "stop":
            return self.job_runs
        if action == "build":
            return not self.job_runs
        if action == "mend":
            return self.cause.mendable
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
            self._say()
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
