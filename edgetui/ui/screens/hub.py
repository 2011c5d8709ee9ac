"""The list of steps: the bottom of the stack, where every step starts from and comes back to."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import OptionList, Static

from edgetui.core import steps
from edgetui.core.plan import Plan
from edgetui.ui.app import EdgeApp
from edgetui.ui.messages import JobEnded, JobEvents, JobStarted, Loaded, LoadFailed, PlanChanged
from edgetui.ui.screens import hub_details, start
from edgetui.ui.widgets.choice_list import ChoiceList
from edgetui.ui.widgets.header_line import HeaderLine
from edgetui.ui.widgets.keys_line import KeysLine
from edgetui.ui.widgets.status_line import StatusLine
from edgetui.ui.widgets.texts import put

COLOURS = {
    steps.Status.DONE: "$text-success",
    steps.Status.RUNNING: "$text-accent",
    steps.Status.STALE: "$text-warning",
    steps.Status.FAILED: "$text-error",
    steps.Status.OPEN: "$text-muted",
}
TITLE = "Deploy a model to your edge devices"
SETTLE = 0.5  # seconds that the first frame may take, or an unfocused terminal, which has no keys
TICK = 1.0  # seconds; only while a job runs


class HubScreen(Screen[None]):
    """Seven steps on the left, the highlighted one on the right."""

    HELP = """
    # The seven steps

    Each line is one step: its mark, number, name, and what was chosen. The marks: `✓` done, `⠸` running, `○` still to do,
    `~` done, but something changed since, `✗` failed.

    **Enter** opens the highlighted step, **F3** the next one that is not done. You can do them in any order that
    'needs …' allows: the image can be built while you choose devices. Everything you enter is saved at once.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="hub.open", tooltip="Open the highlighted step"),
        Binding("f3", "next", "Next", id="hub.next", tooltip="Open the next step that is not done"),
        Binding(
            "f5", "refresh_inputs", "Refresh", id="hub.refresh", tooltip="Look again at the files that the plan names"
        ),
        Binding("f7", "plans", "Plans", id="hub.plans", tooltip="Open another plan, the example, or a new one"),
        *(
            Binding(str(step.number), f"open_number('{step.id}')", step.title, id=f"hub.open_{step.id}", show=False)
            for step in steps.STEPS
        ),
    ]

    choices = getters.query_one("#steps", ChoiceList)
    status = getters.query_one("#status", StatusLine)
    edge = getters.app(EdgeApp)

    def __init__(self) -> None:
        super().__init__()
        self._views = steps.view(steps.Situation(Plan()))
        self._clock: Timer | None = None
        self._first_frame: Timer | None = None  # until it is there
        self.left_build = ""  # one that went on elsewhere while edgetui was away

    def compose(self) -> ComposeResult:
        """Compose the list and the pane beside it."""
        yield HeaderLine(*self.edge.header())
        yield Static(Content(f" {TITLE}"), id="title")
        with Horizontal(id="hub"):
            # The frame is around the list, not of it: a list that changes is sent again whole, and is small this way.
            with Vertical(id="steps-frame"):
                yield ChoiceList(((view.step.id, self._row(view)) for view in self._views), id="steps")
            with VerticalScroll(id="details", can_focus=False):
                yield Static("", id="details-text", markup=False)
        yield StatusLine(id="status")
        yield KeysLine()

    def on_mount(self) -> None:
        """Show the steps at once; which plan it will be comes after the first frame."""
        self.query_one("#steps-frame").border_title = "Steps"
        self.choices.highlighted = 0
        # The first frame first, its keys too: reading files and importing jobs would compete with it.
        self._first_frame = self.set_timer(SETTLE, self._begin)

    @on(KeysLine.Shown)
    def _begin(self) -> None:
        timer, self._first_frame = self._first_frame, None
        if timer is not None:
            timer.stop()
            start.begin(self)

    def show(self) -> None:
        """Bring everything up to date; what did not change is not sent to the terminal again."""
        edge = self.edge
        self.query_one(HeaderLine).put(*edge.header())
        name = ""
        if edge.has_session:
            self._views = edge.session.views()
            name = hub_details.plan_name(edge.session.path, edge.session.plan)
        put(self.query_one("#title", Static), f" {TITLE}" + (f"  ·  plan: {name}" if name else ""))
        for view in self._views:
            self.choices.change(view.step.id, self._row(view))
        self._show_details()
        self._keep_time()
        if edge.has_session and self.status.idle:
            self.status.say(self._hint())

    def _hint(self) -> str:
        if self.left_build and "image" in self.edge.bridge.running:
            return f"The build of {self.left_build} went on in Azure meanwhile; it is watched again. 4 opens it."
        if all(view.status is steps.Status.DONE for view in self._views):
            return "✓ All is done: the module answers on the device. F7 begins another plan, F10 quits."
        return "Enter opens a step, F3 the next one that is not done."

    def _row(self, view: steps.View) -> Content:
        blocked = view.blocked if view.status is steps.Status.OPEN else ""
        summary = blocked or view.summary
        return Content.assemble(
            (view.status.value, COLOURS[view.status]),
            f" {view.step.number} {view.step.title:<11} ",
            (summary, "$text-muted"),
        )

    @property
    def highlighted(self) -> steps.View:
        """The step under the cursor."""
        return self._views[self.choices.highlighted or 0]

    def point_to(self, step_id: str) -> None:
        """Put the cursor on a step."""
        self.choices.point_to(step_id)

    def _show_details(self) -> None:
        view = self.highlighted
        pane = self.query_one("#details")
        pane.border_title = f"{view.step.number} {view.step.title}"
        text = hub_details.details(self.edge, view) if self.edge.has_session else "Choose a plan first."
        put(self.query_one("#details-text", Static), text)

    def _keep_time(self) -> None:
        running = bool(self.edge.bridge.running)
        if running and self._clock is None:
            self._clock = self.set_interval(TICK, self._tick)
        elif not running and self._clock is not None:
            self._clock.stop()
            self._clock = None

    def _tick(self) -> None:
        if self.highlighted.status is steps.Status.RUNNING:
            self._show_details()

    def on_screen_suspend(self) -> None:
        """Stand still: whatever happens to a screen behind another one has that one sent to the terminal whole."""
        if self._clock is not None:
            self._clock.stop()
            self._clock = None

    def on_screen_resume(self) -> None:
        """Show what changed while a step was in front."""
        if self.edge.has_session:
            self.show()

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_details()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Open the highlighted step."""
        self.action_open_number(self.highlighted.step.id)

    def action_open_number(self, step_id: str) -> None:
        """Open a step by its id."""
        if self.edge.has_session:
            self.edge.open_step(step_id)
        else:
            start.begin(self)

    def action_next(self) -> None:
        """Open the next step that is not done."""
        if self.edge.has_session:
            self.edge.open_next()
        else:
            start.begin(self)

    def action_refresh_inputs(self) -> None:
        """Look again at the files of the plan."""
        if self.edge.has_session:
            self.edge.bridge.load("inputs", self.edge.session.refresh_inputs, self)

    def action_plans(self) -> None:
        """Choose another plan."""
        start.begin(self)

    @on(Loaded)
    def _on_loaded(self, message: Loaded) -> None:
        value: Any = message.value
        start.loaded(self, message.what, value)
        self.show()

    @on(LoadFailed)
    def _on_load_failed(self, message: LoadFailed) -> None:
        start.load_failed(self, message.what, message.error)

    @on(JobEvents)
    @on(JobStarted)
    @on(JobEnded)
    @on(PlanChanged)
    def _changed(self) -> None:
        self.show()
