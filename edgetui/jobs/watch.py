"""Watch the devices until the module runs, and ask it for the sample's prediction: done is when it has answered."""

from __future__ import annotations

import time
from collections.abc import Iterator

from edgetui.core import cancel, health, manifest
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.events import Answered, Event, Failed, ModuleState
from edgetui.core.models import Deployed, HubInfo, ModuleReport
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources

PATIENCE = 900.0  # seconds until a device that never settles is given up
_FIRST, _LONGEST = 0.3, 3.0  # seconds between two looks at the same devices
_EACH = 0.1  # seconds a device adds to that: twin reads are throttled


def watch(plan: Plan, results: Results, ports: Ports, seconds: float = PATIENCE) -> Iterator[Event]:
    """Watch each device to a verdict: `ModuleState` at each change, then `Answered` or `Failed`.

    Raises:
        EdgeError: the hub is not there, or the watch was cancelled; what one device does becomes an event.
    """
    hub = resources.hub(plan, ports)
    sample = _sample(plan, ports)
    waiting = {device: ModuleReport("unknown") for device in plan.devices}
    until, pause = time.monotonic() + seconds, _FIRST
    while waiting:
        for device in list(waiting):
            yield from _look(plan, results, ports, hub, device, waiting, sample)
        if not waiting:
            return
        if time.monotonic() > until:
            break
        if cancel.current().wait(min(pause, _LONGEST) + _EACH * (len(waiting) - 1)):
            raise cancelled("watching the devices")
        pause *= 1.5
    for device, last in waiting.items():
        yield _failed(plan, device, last, f"did not settle within {int(seconds)} s")


def _look(
    plan: Plan,
    results: Results,
    ports: Ports,
    hub: HubInfo,
    device: str,
    waiting: dict[str, ModuleReport],
    sample: str | None,
) -> Iterator[Event]:
    try:
        live = ports.hub.deployed(hub, device)
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        if not problem.retryable:
            del waiting[device]
            yield Failed.of("deploy", problem, device)
        return
    report = health.judge(live, plan.module_name, results.digest)
    before = waiting[device]
    if (report.state, report.detail) != (before.state, before.detail):
        yield ModuleState(device, plan.module_name, report.state, report.detail, report.settled)
    waiting[device] = report
    if not report.settled:
        return
    del waiting[device]
    if report.state != "running":
        yield _failed(plan, device, report, f"is {report.state}")
        return
    yield from _ask(plan, ports, live, sample)


def _ask(plan: Plan, ports: Ports, live: Deployed, sample: str | None) -> Iterator[Event]:
    if live.tags.get("simulated"):
        title = f"{live.device} only reports: it says that the module runs, but nothing there can answer"
        yield Failed("deploy", title, remedy="Choose a device that runs modules", device=live.device)
        return
    if sample is None:
        title = f"{plan.module_name} runs on {live.device}, but the plan has no sample to ask it"
        yield Failed("deploy", title, remedy="Name one in step 3", field="scoring.sample", device=live.device)
        return
    try:
        answer = ports.endpoint.score(score_url(plan, live), sample)
    except EdgeError as problem:
        if problem.kind == "cancelled":
            raise
        yield Failed.of("deploy", problem, live.device)
        return
    yield Answered(live.device, answer.prediction, answer.milliseconds)


def score_url(plan: Plan, live: Deployed) -> str:
    """Where the module answers: the plan's address, else the device twin's tag `address`, else the device's id as a host name.

    Raises:
        EdgeError: (input) createOptions binds no port of the device to 5001/tcp.
    """
    port = manifest.host_port(plan.module.create_options)
    if port is None:
        raise bad_input(
            "module.create_options",
            "No port of the device is bound to the module's 5001/tcp",
            "Bind one: HostConfig.PortBindings",
        )
    address = plan.scoring.address or str(live.tags.get("address") or "{device}")
    return f"http://{address.replace('{device}', live.device)}:{port}/score"


def _sample(plan: Plan, ports: Ports) -> str | None:
    if not plan.scoring.sample:
        return None
    return ports.files.read_text(resources.path(plan, plan.scoring.sample), "scoring.sample")


def _failed(plan: Plan, device: str, report: ModuleReport, what: str) -> Failed:
    title = f"{plan.module_name} on {device} {what}"
    return Failed("deploy", title, report.detail, report.remedy, device=device)
