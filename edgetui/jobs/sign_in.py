"""Sign in, and see that the plan's workspace is there."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core.events import Event, Progress
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.steps import BY_ID
from edgetui.jobs import resources


def sign_in(ports: Ports) -> Iterator[Event]:
    """Sign in by the first method that works; yields `SignIn` where a person must act.

    Raises:
        EdgeError: (access) no method works.
    """
    yield from ports.identity.sign_in()


def verify(plan: Plan, ports: Ports) -> Iterator[Event]:
    """Sign in and look the plan's workspace up, if it names one.

    Raises:
        EdgeError: nobody is signed in, or the workspace is not there.
    """
    yield from sign_in(ports)
    if not BY_ID["workspace"].missing(plan):
        found = resources.workspace(plan, ports)
        yield Progress("workspace", f"{found.name} in {found.location or found.resource_group}", 1, 1)
