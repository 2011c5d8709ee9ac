"""Step 1: sign in, and choose the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from edgetui.core.errors import EdgeError
from edgetui.core.models import Account, WorkspaceInfo
from edgetui.jobs import browse, resources
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.paths import PathSuggester, impossible, meant
from edgetui.ui.widgets.texts import put


class WorkspaceScreen(StepScreen):
    """Who is signed in, a config.json, and the workspaces that the account can see."""

    step_id = "workspace"
    HELP = """
    # Workspace

    The Azure ML workspace keeps your models and builds the image. **Enter** on a line of the list chooses it and goes on;
    `/` filters the list.

    Or name a `config.json` (from *Download config.json* in the portal): type its path, Enter takes it.

    **F8** signs in: with what `az login` left, a service principal's variables, or a code that you type into a browser.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "sign_in", "Sign in", id="workspace.sign_in", tooltip="Sign in to Azure, again or anew"),
        Binding("f9", "stop", "Stop", id="workspace.stop", tooltip="Stop signing in", show=False),
    ]

    table = getters.query_one("#workspaces", FilterTable)
    config = getters.query_one("#config", Field)

    def __init__(self) -> None:
        super().__init__()
        self._account: Account | None = None
        self._known: dict[str, WorkspaceInfo] = {}
        self._typed = ""

    def body(self) -> ComposeResult:
        """Compose sign-in state, config file, list."""
        yield Static("", id="account", markup=False)
        yield Static("", id="chosen", markup=False)
        yield Field(
            "config.json",
            self.plan.workspace.config,
            id="config",
            check=self._config_problem,
            placeholder="or type the path of a config.json, Enter takes it",
            suggester=PathSuggester(lambda: self.plan.folder),
            help="The path of a `config.json` with `subscription_id`, `resource_group` and `workspace_name`. **→** completes.",
        )
        yield FilterTable(
            ("workspace", "resource group", "subscription"),
            noun="workspaces",
            empty="This account sees no workspace. Sign in with another one (F8), or name a config.json above.",
            id="workspaces",
        )

    def show(self) -> None:
        """Show what is chosen."""
        place = self.plan.workspace
        if self._account is None:
            who = "asking…" if not self.last_error else "not signed in: F8 signs in"
        else:
            until = f", until {self._account.expires[:16].replace('T', ' ')}" if self._account.expires else ""
            who = f"{self._account.name} ({self._account.method}{until})"
        put(self.query_one("#account", Static), f"Signed in       {who}")
        chosen = f"{place.name} in {place.resource_group}" if place.name else place.config or "not chosen yet"
        put(self.query_one("#chosen", Static), f"Chosen          {chosen}")
        if place.config:
            self.config.put(place.config)

    def reload(self) -> None:
        """Ask who is signed in, what they can see, and whether a config.json lies about."""
        self.status.busy("Asking for the workspaces that you can see")
        self.table.begin()
        self.load("account", lambda: browse.account(self.ports))
        self.load("workspaces", lambda: browse.workspaces(self.ports))
        if not self._known:
            self.table.focus_rows()

    def loaded(self, what: str, value: Any) -> None:
        """Take an answer."""
        if what == "account":
            self._account = value
            self.show()
        elif what == "workspaces":
            self._known = {_key(one): one for one in value}
            self.table.put(
                Row(key, (one.name, one.resource_group, one.subscription)) for key, one in self._known.items()
            )
            self.table.move_to(_key(self.plan.workspace))
            self._invite()
            if not self._typed and not self.plan.workspace.name:
                folder = self.plan.folder or str(Path.cwd())
                self.load("found", lambda: browse.workspace_from_config(self.ports, folder))
        elif what == "found":
            self.status.say(f"A config.json names {value.name} in {value.resource_group}. Enter on the list chooses.")
            self.table.move_to(_key(value))
        elif what == "config" and self._typed and self.edit(workspace=_names(value) | {"config": self._typed}):
            self.edge.open_next(self.step_id)

    def load_failed(self, what: str, error: EdgeError) -> None:
        """Say why, at the place that it is about."""
        if what == "found" and error.kind == "input" and not error.field:
            return  # there is none: nothing was asked for
        if what == "config" and not self._typed:
            return  # it was taken back meanwhile
        if what == "config":
            self.config.show_problem(f"{error.title}. {error.remedy}")
            self.config.focus_input()
            self.status.problem("The config.json cannot be used.")
            return
        if what == "workspaces":
            self.table.fail(error.title, error.remedy)
        super().load_failed(what, error)
        self.show()

    def _invite(self) -> None:
        if not self.last_error:
            self.status.say("Enter chooses a workspace and goes on." if self._known else "")

    def next_ready(self) -> str:
        """Hold Next back while there is no workspace."""
        return f"First {missing}." if (missing := self.step.missing(self.plan)) else ""

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """After a sign-in everything looks different."""
        super().job_ended(job, error)
        if job == self.own_job and error is None:
            self.reload()

    def action_sign_in(self) -> None:
        """Sign in."""
        self.status.busy("Signing in")
        self.run_job()

    def action_stop(self) -> None:
        """Stop signing in."""
        self.stop_job()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop only what runs."""
        return self.job_runs if action == "stop" else super().check_action(action, parameters)

    def _config_problem(self, text: str) -> str:
        if problem := impossible(text, self.plan.folder):
            return problem
        path = resources.path(self.plan, meant(text, self.plan.folder))
        if text and not self.ports.files.exists(path):
            return f"there is no file {path}"
        return ""

    @on(FilterTable.Chosen, "#workspaces")
    def _choose(self, event: FilterTable.Chosen) -> None:
        event.stop()
        one = self._known[event.key]
        if self.edit(workspace=_names(one) | {"config": ""}):
            self.edge.open_next(self.step_id)

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Take the config.json on Enter; an empty field takes it away."""
        text = self._typed = meant(text, self.plan.folder)
        if not text:
            self._invite()
            if self.plan.workspace.config:
                self.edit(workspace={"config": ""})
        elif text and by_enter and not field.problem:
            folder, file = self.plan.folder or ".", resources.path(self.plan, text)
            self.status.busy("Reading the config.json")
            self.load("config", lambda: browse.workspace_from_config(self.ports, folder, file))


def _key(one: Any) -> str:
    return f"{one.subscription}/{one.resource_group}/{one.name}".lower()


def _names(one: WorkspaceInfo) -> dict[str, str]:
    return {"subscription": one.subscription, "resource_group": one.resource_group, "name": one.name}
