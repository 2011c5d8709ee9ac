"""The app only wires: theme, keys, the bridge, and which screen is open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from edgetui.core import steps
from edgetui.core.errors import EdgeError
from edgetui.core.events import SignIn
from edgetui.ui import themes
from edgetui.ui.messages import FileWanted, JobEvents, PlanChanged
from edgetui.ui.surviving import SurvivingApp
from edgetui.ui.worker import Bridge

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.message_pump import MessagePump

    from edgetui.core.plan import Plan
    from edgetui.core.ports import Ports
    from edgetui.jobs.session import Session
    from edgetui.settings import Settings
    from edgetui.ui.screens.hub import HubScreen

KEYS = {"esc": "Esc", "⏎": "Enter", "enter": "Enter", "space": "Space", "del": "Del"}  # as they are printed

# Imported when opened: the first frame needs the list of steps only.
SCREENS = {
    "workspace": "workspace:WorkspaceScreen",
    "model": "model:ModelScreen",
    "script": "script:ScriptScreen",
    "image": "image:ImageScreen",
    "credentials": "credentials:CredentialsScreen",
    "devices": "devices:DevicesScreen",
    "deploy": "deploy:DeployScreen",
}


def _commands() -> type[Provider]:
    from edgetui.ui.commands import Commands

    return Commands


def _changes(job: str, plan: Plan, options: dict[str, Any]) -> bool:
    """Whether a job changes anything in Azure or on a device."""
    if job == "model":
        return bool(plan.model.path)
    if job == "image":
        return not options.get("only_watch")
    return job == "deploy" or bool(options.get("enable_admin"))


def stylesheet() -> Path:
    """The one stylesheet: beside the package in a wheel, at the top of the project in an editable install."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "screens.css"
    return inside if inside.exists() else package.parent / "screens.css"


