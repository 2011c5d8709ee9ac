"""Register the plan's model, or see that the version which it names is there."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edgetui.core import answers
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, Progress, Registered
from edgetui.core.models import ModelUpload, ModelVersion, WorkspaceInfo
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import check, fingerprints, resources

# A property cannot be changed after the registration, so it tells later what was uploaded.
PROPERTY = "edgetui.inputs"


def register(plan: Plan, ports: Ports) -> Iterator[Event]:
    """Make the plan's model a registered version; one with the very same content, name, description and tags is used again.

    Yields Progress while it uploads, and `Registered` at the end.

    Raises:
        EdgeError: the name, the path or a tag is wrong, the version is not there, or the upload failed.
    """
    model = plan.model
    for problem in answers.model(plan):
        raise problem
    if not model.path:
        yield _existing(plan, resources.workspace(plan, ports), ports)
        return
    check.model_path(plan, ports)
    inputs = fingerprints.model_inputs(plan, ports)
    place = resources.workspace(plan, ports)
    yield Progress("model", "looking for the same content among the registered versions")
    for known in ports.models.list(place, model.name):
        if known.properties.get(PROPERTY) == inputs:
            yield Registered(known.name, known.version, inputs, reused=True)
            return
    upload = ModelUpload(
        model.name, resources.path(plan, model.path), model.description, dict(model.tags), {PROPERTY: inputs}
    )
    for event in ports.models.register(place, upload):
        yield msgspec.structs.replace(event, inputs=inputs) if isinstance(event, Registered) else event


def _existing(plan: Plan, place: WorkspaceInfo, ports: Ports) -> Registered:
    name, version = plan.model.name, plan.model.version
    if version is None:
        raise bad_input(
            "model.version", "The plan names neither a version nor a file", "Choose a version, or a file to register"
        )
    known: list[ModelVersion] = ports.models.list(place, name)
    if any(one.version == version for one in known):
        return Registered(name, version, "", reused=True)
    there = ", ".join(str(one.version) for one in known) or "none"
    raise EdgeError(
        f"The workspace {place.name} has no model {name}:{version}",
        f"Versions of {name} that are there: {there}",
        "Choose one of them, or register the model",
        field="model.version" if known else "model.name",
        kind="input",
    )
