"""End a build where it runs, when it was stopped here before anything here followed it again."""

from __future__ import annotations

import threading

from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.models import BuildRequest, BuildRun
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources

LIMIT = 30.0  # seconds that the service may take to hear of it


def end(plan: Plan, run: BuildRun, ports: Ports) -> None:
    """Have the service end a build; one that has ended already stays as it is.

    Raises:
        EdgeError: the service could not be told, so the build may go on.
    """
    builder = ports.builders.get(run.builder) or ports.builder
    limit = cancel.Cancellation()
    timer = threading.Timer(LIMIT, limit.cancel)
    timer.daemon = True
    timer.start()
    try:
        with cancel.using(limit):
            place = resources.workspace(plan, ports)
            registry = ports.registry.of_workspace(place) if run.builder == "acr" else None
            request = BuildRequest(
                place, "", "", "", plan.image_name, run.tag, registry=registry, resume=run, only_end=True
            )
            for _ in builder.build(request):
                pass
    except EdgeError as problem:
        title = f"The build of {plan.image_name}:{run.tag} may go on: the service could not be told to stop it"
        why = f"It did not answer within {LIMIT:.0f} s." if limit.requested else f"{problem.title}\n{problem.detail}"
        raise EdgeError(title, why.strip(), "Stop it again, or in the portal.", retryable=True) from problem
    finally:
        timer.cancel()
