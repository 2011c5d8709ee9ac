"""Devices that only report: an online one says of an applied configuration that all is well, marked `simulated`."""

from __future__ import annotations

import hashlib
import threading
import time

from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.edge_device import reports as edge_reports
from edgetui.sandbox.edge_device import settings as edge_settings
from edgetui.sandbox.iot_hub import identities, twins
from edgetui.sandbox.world import Document, World

DESCRIPTION = "simulated"


class Fleet:
    """Waits for applied configurations and lets simulated devices report a moment later."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="simulated devices", daemon=True)

    def start(self) -> None:
        """Begin; configurations from before are caught up."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        with self._world.changed:
            self._stopping = True
            self._world.changed.notify_all()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        delay = edge_settings.load(self._world).simulated_delay
        due: dict[str, float] = {}
        while True:
            with self._world.changed:
                pending = [key for key, _ in self._world.items("edge-applied")]
                for device in pending:
                    due.setdefault(device, time.monotonic() + delay)
                ready = [device for device, moment in due.items() if moment <= time.monotonic()]
                if self._stopping:
                    return
                if not ready:
                    self._world.changed.wait(min(due.values()) - time.monotonic() if due else None)
                    continue
            for device in ready:
                del due[device]
                self._world.delete("edge-applied", device)
                answer(self._world, device)


def answer(world: World, device: str) -> None:
    """Let a simulated device that is online report its configuration; others say nothing."""
    with world.transaction():
        identity, twin = world.get("device", device), twins.get(world, device, "$edgeAgent")
        own = twins.get(world, device)
        if identity is None or twin is None or own is None or not own["tags"].get("simulated"):
            return
        if identity["connectionState"] != "Connected":
            return
        known = twins.content(twin["properties"]["reported"])
        state = edge_reports.AgentState(system_description=DESCRIPTION)
        if known:
            state.version = known["version"]["version"]
            state.architecture = known["runtime"]["platform"]["architecture"]
        report = plausible(state, twin["properties"]["desired"], known.get("modules") or {})
        twins.report(world, device, "$edgeAgent", edge_reports.difference(known, report))
        identities.connect(world, device, "$edgeAgent", connected=True)


def plausible(state: edge_reports.AgentState, desired: Document, before: Document) -> Document:
    """Return the report of an agent for which everything went well, or the refusal of its configuration."""
    content = twins.content(desired)
    try:
        wanted = deployment.read(desired)
    except deployment.ConfigError as problem:
        report = edge_reports.agent_report(state, desired["$version"], problem.code, problem.description, content)
        return {**report, "modules": before}
    report = edge_reports.agent_report(state, desired["$version"], 200, "", content)
    report["modules"] = {
        name: edge_reports.module_report(spec.desired, _module_state(spec.image, stopped=spec.stopped))
        for name, spec in wanted.modules.items()
    }
    return report


def _module_state(image: str, *, stopped: bool) -> edge_reports.ModuleState:
    moment = twins.now()
    return edge_reports.ModuleState(
        runtime_status="stopped" if stopped else "running",
        description=DESCRIPTION,
        started=twins.NEVER if stopped else moment,
        image_hash="sha256:" + hashlib.sha256(image.encode()).hexdigest(),
    )
