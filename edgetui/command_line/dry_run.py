"""`edgetui deploy PLAN --dry-run`: what would be done; nothing is changed on Azure or on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgetui.command_line import running
from edgetui.core import answers, events, steps
from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results


def run(plan: Plan, results: Results, ports: Ports, show: Callable[[events.Event], None]) -> int:
    """Check, then say for each step what would happen; the devices' changes where an image is there already."""
    from edgetui.jobs import run_plan

    done = Results()
    for event in running.events(lambda: _job(plan, results, ports)):
        done = done.after(event)
        show(event)
    show(run_plan.finished(done))
    return 0


def _job(plan: Plan, results: Results, ports: Ports) -> Iterator[events.Event]:
    from edgetui.jobs import browse, check, deploy, fingerprints, register

    for problem in answers.problems(plan):
        raise problem
    for problem in check.paths(plan, ports):
        raise problem
    for event in check.check(plan, ports):
        yield event
        if isinstance(event, events.Checked) and any(problem.severity == "error" for problem in event.problems):
            raise EdgeError("The script or the environment has errors", remedy="Fix them first.", kind="input")
    workspace = browse.workspace(plan, ports)
    yield events.Progress("workspace", f"{workspace.name} in {workspace.resource_group} is there")
    yield from deploy.look(plan, ports)
    inputs = fingerprints.inputs(plan, results, ports)
    now = steps.Situation(plan, results, inputs)
    status = {step.id: steps.status(step, now) for step in steps.STEPS}
    again = steps.Status.DONE
    model = plan.model
    if not model.path:
        list(register.register(plan, ports))  # only looks whether it is there
        yield events.Progress("model", f"would use {model.name}:{model.version}")
    elif status["model"] is again:
        yield events.Progress("model", f"would use {results.model}, nothing changed since")
    else:
        yield events.Progress("model", f"would register {model.path} as {model.name}")
    ready = status["model"] is again and status["image"] is again
    if not ready:
        yield events.Progress("image", f"would build {plan.image_name} for {plan.image.platform}")
    else:
        yield events.Progress("image", f"would use {results.image}, nothing changed since")
    registry = browse.registry(plan, ports)
    if not registry.admin_enabled:
        yield events.Progress("credentials", f"would turn on the admin user of {registry.name}")
    yield events.Progress("credentials", f"would fetch the admin user's password of {registry.login_server}")
    if ready and registry.admin_enabled:  # reading the password changes nothing, and it is not kept
        yield from deploy.preview(plan, results, ports, credential=ports.registry.credential(registry))
        return
    for device in plan.devices:
        yield events.Progress("deploy", f"would put module {plan.module_name} on {device}")
