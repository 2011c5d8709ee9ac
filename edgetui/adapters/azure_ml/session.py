"""The sign-in and the open workspaces of azureml-core, in the child process that hosts it.

The SDK is taken as it is. It wants the current directory to be above every model file (the child stands in "/"), keeps
files in HOME and TMPDIR (both are the child's own), prints (nobody reads that), and may return a workspace that it
could not reach: `Session.workspace` asks for the details at once.
"""

from __future__ import annotations

from typing import Any

from azureml.core import Workspace
from azureml.core.authentication import TokenAuthentication

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, status_of
from edgetui.core.models import WorkspaceInfo

_NOT_FOUND = 404


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
            error = as_edge_error(problem, f"open workspace {name} in resource group {group}")
            if status_of(problem) == _NOT_FOUND:  # a name that was misspelt
                error.kind = "input"
                error.field = (
                    "workspace.resource_group" if "ResourceGroupNotFound" in error.detail else "workspace.name"
                )
            raise error from problem
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


_sessions: list[Session] = []


def session(context: Context) -> Session:
    """The session of this process; its three adapters share it."""
    if not _sessions or _sessions[0].context is not context:
        _sessions[:] = [Session(context)]
    return _sessions[0]
