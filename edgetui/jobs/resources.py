"""What several jobs look up for a plan: absolute paths, the workspace, the registry, the hub, fingerprints."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgetui.core import builders
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import HubInfo, PackageIndex, RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results


def path(plan: Plan, text: str) -> str:
    """Return a path of the plan as an absolute one; relative ones start at the plan's own folder."""
    return str(Path(plan.folder or ".", Path(text).expanduser()).absolute())


def not_in_context(plan: Plan) -> tuple[str, ...]:
    """What never goes into the image by its context folder, as absolute paths: the model has its own place, the plan none."""
    return tuple(path(plan, name) for name in (plan.model.path, plan.file if plan.folder else "") if name)


def context(plan: Plan) -> str:
    """The absolute path of the folder that goes in beside the script, "" where none does: an Azure ML workspace takes none."""
    return path(plan, plan.image.context) if plan.image.context and builders.own_dockerfile(plan.image) else ""


def fingerprint(*parts: str) -> str:
    """One sha256 over several texts, in order."""
    whole = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        whole.update(f"{len(raw)}:".encode() + raw)
    return whole.hexdigest()


def package_index(plan: Plan, ports: Ports | None = None) -> PackageIndex:
    """Where the image's packages come from: an Azure ML workspace's builder takes no index of the plan's.

    Raises:
        EdgeError: (input) with `ports`: the file of certificates cannot be read.
    """
    if not builders.own_dockerfile(plan.image):
        return PackageIndex()
    ca = path(plan, plan.image.ca_bundle) if plan.image.ca_bundle else ""
    if ca and ports is not None:
        ports.files.open(ca, "image.ca_bundle").close()
    return PackageIndex(plan.image.index_url, ca)


def resolving(plan: Plan, environment: str) -> str:
    """Fingerprint of what the resolver takes: the environment's text, for the plan's platform and index."""
    return fingerprint(environment, plan.image.platform, *filter(None, [package_index(plan).url]))


def workspace(plan: Plan, ports: Ports) -> WorkspaceInfo:
    """The plan's workspace.

    Raises:
        EdgeError: none is chosen, it is not there, or we may not see it.
    """
    place = plan.workspace
    if place.config:
        return ports.workspaces.from_config(plan.folder, path(plan, place.config))
    for key in ("subscription", "resource_group", "name"):
        if not getattr(place, key):
            raise bad_input(f"workspace.{key}", "The plan names no workspace", "Choose one in step 1 Workspace")
    return ports.workspaces.get(place.subscription, place.resource_group, place.name)


def registry(plan: Plan, ports: Ports) -> RegistryInfo:
    """The container registry that the plan's workspace builds into."""
    return ports.registry.of_workspace(workspace(plan, ports))


def hub(plan: Plan, ports: Ports) -> HubInfo:
    """The plan's IoT Hub.

    Raises:
        EdgeError: none is chosen, or the subscription has none of that name.
    """
    if not plan.hub.name:
        raise bad_input("hub.name", "The plan names no IoT Hub", "Choose one in step 6 Devices")
    known = ports.hub.hubs(subscription(plan, ports))
    for one in known:
        if one.name.lower() == plan.hub.name.lower():
            return one
    names = ", ".join(one.name for one in known) or "none"
    raise bad_input("hub.name", f"The subscription has no IoT Hub {plan.hub.name!r}", f"Choose one of: {names}")


def subscription(plan: Plan, ports: Ports) -> str:
    """The plan's subscription id: as answered, or as its config.json says."""
    return plan.workspace.subscription or workspace(plan, ports).subscription


def credential(results: Results, ports: Ports) -> RegistryCredential:
    """The registry credential that was stored for the plan.

    Raises:
        EdgeError: none was stored, or it is not there any more.
    """
    known = ports.vault.fetch(results.credential) if results.credential else None
    if known is None:
        what = "is no longer stored" if results.credential else "was not fetched yet"
        raise EdgeError(
            f"The registry credential {what}",
            "" if not results.credential else results.credential,
            "Fetch it again in step 5 Credentials",
            field="registry.credential",
        )
    return known
