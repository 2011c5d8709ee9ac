"""Fetch the registry's credential and put it into the vault."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core import answers
from edgetui.core.errors import EdgeError
from edgetui.core.events import CredentialStored, Event, Progress
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources


def credentials(plan: Plan, ports: Ports, *, enable_admin: bool = False) -> Iterator[Event]:
    """Fetch the admin user's password and store it; with `enable_admin` turn the admin user on where it is off.

    Yields Progress, and `CredentialStored` at the end; the password is in no event.

    Raises:
        EdgeError: the workspace has no registry yet, the admin user is off (field `registry.credential`), or access is denied.
    """
    for problem in answers.credential(plan):
        raise problem
    registry = resources.registry(plan, ports)
    if not registry.admin_enabled:
        if not enable_admin:
            raise EdgeError(
                f"The admin user of registry {registry.name} is off",
                "Devices sign in with its name and password; Azure keeps it off until somebody turns it on.",
                "Enable it in step 5 Credentials, or: az acr update --name " + registry.name + " --admin-enabled true",
                field="registry.credential",
            )
        yield Progress("credentials", f"turning on the admin user of {registry.name}")
        yield from ports.registry.enable_admin(registry)
    yield Progress("credentials", f"fetching the credential of {registry.login_server}")
    stored = ports.vault.store(ports.registry.credential(registry))
    yield CredentialStored(stored.reference, stored.login_server, stored.username, stored.kept_in)
