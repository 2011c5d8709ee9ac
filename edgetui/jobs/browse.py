"""Lists for a face to show: what the account can see. Plain blocking calls; no policy."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core.models import (
    Account,
    Device,
    EngineState,
    HubInfo,
    ImageDetails,
    ModelVersion,
    RegistryInfo,
    VaultState,
    WorkspaceInfo,
)
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources


def account(ports: Ports) -> Account:
    """Who is signed in; never asks."""
    return ports.identity.account()


def workspaces(ports: Ports) -> list[WorkspaceInfo]:
    """All workspaces that the account can see, by name."""
    return ports.workspaces.accessible()


def workspace(plan: Plan, ports: Ports) -> WorkspaceInfo:
    """The plan's workspace as Azure has it now."""
    return resources.workspace(plan, ports)


def workspace_from_config(ports: Ports, folder: str, file: str = "") -> WorkspaceInfo:
    """The workspace that a config.json names: `file`, or the one found from `folder` upwards."""
    return ports.workspaces.from_config(folder, file)


def models(plan: Plan, ports: Ports) -> list[ModelVersion]:
    """All versions of all models of the plan's workspace, newest version first."""
    return ports.models.list(resources.workspace(plan, ports))


def hubs(plan: Plan, ports: Ports) -> list[HubInfo]:
    """The IoT Hubs of the plan's subscription."""
    return ports.hub.hubs(resources.subscription(plan, ports))


def devices(plan: Plan, ports: Ports) -> Iterator[list[Device]]:
    """The edge devices of the plan's hub, page by page."""
    yield from ports.hub.devices(resources.hub(plan, ports))


def registry(plan: Plan, ports: Ports) -> RegistryInfo:
    """The registry of the plan's workspace."""
    return resources.registry(plan, ports)


def images(results: Results, ports: Ports) -> Iterator[list[ImageDetails]]:
    """The images of the plan's registry, some at a time, read with the stored credential."""
    credential = resources.credential(results, ports)
    yield from ports.registry.images(credential.login_server, credential)


def vault(ports: Ports) -> VaultState:
    """Which store keeps secrets on this machine."""
    return ports.vault.state()


def engine(ports: Ports) -> EngineState:
    """Whether a local container engine answers."""
    return ports.engine.state()


def module_log(plan: Plan, ports: Ports, device: str, lines: int = 200) -> str:
    """The last lines of our module's log on a device."""
    return ports.hub.module_log(resources.hub(plan, ports), device, plan.module_name, lines)
