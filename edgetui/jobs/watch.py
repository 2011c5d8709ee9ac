"""Watch the devices until the module runs, and ask it for the sample's prediction: done is when it has answered."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from edgetui.core import cancel, health, manifest
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.events import Answered, Event, Failed, ModuleState, Progress
from edgetui.core.models import Deployed, ModuleReport
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources

# Seconds until we give up on: a device that never settles, one that is offline, a hub that is silent, a module that runs mute.
PATIENCE, OFFLINE, SILENT, MUTE = 900.0, 60.0, 120.0, 120.0
_FIRST, _LONGEST = 0.3, 3.0  # seconds between two looks at the same devices
_EACH = 0.1  # seconds a device adds to that: twin reads are throttled
_ASK = 5.0  # seconds for one question to the module; then its state is looked at again
_SIGN_OF_LIFE = 30.0  # seconds without news after which the wait says that it goes on


@dataclass
class _Waiting:
    """One device that has not come to a verdict; the moments (monotonic) are those since which something holds."""

    report: ModuleReport = field(default_factory=lambda: ModuleReport("unknown"))
    offline: float | None = None
    silent: float | None = None
    mute: float | None = None

    def since(self, what: str, holds: bool) -> float:
        """For how many seconds `what` has held by now; 0 where it does not."""
        now = time.monotonic()
        begun = (getattr(self, what) or now) if holds else None
        setattr(self, what, begun)
        return now - begun if begun else 0.0


def watch(plan: Plan, results: Results, ports: Ports, seconds: float = PATIENCE) -> Iterator[Event]:
    """Watch each device to a verdict: `ModuleState` at each change, then `Answered` or `Failed`.

    Raises:
        EdgeError: the hub is not there, or the watch was cancelled; what one device does becomes an event.
    """
    asking = _Watch(plan, results, ports)
    waiting = {device: _Waiting() for device in plan.devices}
    begun = said = time.monotonic()
    pause = _FIRST
    while True:
        for device, state in list(waiting.items()):
            before = state.report
            verdict = yield from asking.look(device, state)
            if verdict:
                del waiting[device]
                yield verdict
            if verdict or state.report is not before:
                said = time.monotonic()
        now = time.monotonic()
        if not waiting or now > begun + seconds:
            break
        if now > said + _SIGN_OF_LIFE:
            said = now
            yield _sign_of_life(waiting, now - begun)
        if cancel.current().wait(min(pause, _LONGEST) + _EACH * (len(waiting) - 1)):
            raise cancelled("Watching the devices")
        pause *= 1.5
    for device, state in waiting.items():
        remedy = "What was applied stays applied. Deploy again to watch it further."
        yield asking.failed(device, state.report, f"did not settle within {int(seconds)} s", remedy)


def _sign_of_life(waiting: dict[str, _Waiting], seconds: float) -> Progress:
    first = next(iter(waiting))
    names = first if len(waiting) == 1 else f"{first} and {len(waiting) - 1} more"
    why = "the hub does not answer" if waiting[first].silent else waiting[first].report.detail
    return Progress("deploy", f"still waiting for {names} after {int(seconds)} s: {why or waiting[first].report.state}")


class _Watch:
    """What all looks at the devices of one deployment share."""

    def __init__(self, plan: Plan, results: Results, ports: Ports) -> None:
        self.plan, self.results, self.ports = plan, results, ports
        self.hub = resources.hub(plan, ports)
        self.sample: str | None = None
        if plan.scoring.sample:
            self.sample = ports.files.read_text(resources.path(plan, plan.scoring.sample), "scoring.sample")

    def look(self, device: str, state: _Waiting) -> Generator[Event, None, Event | None]:
        """Read one device's twins; yields `ModuleState` where it changed, returns the verdict or None for not yet."""
        try:
            live = self.ports.hub.deployed(self.hub, device)
        except EdgeError as problem:
            if problem.kind == "cancelled":
                raise
            if problem.retryable and state.since("silent", holds=True) < SILENT:
                return None
            return Failed.of("deploy", problem, device)
        state.since("silent", holds=False)
        report = health.judge(live, self.plan.module_name, self.results.digest)
        if (report.state, report.detail) != (state.report.state, state.report.detail):
            yield ModuleState(device, self.plan.module_name, report.state, report.detail, report.settled)
            state.report = report
        if state.since("offline", holds=report.state == "waiting") > OFFLINE:
            title = f"{device} is offline; the hub keeps the change for it"
            remedy = "It is applied when the device returns; deploy again then, to see the answer."
            return Failed("deploy", title, report.detail, remedy, device=device)
        if not report.settled:
            return None
        if report.state != "running":
            return self.failed(device, report, _ENDS.get(report.state, f"is {report.state}"))
        return self._asked(live, state)

    def failed(self, device: str, report: ModuleReport, what: str, remedy: str = "") -> Failed:
        """The verdict on a module that does not run, with the report's own remedy where it has one."""
        title = f"{self.plan.module_name} on {device} {what}"
        return Failed("deploy", title, report.detail, report.remedy or remedy, device=device)

    def _asked(self, live: Deployed, state: _Waiting) -> Event | None:
        """Send the sample; None while nothing answers and the module may still be starting."""
        device, module = live.device, self.plan.module_name
        if live.tags.get("simulated"):
            title = f"{device} only reports: it says that the module runs, but nothing there can answer"
            return Failed("deploy", title, remedy="Choose a device that runs modules", device=device)
        if self.sample is None:
            title = f"{module} runs on {device}, but the plan has no sample to ask it"
            return Failed("deploy", title, remedy="Name one in step 3 Script", field="scoring.sample", device=device)
        try:
            url = score_url(self.plan, live)
            answer = self.ports.endpoint.score(url, self.sample, _ASK)
        except EdgeError as problem:
            if problem.kind == "cancelled":
                raise
            if problem.kind != "unreachable":
                return Failed.of("deploy", problem, device)
            waited = state.since("mute", holds=True)
            if waited < MUTE:
                return None
            title = f"{module} runs on {device}, but nothing answered at {url} for {int(waited)} s"
            return Failed("deploy", title, problem.detail, problem.remedy, problem.field, device=device)
        return Answered(device, answer.prediction, answer.milliseconds)


_ENDS = {"backoff": "keeps ending", "failed": "has failed", "stopped": "has stopped"}


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
