"""Azure ML workspaces through azureml-core; lives in a child process of `hosting`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from azureml.core import Workspace

from edgetui.adapters.azure_ml.config_file import find_config, read_config
from edgetui.adapters.azure_ml.session import Session, session
from edgetui.adapters.context import Context
from edgetui.core.models import WorkspaceInfo


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


def create(context: Context) -> AzureMlWorkspaces:
    """Make the Workspaces adapter, in the child process that hosts it."""
    return AzureMlWorkspaces(session(context))
