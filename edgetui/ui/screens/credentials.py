"""Step 5: how devices sign in to the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Progress
from edgetui.core.models import RegistryInfo, VaultState
from edgetui.jobs import browse
from edgetui.ui.screens.confirm import ConfirmScreen
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.texts import put, relabel

KEPT = {
    "keyring": "in the OS keyring ({name}); nowhere else on this machine",
    "memory": "for this run only, no OS keyring answers:\n                {why}",
}


class CredentialsScreen(StepScreen):
    """The registry, its admin user, and where the password will be kept. The password itself is never shown."""

    step_id = "credentials"
    undone = "ready but not fetched: F8 fetches it"
    HELP = """
    # Credentials

    Devices pull the image from the workspace's container registry; they sign in with its **admin user**. Azure keeps that
    user off until somebody turns it on: **F8** asks you before it does.

    The password is fetched, kept in the OS keyring (or, where none answers, for this run only), and sent to the hub with
    the deployment. It is never shown, logged, or written into the plan.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "fetch", "Fetch", id="credentials.fetch", tooltip="Fetch the credential and keep it"),
        Binding("f9", "stop", "Stop", id="credentials.stop", tooltip="Stop fetching"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._registry: RegistryInfo | None = None
        self._vault: VaultState | None = None

    def body(self) -> ComposeResult:
        """Compose facts and the one button."""
        yield Static("", id="facts", markup=False)
        yield Button("Fetch and keep the credential (F8)", id="fetch", compact=True)
        yield Static("", id="explain", markup=False)

    def show(self) -> None:
        """Show registry, vault, and what is kept already."""
        registry, vault, results = self._registry, self._vault, self.results
        lines = []
        if registry is None:
            lines.append(
                "Registry        asking…" if not self.last_error else "Registry        not known: F5 asks again"
            )
        else:
            lines += [f"Registry        {registry.name}", f"Login server    {registry.login_server}"]
            lines.append(f"Admin user      {'on' if registry.admin_enabled else 'off'}")
        if vault is not None:
            lines.append(
                "Will be kept    " + KEPT[vault.kind].format(name=vault.name, why=vault.why or "no reason given")
            )
        if results.credential:
            lines.append(f"Kept now        user {results.credential_user}, {results.credential_kept_in}")
        put(self.query_one("#facts", Static), "\n".join(lines))
        off = registry is not None and not registry.admin_enabled
        button = self.query_one("#fetch", Button)
        relabel(
            button,
            "Enable the admin user and keep its credential (F8)" if off else "Fetch and keep the credential (F8)",
        )
        button.disabled = self.job_runs
        explain = (
            "The admin user is off. Devices need it to pull the image: enabling it gives everybody who has its password "
            "the right to read and write this registry. You can turn it off again in the portal."
            if off
            else ""
        )
        put(self.query_one("#explain", Static), explain)

    def reload(self) -> None:
        """Ask for the registry, and which store answers."""
        plan = self.plan
        if self.focused is None:
            self.query_one("#fetch", Button).focus()
        if missing := self._blocked():
            self.status.say(missing)
            return
        if self.job_runs:
            self.status.busy("Fetching the credential", self.edge.bridge.runs[self.own_job].started)
        else:
            self.status.busy("Asking for the workspace's registry")
        self.load("registry", lambda: browse.registry(plan, self.ports))
        self.load("vault", lambda: browse.vault(self.ports))

    def loaded(self, what: str, value: Any) -> None:
        """Take an answer."""
        if what == "registry":
            self._registry = value
            if not self.job_runs:
                self._invite()
        elif what == "vault":
            self._vault = value
        self.show()

    def load_failed(self, what: str, error: EdgeError) -> None:
        """Say why."""
        super().load_failed(what, error)
        self.show()

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Say what goes on."""
        said = next((event.text for event in reversed(events) if isinstance(event, Progress)), "")
        if job == self.own_job and said and self.job_runs:
            self.status.busy(said.capitalize(), self.edge.bridge.runs[job].started)

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Say how it ended; an admin user that is off is a question, not an error."""
        if job == self.own_job and error is not None and error.field == "registry.credential":
            self.last_error = error
            self.status.say("! The admin user is off: nothing was changed yet.")
            self._ask()
            return
        super().job_ended(job, error)
        if job == self.own_job:
            self.query_one("#fetch", Button).focus()  # it was lost while the button was off
        if job == self.own_job and error is None:
            if self._registry is not None:  # so it is not asked for once more before the registry has answered
                self._registry = msgspec.structs.replace(self._registry, admin_enabled=True)
            self.load("registry", lambda: browse.registry(self.plan, self.ports))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop only what runs, fetch only what does not."""
        if action == "stop":
            return self.job_runs
        if action == "fetch":
            return not self.job_runs
        return super().check_action(action, parameters)

    @on(Button.Pressed, "#fetch")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_fetch()

    def action_fetch(self) -> None:
        """Fetch the credential; where the admin user is off, ask first. Nothing while it is being fetched."""
        if self.job_runs:
            return
        if missing := self._blocked():
            self.status.problem(missing)
        elif self._registry is not None and not self._registry.admin_enabled:
            self._ask()
        else:
            self._fetch(enable_admin=False)

    def action_stop(self) -> None:
        """Stop fetching."""
        self.stop_job()

    @work(exclusive=True)
    async def _ask(self) -> None:
        name = f"registry {self._registry.name}" if self._registry else "the workspace's registry"
        question = (
            f"Turn on the admin user of {name}?\n\nIt is one user with two passwords, for the whole registry: whoever "
            "has one can read and write every image. Devices sign in with it; you can turn it off again."
        )
        if await self.app.push_screen_wait(ConfirmScreen("Enable the admin user", question, "Enable")):
            self._fetch(enable_admin=True)
        else:
            self.status.say("Nothing was changed.")

    def _fetch(self, *, enable_admin: bool) -> None:
        self.status.busy("Fetching the credential")
        self.run_job(enable_admin=enable_admin)
        self.show()
        self.refresh_bindings()

    def _blocked(self) -> str:
        view = next(view for view in self.session.views() if view.step.id == self.step_id)
        return (
            f"The registry is the workspace's: this {view.waits} first; F2 goes back to the steps."
            if view.waits
            else ""
        )

    def _invite(self) -> None:
        if self.results.credential:
            self.status.done("The credential is kept; F3 goes on, F8 fetches it again.")
        else:
            self.status.say("Enter or F8 fetches the credential and keeps it.")