class EdgeApp(SurvivingApp):
    """The wizard. `session_path` is the plan file to open; without one the person is asked."""

    CSS_PATH = stylesheet()
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f1", "help", "Help", id="app.help", tooltip="Explain what has the focus, and list the keys", priority=True
        ),
        Binding("ctrl+p", "command_palette", "More", id="app.commands", tooltip="List every command", priority=True),
        Binding("f10", "leave", "Quit", id="app.quit", tooltip="Leave edgetui; the plan is saved", priority=True),
        # Textual's own way out; it asks too.
        Binding("ctrl+q", "leave", "Quit", id="app.quit_too", show=False, priority=True),
        Binding("ctrl+c", "copy_selection", "Copy", id="app.copy", tooltip="Copy the selected text", show=False),
    ]

    def __init__(self, ports: Ports, session_path: str = "", settings: Settings | None = None) -> None:
        super().__init__()
        self.title = "edgetui"
        self.ports = ports
        self.session_path = session_path
        self.settings = settings
        self.bridge = Bridge(self._listeners, self.meet)
        self._session: Session | None = None

    # wiring

    def get_default_screen(self) -> Screen[Any]:
        """The list of steps is the bottom of the stack."""
        from edgetui.ui.screens.hub import HubScreen

        return HubScreen()

    def on_mount(self) -> None:
        """Set what needs a running app."""
        wanted = self.settings.theme if self.settings else ""
        self.theme = themes.choose(wanted, os.environ, self.available_themes)

    def on_unmount(self) -> None:
        """Stop what runs, nobody is there to see its end; but what goes on elsewhere is left to go on."""
        keep = [job for job in self.bridge.running if self._session is not None and self._session.goes_on(job)]
        self.bridge.close(keep)

    def _listeners(self) -> Iterator[MessagePump]:
        if not self.is_running or not self._screen_stacks:
            return iter(())
        # The list of steps behind another screen hears nothing, since that would have the other one sent whole each
        # time; it shows all when it comes back.
        return iter([self, *(self.screen_stack[1:] or self.screen_stack)])

    @property
    def session(self) -> Session:
        """What the wizard works on; there is one as soon as a step can be opened."""
        if self._session is None:
            raise EdgeError("No plan is open", remedy="Choose one on the start screen.", kind="input")
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether a plan is open."""
        return self._session is not None

    def use(self, session: Session) -> None:
        """Work on this session from now on."""
        self._session = session
        self.bridge.tell(PlanChanged)

    # what screens use

    def header(self) -> tuple[str, str]:
        """Both ends of the header line."""
        plan = self._session.plan if self._session else None
        where = ["SANDBOX"] if self.ports.sandbox else []
        where += ["READ ONLY"] if self.settings and self.settings.read_only else []
        if plan:
            where += [name for name in (plan.workspace.name, plan.hub.name) if name]
        return "edgetui", "  ".join(where)

    @property
    def reports(self) -> Path | None:
        """The folder for reports of faults; None is the system's temporary one."""
        return self.settings.state / "logs" if self.settings else None

    @property
    def hub(self) -> HubScreen:
        """The list of steps."""
        from edgetui.ui.screens.hub import HubScreen

        hub = self.screen_stack[0]
        if not isinstance(hub, HubScreen):
            raise TypeError(hub)
        return hub

    def edit(self, plan: Plan) -> bool:
        """Replace the plan and save it; where that fails, say why and return False."""
        try:
            self.session.edit(plan)
        except EdgeError as error:
            self.show_error(error, lambda: self.edit(plan))
            return False
        finally:
            self.bridge.tell(PlanChanged)
        self.bridge.load("inputs", self._see_what_changed, self.hub)
        return True

    def _see_what_changed(self) -> None:
        """Find out, in a thread, which steps an answer has made outdated."""
        self.session.refresh_inputs()
        self.bridge.tell(PlanChanged)

    def run_job(self, job: str, **options: Any) -> bool:
        """Start the job of a step; False where it runs already."""
        session = self.session
        if self.settings and self.settings.read_only and _changes(job, session.plan, options):
            self.show_error(
                EdgeError(
                    "edgetui was started to look only",
                    f"Step {steps.BY_ID[job].title} would change something on Azure or on a device.",
                    "Start it without --read-only to do this.",
                )
            )
            return False
        return self.bridge.run(job, lambda: session.run(job, **options), lambda: session.stop(job))

    def open_step(self, step_id: str, **options: Any) -> None:
        """Open a step over the list of steps; `options` are its screen's own."""
        if not self.has_session:
            return
        module, _, name = SCREENS[step_id].partition(":")
        self._leave_step()
        self.hub.point_to(step_id)
        screen: Screen[None] = getattr(import_module(f"edgetui.ui.screens.{module}"), name)(**options)
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def open_next(self, after: str = "") -> None:
        """Open the next step that is not done; the list of steps where no other is left."""
        step = steps.next_open(self.session.situation(), after)
        if step is None or step.id == after:
            self.back()
        else:
            self.open_step(step.id)

    def back(self) -> None:
        """Back to the list of steps."""
        self._leave_step()
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def _leave_step(self) -> None:
        """Let the open step save what is still being typed."""
        stack = self._screen_stacks.get(self._current_mode, [])
        if len(stack) > 1:
            from edgetui.ui.screens.step import StepScreen

            for screen in stack:
                if isinstance(screen, StepScreen) and screen.is_mounted:
                    screen.leave()

    def exit(self, result: int | None = None, return_code: int = 0, message: Any | None = None) -> None:
        """Leave, whoever asks for it; what is being typed is saved."""
        if not self.crashed:
            self._leave_step()
        super().exit(result, return_code, message)

    def show_error(self, error: EdgeError, retry: Callable[[], Any] | None = None) -> None:
        """Show what happened, why, and what to do; offer the retry where it may help."""
        from edgetui.ui.screens.error import ErrorScreen

        self.push_screen(ErrorScreen(error, retry))

    @on(JobEvents)
    def _hear(self, message: JobEvents) -> None:
        # Any job may find that nobody is signed in any more, whichever screen is in front.
        for event in message.events:
            if isinstance(event, SignIn):
                self.ask_to_sign_in(message.job, event)

    @on(FileWanted)
    def _read(self, message: FileWanted) -> None:
        self.bridge.load(message.what, lambda: message.ask(self.ports), message.widget)

    def ask_to_sign_in(self, job: str, event: SignIn) -> None:
        """Show the address and the code that a job waits for; a newer code replaces the one that is shown."""
        from edgetui.ui.screens.sign_in import SignInScreen

        if isinstance(self.screen, SignInScreen):
            self.screen.update_code(job, event)
        else:
            self.push_screen(SignInScreen(job, event))

    def copy(self, text: str, what: str = "text") -> None:
        """Copy, and say where it went."""
        from edgetui.ui import clipboard

        folder = self.settings.state if self.settings else Path.home()
        try:
            where = clipboard.copy(text, self.copy_to_clipboard, folder)
        except OSError as problem:
            where = f"could not be saved: {problem.strerror}"
        self.notify(f"{what}: {where}", markup=False)

    # keys

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they are printed on the keyboard: F3, not f3."""
        shown = super().get_key_display(binding)
        return shown.upper() if shown[:1] == "f" and shown[1:].isdigit() else KEYS.get(shown, shown)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No list of commands over a dialog: they are about what lies behind it."""
        if action == "command_palette":
            return not isinstance(self.screen, ModalScreen)
        return super().check_action(action, parameters)

    def action_help(self) -> None:
        """Explain what has the focus; the same key closes it."""
        from edgetui.ui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        else:
            self.push_screen(HelpScreen.about(self.screen))

    def action_copy_selection(self) -> None:
        """Copy what is selected with the mouse."""
        text = self.screen.get_selected_text()
        if text:
            self.copy(text, "selection")
        else:
            self.notify("F10 quits. Select text with the mouse to copy it.", markup=False)

    def action_leave(self) -> None:
        """Leave; ask first while a job runs."""
        if not self.bridge.running:
            self.exit(0)
            return
        from edgetui.ui.screens.confirm import ConfirmScreen
        from edgetui.ui.words import leaving

        goes_on = [job for job in self.bridge.running if self.session.goes_on(job)]
        stopped = [job for job in self.bridge.running if job not in goes_on]
        question = leaving.question(stopped, goes_on, sandbox=bool(self.ports.sandbox))
        if not isinstance(self.screen, ConfirmScreen):
            self.push_screen(ConfirmScreen("Leave now?", question, "Leave"), lambda yes: self.exit(0) if yes else None)
