"""Azure ML workspaces through azureml-core; lives in a child process of `hosted.py`.

The SDK is taken as it is. It wants the current directory to be above every model file (the child stands in "/"), keeps
files in HOME and TMPDIR (both are the child's own), prints (nobody reads that), and may return a workspace that it
could not reach: `Session.workspace` asks for the details at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from azureml.core import Workspace
from azureml.core.authentication import TokenAuthentication

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error
from edgetui.core.errors import bad_input
from edgetui.core.models import WorkspaceInfo

# As `Workspace.from_config` searches: every kind of folder through all ancestors, then the next kind.
_FOLDERS = (".azureml", "aml_config", "")
_FILES = ("config.json", "project.json")
_KEYS = ("subscription_id", "resource_group", "workspace_name")


class Session:
    """The sign-in and the open workspaces of this process."""

    def __init__(self, context: Context) -> None:
        self.context = context
        # Without the cloud's name the SDK would first look for it on the internet.
        self.auth = TokenAuthentication(get_token_for_audience=self._token, cloud=context.cloud.name)
        self._open: dict[tuple[str, str, str], tuple[Any, WorkspaceInfo]] = {}

    def _token(self, audience: str) -> str:
        token, _ = self.context.token(audience.rstrip("/") + "/.default")
        return token

    def open(self, subscription: str, group: str, name: str) -> tuple[Any, WorkspaceInfo]:
        """The SDK's workspace and what it says of itself, both fresh. Raises EdgeError."""
        try:
            workspace = Workspace.get(name, auth=self.auth, subscription_id=subscription, resource_group=group)
            # Where the network breaks in the middle, `get` returns a workspace that fails much later.
            details = workspace.get_details()
        except Exception as problem:
            raise as_edge_error(problem, f"open workspace {name} in resource group {group}") from problem
        info = WorkspaceInfo(
            subscription,
            group,
            name,
            details.get("location") or "",
            details.get("containerRegistry") or "",
            details.get("storageAccount") or "",
        )
        self._open[subscription, group, name] = workspace, info
        return workspace, info

    def workspace(self, info: WorkspaceInfo) -> Any:
        """The SDK's workspace, kept since it was first opened. Raises EdgeError."""
        key = (info.subscription, info.resource_group, info.name)
        return (self._open.get(key) or self.open(*key))[0]


class AzureMlWorkspaces:
    """The Workspaces port."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def accessible(self) -> list[WorkspaceInfo]:
        """All workspaces of all subscriptions that the account sees, by name; without location, registry and storage."""
        found: list[WorkspaceInfo] = []
        for subscription in self._subscriptions():
            listed = Workspace.list(subscription, auth=self._session.auth)
            found += [
                WorkspaceInfo(one.subscription_id, one.resource_group, one.name)
                for many in listed.values()
                for one in many
            ]
        return sorted(found, key=lambda one: (one.name.lower(), one.resource_group.lower(), one.subscription))

    def get(self, subscription: str, resource_group: str, name: str) -> WorkspaceInfo:
        """One workspace with its registry and storage ids."""
        return self._session.open(subscription, resource_group, name)[1]

    def from_config(self, folder: str, file: str = "") -> WorkspaceInfo:
        """The workspace that a configuration file names, found as the SDK finds it."""
        return self.get(*read_config(find_config(Path(folder), file)))

    def _subscriptions(self) -> list[str]:
        from azure.mgmt.resource import SubscriptionClient

        cloud = self._session.context.cloud
        client = SubscriptionClient(
            _Credential(self._session.context), base_url=cloud.arm, credential_scopes=[cloud.arm_scope]
        )
        return sorted({str(one.subscription_id) for one in client.subscriptions.list()})


class _Credential:
    """What azure-core calls a credential."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken(*self._context.token(scopes[0]))


def find_config(folder: Path, file: str = "") -> Path:
    """The configuration file: `file` (relative to `folder`), or the one that the SDK would take from `folder` upwards.

    Raises:
        EdgeError: there is none; `field` is `workspace.config`.
    """
    if file and (folder / file).is_file():
        return folder / file
    if file:
        raise bad_input(
            "workspace.config", f"There is no file {folder / file}", "Check the path, or pick the workspace."
        )
    start = folder.resolve()
    for kind in _FOLDERS:
        for name in _FILES:
            for ancestor in (start, *start.parents):
                if (ancestor / kind / name).is_file():
                    return ancestor / kind / name
    raise bad_input(
        "workspace.config",
        f"There is no config.json in {start} or above it",
        "Download it from the workspace's page in the Azure portal, or pick the workspace from the list.",
    )


def read_config(path: Path) -> tuple[str, str, str]:
    """Subscription, resource group and workspace of a configuration file, in either of the SDK's two shapes.

    Raises:
        EdgeError: it is no JSON, a key is missing, or still holds the placeholder of an example.
    """
    field = "workspace.config"
    try:
        values = json.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as problem:
        raise bad_input(field, f"Cannot read {path}", "Make it a file that you may read.", str(problem)) from None
    except ValueError as problem:
        raise bad_input(field, f"{path} is no valid JSON", "Correct that line.", str(problem)) from None
    if not isinstance(values, dict):
        raise bad_input(field, f"{path} holds no JSON object", f"It must have the keys {', '.join(_KEYS)}.")
    scope = values.get("Scope")
    if isinstance(scope, str) and scope:
        pieces = scope.split("/")
        if len(pieces) < 9:
            raise bad_input(field, f"{path}: Scope is no workspace's resource id", "Download the file again.", scope)
        values = dict(zip(_KEYS, (pieces[2], pieces[4], pieces[8]), strict=True))
    for key in _KEYS:
        _check(path, key, values.get(key))
    return values["subscription_id"], values["resource_group"], values["workspace_name"]


def _check(path: Path, key: str, value: object) -> None:
    remedy = f"Write the real {key.replace('_', ' ')}; the workspace's page in the Azure portal shows it."
    if value is None:
        raise bad_input("workspace.config", f"{path} has no key {key}", remedy)
    if not isinstance(value, str) or not value.strip():
        raise bad_input("workspace.config", f"{path}: {key} is empty", remedy)
    if value.strip()[0] in "<{[$" or "your" in value.lower().replace("_", "-").split("-"):
        raise bad_input("workspace.config", f"{path}: {key} still holds the placeholder {value}", remedy)


_sessions: list[Session] = []


def session(context: Context) -> Session:
    """The session of this process; its three adapters share it."""
    if not _sessions or _sessions[0].context is not context:
        _sessions[:] = [Session(context)]
    return _sessions[0]


def create_workspaces(context: Context) -> AzureMlWorkspaces:
    """Make the Workspaces adapter, in the child process that hosts it."""
    return AzureMlWorkspaces(session(context))


def create_models(context: Context) -> Any:
    """Make the Models adapter."""
    from edgetui.adapters.azure_ml_models import AzureMlModels

    return AzureMlModels(session(context))


def create_builder(context: Context) -> Any:
    """Make the ImageBuilder adapter."""
    from edgetui.adapters.azure_ml_builder import AzureMlBuilder

    return AzureMlBuilder(session(context))
