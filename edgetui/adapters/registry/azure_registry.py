"""Azure Container Registry: its management side by azure-mgmt-containerregistry, its images by the distribution API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import RegistryUpdateParameters

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, short
from edgetui.adapters.registry import oci_registry
from edgetui.adapters.registry.oci_registry import Session
from edgetui.adapters.web import CONNECT_SECONDS, READ_SECONDS, TokenCredential, Web
from edgetui.core import cancel
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, Progress
from edgetui.core.models import ImageDetails, RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.redact import Secret

FIELD = "registry.credential"
ENABLE_SECONDS = 300.0  # an update takes seconds; Azure keeps some for minutes


class AzureRegistry:
    """The Registry port over one Azure."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._web = Web(context.cloud.ca_file)
        self._clients: dict[str, Any] = {}

    def of_workspace(self, workspace: WorkspaceInfo) -> RegistryInfo:
        """The registry that the workspace builds into; EdgeError where it has none yet."""
        if not workspace.registry_id:
            title = f"Workspace {workspace.name} has no container registry yet"
            remedy = "Build the first image (step 4): Azure ML creates the registry with it. Then come back."
            raise EdgeError(title, remedy=remedy)
        client, group, name = self._of(workspace.registry_id)
        try:
            found = client.registries.get(group, name)
        except AzureError as problem:
            raise as_edge_error(problem, f"read container registry {name}") from problem
        sku = found.sku.name if found.sku else ""
        return RegistryInfo(found.id, found.name, found.login_server, bool(found.admin_user_enabled), str(sku or ""))

    def enable_admin(self, registry: RegistryInfo) -> Iterator[Event]:
        """Turn the admin user on and wait until it is; yields Progress each second."""
        client, group, name = self._of(registry.id)
        doing = f"turn on the admin user of {name}"
        stop = cancel.current()
        started = time.monotonic()
        try:
            # A poller of its own thread: it asks every second, or as the service says.
            poller = client.registries.begin_update(group, name, RegistryUpdateParameters(admin_user_enabled=True))
            while not poller.done():
                seconds = int(time.monotonic() - started)
                if stop.requested:
                    raise cancelled("Turning on the admin user")
                if seconds > ENABLE_SECONDS:
                    remedy = "Look at the registry's activity log in the portal, then try again."
                    raise EdgeError(f"Could not {doing}: no end within {seconds} s", remedy=remedy, retryable=True)
                yield Progress("credentials", f"Turning on the admin user of {name} ({seconds} s)")
                poller.wait(1.0)
            poller.result()
        except AzureError as problem:
            error = as_edge_error(problem, doing, FIELD)
            if error.kind == "access":
                error.remedy = (
                    "Ask for the role Contributor on the registry, or ask its owner to run "
                    f"`az acr update -n {name} --admin-enabled true`."
                )
            raise error from problem

    def credential(self, registry: RegistryInfo) -> RegistryCredential:
        """The admin user's name and first password; EdgeError with field `registry.credential` where the admin user is off."""
        client, group, name = self._of(registry.id)
        try:
            found = client.registries.list_credentials(group, name)
        except HttpResponseError as problem:
            said = str(getattr(problem.error, "message", None) or problem.message)
            if "UnAuthorizedForCredentialOperations" in str(problem) or "admin user is disabled" in said.lower():
                title = f"The admin user of registry {name} is off"
                remedy = f"Turn it on in step 5 Credentials, or run `az acr update -n {name} --admin-enabled true`."
                raise EdgeError(title, short(said), remedy, field=FIELD) from None
            raise as_edge_error(problem, f"read the credential of registry {name}", FIELD) from problem
        except AzureError as problem:
            raise as_edge_error(problem, f"read the credential of registry {name}", FIELD) from problem
        passwords = [one.value for one in found.passwords or [] if one.value]
        if not found.username or not passwords:
            title = f"Registry {name} gave no password"
            raise EdgeError(
                title, remedy=f"Renew it: `az acr credential renew -n {name} --password-name password`.", field=FIELD
            )
        return RegistryCredential(registry.login_server, found.username, Secret(passwords[0]))

    def own_credential(self, registry: RegistryInfo) -> RegistryCredential:
        """A credential for some hours of whoever is signed in; EdgeError where the registry does not know them."""
        token, _ = self._context.token(self._context.cloud.arm_scope)
        return oci_registry.exchanged(self._web, registry.login_server, token)

    def resolve(self, reference: str, credential: RegistryCredential) -> ImageDetails:
        """Read an image's manifest with exactly this credential; platforms of a multi-platform image are joined by commas."""
        return Session(self._web, credential).image(reference)

    def images(self, login_server: str, credential: RegistryCredential) -> Iterator[list[ImageDetails]]:
        """The images of the registry, some at a time, for browsing; without platforms."""
        if login_server.lower() != credential.login_server.lower():
            title = f"The credential is for {credential.login_server}, not for {login_server}"
            raise EdgeError(title, remedy="Fetch the credential of that registry.", field=FIELD)
        yield from Session(self._web, credential).images()

    def _of(self, registry_id: str) -> tuple[Any, str, str]:
        """A client for the registry's subscription, its resource group and name."""
        parts = registry_id.strip("/").split("/")
        named = {key.lower(): value for key, value in zip(parts[::2], parts[1::2], strict=False)}
        try:
            subscription, group, name = named["subscriptions"], named["resourcegroups"], named["registries"]
        except KeyError:
            title = f"{registry_id!r} is no id of a container registry"
            raise EdgeError(title, remedy="Choose the workspace again.", kind="input") from None
        if subscription not in self._clients:
            cloud = self._context.cloud
            self._clients[subscription] = ContainerRegistryManagementClient(
                TokenCredential(self._context),
                subscription,
                base_url=cloud.arm,
                credential_scopes=[cloud.arm_scope],
                connection_verify=cloud.ca_file or True,
                connection_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retry_total=2,
                retry_backoff_factor=0.4,
                polling_interval=1,
            )
        return self._clients[subscription], group, name


def create(context: Context) -> AzureRegistry:
    """Make the adapter in the process that hosts it."""
    return AzureRegistry(context)
