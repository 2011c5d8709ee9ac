"""Ask the resolver whether an environment can be made for the target, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, Resolved
from edgetui.core.models import ResolveRequest
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources


def resolve(plan: Plan, ports: Ports) -> Iterator[Event]:
    """Resolve the environment for the image's platform, without installing it; ends in `Resolved`.

    Raises:
        EdgeError: the file cannot be read, the index cannot be reached, or it took too long.
    """
    from edgetui.core.conda import document, with_pins

    if ports.resolver is None:
        raise EdgeError("There is no resolver here", remedy="Go on without resolving")
    if not plan.scoring.environment:
        raise bad_input("scoring.environment", "The plan names no environment", "Choose one in step 3 Script")
    text = ports.files.read_text(resources.path(plan, plan.scoring.environment), "scoring.environment")
    read = document.read(plan.scoring.environment, text)
    if not read.readable:
        wrong = next(iter(read.problems))
        raise bad_input("scoring.environment", f"{wrong.file}:{wrong.line}: {wrong.message}", wrong.remedy)
    request = ResolveRequest(
        plan.scoring.environment,
        tuple((entry.text.partition(" #")[0].strip(), entry.line) for entry in read.pip),
        tuple((entry.text, entry.line) for entry in read.conda if entry.name not in {"python", "pip"}),
        tuple(entry.text for entry in read.channels),
        document.needed_python(text),
        plan.image.platform,
        resources.package_index(plan, ports),
    )
    for event in ports.resolver.resolve(request):
        if isinstance(event, Resolved):
            yield msgspec.structs.replace(
                event,
                platform=request.platform,
                python=request.python,
                inputs=resources.resolving(plan, text),
                pinned_inputs=resources.resolving(plan, with_pins(text, event.pins, event.conda_pins)),
            )
        else:
            yield event


def pin(plan: Plan, resolved: Resolved, ports: Ports) -> int:
    """Write the versions that were resolved into the environment file; returns how many lines changed.

    Raises:
        EdgeError: the file cannot be read or written.
    """
    from edgetui.core.conda import with_pins

    path = resources.path(plan, plan.scoring.environment)
    before = ports.files.read_text(path, "scoring.environment")
    after = with_pins(before, resolved.pins, resolved.conda_pins)
    changed = sum(a != b for a, b in zip(before.splitlines(), after.splitlines(), strict=True))
    if changed:
        ports.files.write_text(path, after, "scoring.environment")
    return changed
