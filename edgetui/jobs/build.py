"""Build the image of the plan's model, script and environment, with every line of the log on disk before it is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from edgetui.core import rules
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.events import Event, ImageBuilt, LogFile, LogLine
from edgetui.core.models import BuildRequest
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import check, resources


def build(plan: Plan, results: Results, ports: Ports) -> Iterator[Event]:
    """Build and push the image; one that was built from the same inputs and is still there is used again.

    Yields `LogFile` once there is one, LogLine as the lines come, and `ImageBuilt` at the end.

    Raises:
        EdgeError: there is no model yet, a name is wrong, a file cannot be read, or the build failed.
    """
    _check_names(plan)
    model = check.model_id(plan, results)
    if not model:
        raise EdgeError("The model is not registered yet", remedy="Register it in step 2", field="model", kind="input")
    for key in ("script", "environment"):
        if not getattr(plan.scoring, key):
            raise bad_input(f"scoring.{key}", f"The plan names no {key}", "Choose one in step 3")
    inputs = check.image_inputs(plan, model, ports)
    if results.image and results.image_inputs == inputs and _still_there(plan, results, ports):
        yield ImageBuilt(results.image, inputs, results.image_log, results.image_seconds, reused=True)
        return
    tag = _tag(plan, model, inputs)
    request = BuildRequest(
        resources.workspace(plan, ports),
        model,
        resources.path(plan, plan.scoring.script),
        resources.path(plan, plan.scoring.environment),
        plan.image_name,
        tag,
        plan.image.platform,
    )
    name = rules.file_name(f"build-{plan.image_name}-{tag}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.log")
    begun, log = time.monotonic(), ""
    for event in ports.builder.build(request):
        if isinstance(event, LogLine):
            first = not log
            log = ports.files.append_log(name, [event.text])
            if first:
                yield LogFile("image", log)
        if isinstance(event, ImageBuilt):
            took = round(time.monotonic() - begun, 1)
            yield msgspec.structs.replace(event, inputs=inputs, log=log, seconds=took)
        else:
            yield event


def resolved_tag(plan: Plan, results: Results, ports: Ports) -> str:
    """The tag that a build would give the image now; "" while model, script or environment are not there."""
    model, files = check.model_id(plan, results), plan.scoring
    if plan.image.tag != "auto" or not (model and files.script and files.environment):
        return "" if plan.image.tag == "auto" else plan.image.tag
    try:
        return _tag(plan, model, check.image_inputs(plan, model, ports))
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        return ""


def _tag(plan: Plan, model: str, inputs: str) -> str:
    return f"{model.rpartition(':')[2]}-{inputs[:12]}" if plan.image.tag == "auto" else plan.image.tag


def _check_names(plan: Plan) -> None:
    image = plan.image
    for field, value, problem in (
        ("image.name", plan.image_name, rules.image_name(plan.image_name)),
        ("image.tag", image.tag, rules.image_tag(image.tag)),
        ("image.platform", image.platform, rules.platform(image.platform)),
    ):
        if problem:
            raise bad_input(field, f"{value!r} cannot be used as the image's {field.rpartition('.')[2]}", problem)
    if image.builder != "azureml":
        raise bad_input(
            "image.builder", f"The builder {image.builder!r} is not in this version", 'Write builder = "azureml"'
        )


def _still_there(plan: Plan, results: Results, ports: Ports) -> bool:
    """Whether the registry still has the image; without a credential we cannot ask it, only whether it is the same one."""
    credential = ports.vault.fetch(results.credential) if results.credential else None
    if credential is None:
        return resources.registry(plan, ports).login_server == results.image.partition("/")[0]
    try:
        found = ports.registry.resolve(results.image, credential)
    except EdgeError as gone:
        if gone.kind == "cancelled":
            raise
        return False
    return not results.digest or found.by_digest == results.digest
