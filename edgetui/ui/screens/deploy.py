"""Step 7: review what changes on each device, deploy, and watch until the module has answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from edgetui.core import steps
from edgetui.core.amounts import size_text
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Failed, ImageResolved, Preview, Started
from edgetui.core.results import DeviceOutcome
from edgetui.jobs import browse
from edgetui.ui.screens.confirm import ConfirmScreen
from edgetui.ui.screens.deploy_outcomes import DeployOutcomes
from edgetui.ui.screens.log import LogScreen
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.texts import put, relabel
from edgetui.ui.words import review as review_words

REVIEW = "preview"  # the job; it belongs to this step


class DeployScreen(StepScreen):
    """First the review, then the devices as they take the module, then the answer."""

    step_id = "deploy"
    undone = "ready but not deployed: F8 deploys"
    HELP = """
    # Deploy

    The **review** says what will change on each device: `-` goes, `+` comes, `~` changes, `=` stays. Nothing is changed before
    you confirm. **F8** deploys what was reviewed; a device that somebody else changed meanwhile is left alone.

    Then each device is watched until the module runs and has answered the sample. **F7** changes between review and devices.
    On a device, **F4** shows the module's own log, `Y` copies the answer.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "module_log", "Module log", id="deploy.log", tooltip="The module's own log, asked of the device"),
        Binding("f7", "switch", "Switch", id="deploy.switch", tooltip="Change between review and devices"),
        Binding("f8", "deploy", "Deploy", id="deploy.deploy", tooltip="Deploy what was reviewed, after a question"),
        Binding("f9", "stop", "Stop", id="deploy.stop", tooltip="Stop watching; what was applied stays applied"),
        Binding("Y", "copy_answer", "Copy answer", id="deploy.copy", tooltip="Copy the device's answer", show=False),
    ]

    outcomes = getters.query_one(DeployOutcomes)

    def __init__(self) -> None:
        super().__init__()
        self._previews: dict[str, Preview] = {}
        self._reviewed: Any = None  # what the review speaks of: plan, image, credential
        self._resolved: ImageResolved | None = None
        self._review_error: EdgeError | None = None
        self._told = ("", False)  # what button and footer were last told

    # widgets

    def body(self) -> ComposeResult:
        """Compose facts, review, outcomes."""
        yield Static("", id="deploy-facts", markup=False)
        with Horizontal(id="deploy-buttons"):
            yield Button("Deploy (F8)", id="deploy-button", compact=True)
            yield Static("", id="deploy-mode", markup=False)
        with VerticalScroll(id="review"):
            yield Static("", id="review-text", markup=False)
        yield DeployOutcomes(id="devices-view")

    def show(self) -> None:
        """Show what is chosen, what was reviewed, and how the devices do."""
        if self._reviewed is not None and self._reviewed != self._subject() and not self.job_runs:
            self._reviewed = None
        put(self.query_one("#deploy-facts", Static), self._facts())
        put(self.query_one("#review-text", Static), self._review())
        self.outcomes.put(self.plan.devices, self.results.devices, watched=self.job_runs)
        label = "Stop (F9)" if self.job_runs else "Deploy (F8)" if self._reviewed is not None else "Review (F8)"
        told = (label, bool(self.results.devices))
        if told != self._told:
            self._told = told
            relabel(self.query_one("#deploy-button", Button), label)
            self.refresh_bindings()

    def _facts(self) -> str:
        plan, results = self.plan, self.results
        image = review_words.short_digest(results.digest or results.image) or "not built yet (4 Image)"
        pulled = "not stored yet (5 Credentials)"
        if results.credential:
            pulled = f"{results.credential_user}, kept in: {results.credential_kept_in}"
        if self._resolved is not None and self._resolved.by_digest == results.digest:
            pulled += f" · {self._resolved.platform}, {size_text(self._resolved.size)}"
        return f"Module      {plan.module_name or '…'}\nImage       {image}\nPulled by   {pulled}"

    def _review(self) -> Content:
        if self.view.blocked:
            return Content(f"The review {self.view.waits} first.")
        if self._review_error is not None:
            error = self._review_error
            return Content(f"✗ {error.title}\n{error.detail}\n→ {error.remedy or 'F5 reviews again.'}")
        if not self._previews:
            return Content("Reading what the devices run now…" if self._reviewing else "F5 reviews.")
        previews = [self._previews[device] for device in self.plan.devices if device in self._previews]
        old = "The plan changed since this review: F8 reviews again.\n\n"
        if self._reviewed is not None or self._reviewing:
            old = ""
        elif self.view.status is steps.Status.DONE:
            old = "This was deployed. F8 reviews again.\n\n"
        return (
            Content(old) + Content.styled(review_words.MEANINGS, "$text-muted") + "\n" + review_words.review(previews)
        )

    def _switch_to(self, what: str) -> None:
        self.set_class(what == "devices", "-devices")
        marks = ("● Review   ○ Devices", "○ Review   ● Devices")[what == "devices"]
        put(self.query_one("#deploy-mode", Static), f"{marks}   (F7 changes)")

    # review

    @property
    def _reviewing(self) -> bool:
        return REVIEW in self.edge.bridge.running

    def _subject(self) -> tuple[Any, ...]:
        results = self.results
        return self.plan, results.image, results.credential

    def reload(self) -> None:
        """Review, unless the deployment is under way or done."""
        deployed = any(device in self.results.devices for device in self.plan.devices)
        self._switch_to("devices" if self.job_runs or deployed else "review")
        if self.view.blocked:
            self.status.problem(f"The deployment {self.view.waits} first; F2 goes back to the steps.")
        elif self.job_runs:
            self._say_progress()
            self.outcomes.table.focus_rows()
        else:
            self._start_review()
            if deployed:
                self.outcomes.table.focus_rows()
            else:
                self.query_one("#deploy-button").focus()

    def _start_review(self) -> None:
        session = self.session
        self._previews, self._review_error, self._resolved = {}, None, None
        # The session counts a review as work of this step: it stops under the step's name.
        self.edge.bridge.run(REVIEW, lambda: session.run(REVIEW), lambda: session.stop(self.step_id))
        self.status.busy("Reading what the devices run now")
        self.show()

    def job_started(self, job: str) -> None:
        """Show that it runs."""
        if job in {self.own_job, REVIEW}:
            self.show()

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Take the review, or the devices' states."""
        if job == REVIEW:
            for event in events:
                if isinstance(event, Preview):
                    self._previews[event.device] = event
                elif isinstance(event, ImageResolved):
                    self._resolved = event
            self.show()
        elif job == self.own_job and self.job_runs:
            self._say_progress()

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Say how the review or the deployment ended."""
        if job == REVIEW:
            self._review_ended(error)
        elif job == self.own_job:
            self._deployment_ended(error)
        self.show()

    def _review_ended(self, error: EdgeError | None) -> None:
        self._review_error = error
        if error is not None:
            self.fail(error, self._start_review)
            return
        self._reviewed = self._subject()
        self.last_error = None
        warned = sum(len(preview.warnings) for preview in self._previews.values())
        notice = f" {warned} {'warning' if warned == 1 else 'warnings'} to read." if warned else ""
        if self.view.status.value == "✓":
            self.status.done("Every device has answered.")
        elif self._read_only:
            self.status.say(f"Reviewed.{notice} This session is read-only: nothing is deployed.")
        else:
            self.status.say(f"Nothing is changed yet.{notice} F8 (or Enter on Deploy) deploys, after a question.")

    # deployment

    @property
    def _read_only(self) -> bool:
        return bool(self.edge.settings and self.edge.settings.read_only)

    def action_deploy(self) -> None:
        """Ask, then deploy what was reviewed; review first where the plan changed since."""
        if self.view.blocked:
            self.status.problem(f"The deployment {self.view.waits} first; F2 goes back to the steps.")
        elif self._reviewing:
            self.status.busy("One moment: still reading what the devices run now")
        elif self._reviewed is None or self._reviewed != self._subject():
            self._switch_to("review")
            self._start_review()
        else:
            self._ask_and_deploy()

    @work(exclusive=True, group="deploy-question")
    async def _ask_and_deploy(self) -> None:
        previews = [self._previews[device] for device in self.plan.devices if device in self._previews]
        image = review_words.short_digest(self.results.digest or self.results.image)
        question = review_words.question(self.plan.module_name, image, previews)
        count = len(previews)
        title = f"Deploy to {previews[0].device}?" if count == 1 else f"Deploy to {count} devices?"
        if await self.edge.push_screen_wait(ConfirmScreen(title, question, "Deploy")):
            self._switch_to("devices")
            self.status.busy("Deploying")
            self._reviewed = None
            self.run_job(seen={preview.device: preview.versions for preview in previews})
            self.outcomes.table.focus_rows()
        else:
            self.status.say("Nothing was deployed. F8 asks again.")

    def _say_progress(self) -> None:
        devices = [self.results.devices.get(device, DeviceOutcome()) for device in self.plan.devices]
        settled = sum(one.answered or one.state == "failed" for one in devices)
        words = (
            f"{settled} of {len(devices)} devices have settled"
            if len(devices) > 1
            else review_words.state_words(devices[0])
        )
        self.status.busy(words, self.edge.bridge.runs[self.own_job].started)

    def _deployment_ended(self, error: EdgeError | None) -> None:
        if error is None:
            self.last_error = None
            self.status.done("Every device has answered. F4 shows the module's log, F2 the steps.")
            return
        if error.kind == "cancelled":
            self.status.say("Stopped watching. What was applied stays applied; F8 reviews and deploys again.")
            return
        failed = any(isinstance(event, Failed) and event.device for event in self._last_run())
        if failed:
            # Which device, why, and what to do stand in the table and below it.
            self.fail(error, self._start_review)
            self.status.problem(f"{error.title}.  F4: the module's log, F6: details")
            return
        self.fail(error, self._review_again)
        if self.is_current:
            self.edge.show_error(error, self._review_again)

    def _review_again(self) -> None:
        self._switch_to("review")
        self._start_review()

    def _last_run(self) -> list[Event]:
        run = self.edge.bridge.runs.get(self.own_job)
        events = list(run.events) if run else []
        starts = [index for index, event in enumerate(events) if isinstance(event, Started)]
        return events[starts[-1] :] if starts else events

    def action_stop(self) -> None:
        """Stop watching."""
        self.status.busy("Stopping")
        self.stop_job()

    # keys

    def action_switch(self) -> None:
        """Change between review and devices."""
        to_devices = not self.has_class("-devices")
        self._switch_to("devices" if to_devices else "review")
        if to_devices:
            self.outcomes.table.focus_rows()
        else:
            self.query_one("#review").focus()

    def action_module_log(self) -> None:
        """Ask the device for the module's log."""
        device = self.outcomes.table.current or next(iter(self.plan.devices), "")
        if not device:
            self.status.problem("No device is chosen.")
            return
        plan, ports = self.plan, self.ports
        title = f"Log of {plan.module_name} on {device}"
        self.edge.push_screen(LogScreen(title, lambda: browse.module_log(plan, ports, device)))

    def action_copy_answer(self) -> None:
        """Copy the current device's answer."""
        outcome = self.outcomes.current
        if outcome is not None and outcome.answered:
            self.edge.copy(review_words.pretty(outcome.prediction), "the answer")
        elif outcome is not None:
            self.edge.copy("\n".join(filter(None, (outcome.detail, outcome.why, outcome.remedy))), "the failure")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "stop":
            return self.job_runs
        if action == "deploy":
            return not self.job_runs and not (self._read_only and self._reviewed is not None)
        if action == "module_log":
            return bool(self.results.devices)
        return super().check_action(action, parameters)

    @on(Button.Pressed, "#deploy-button")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if self.job_runs:
            self.action_stop()
        elif self.check_action("deploy", ()):
            self.action_deploy()
