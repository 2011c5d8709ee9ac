"""The agent of the live device: sees its desired properties, carries out the deployment, reports."""

from __future__ import annotations

import logging
import threading
import time

from edgetui.sandbox.children import Stopped, Stopper
from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.edge_device import reports as edge_reports
from edgetui.sandbox.edge_device import settings as edge_settings
from edgetui.sandbox.edge_device.container_engine import ContainerEngine
from edgetui.sandbox.edge_device.deployment import Deployment, ModuleSpec
from edgetui.sandbox.edge_device.images import Images, PrepareError
from edgetui.sandbox.edge_device.module_keeper import Keeper, Place
from edgetui.sandbox.edge_device.module_process import ModuleLog
from edgetui.sandbox.edge_device.reports import AgentState
from edgetui.sandbox.iot_hub import identities, twins
from edgetui.sandbox.world import Document, World

_AGENT = "$edgeAgent"


class Agent:
    """One device's agent, with a thread that watches and a thread for each deployment that is carried out."""

    def __init__(self, world: World, device: str) -> None:
        self._world, self._device = world, device
        folder = world.state / "devices" / device
        self._settings = edge_settings.load(world)
        self._log = ModuleLog(folder / "edgeAgent.log")
        self._engine = ContainerEngine(world.engine, world.state) if world.engine else None
        self._images = Images(world, device, folder / "images", self._say, self._engine)
        twin, known = twins.get(world, device), twins.get(world, device, _AGENT)
        self._sent: Document = twins.content(known["properties"]["reported"]) if known else {}
        self._before: Document = dict(self._sent.get("modules") or {})  # as they were when the device was switched off
        self._self = AgentState()
        address = ((twin or {}).get("tags") or {}).get("address") or "127.0.0.1"
        place = Place(device, world.host, self._self.architecture, address, folder, self._engine)
        self._keeper = Keeper(place, self._settings, self._say, self._wake)
        self._changing = threading.Lock()  # one deployment at a time replaces or removes modules
        self._lock = self._keeper.lock  # taken before the world's lock, never after it
        self._version: int | None = None
        self._deployment: Deployment | None = None
        self._result: tuple[int, int, str] | None = None  # version, code, description
        self._plan_since: float | None = None
        self._plan_errors: dict[str, str] = {}
        self._plan_cancelled = Stopper()
        self._woken = self._stopping = False
        self._thread = threading.Thread(target=self._watch, name=f"agent of {device}", daemon=True)

    def start(self) -> None:
        """Switch the device on."""
        identities.connect(self._world, self._device, _AGENT, "$edgeHub", connected=True)
        self._images.clean()
        if self._engine:
            self._engine.sweep()
        self._say("Starting Edge Agent 1.6.1 (sandbox)")
        self._thread.start()

    def stop(self) -> None:
        """Switch the device off: modules end, and the twin says that nothing is known any more."""
        self._stopping = True
        self._plan_cancelled.set()
        self._wake()
        self._keeper.switch_off()
        self._thread.join(timeout=1)
        with self._lock:
            self._self.system_status, self._self.system_description = "unknown", ""
            for module in self._keeper.modules.values():
                module.state.runtime_status, module.state.description = "unknown", ""
            self._result = (self._version or 0, 406, "Agent is not running")
            self._send(self._report())
        identities.connect(self._world, self._device, _AGENT, "$edgeHub", connected=False)
        self._say("Edge Agent stopped")

    def logs(self) -> dict[str, ModuleLog]:
        """Return the log of each module and of the agent itself."""
        with self._lock:
            return {"edgeAgent": self._log, **{name: module.log for name, module in self._keeper.modules.items()}}

    def restart(self, name: str) -> bool:
        """Restart a module on request; False if there is no such module."""
        return self._keeper.restart(name)

    def _say(self, text: str) -> None:
        """Write a line to the agent's own log, in the form of edgeAgent's."""
        stamp = twins.now().replace("T", " ")[:23]
        for line in text.splitlines():
            self._log.write(f"<6> {stamp} +00:00 [INF] - {line}\n".encode())

    # -- watching ------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping:
            twin = twins.get(self._world, self._device, _AGENT)
            if twin and twin["properties"]["desired"]["$version"] != self._version:
                self._adopt(twin["properties"]["desired"])
            self._keeper.start_due()
            with self._lock:
                if not self._stopping:
                    self._settle()
                    self._send(self._report())
                wait = self._until_due()
            with self._world.changed:
                if not self._woken and self._desired_version() == self._version:
                    self._world.changed.wait(wait)
                self._woken = False

    def _desired_version(self) -> int | None:
        twin = twins.get(self._world, self._device, _AGENT)
        return int(twin["properties"]["desired"]["$version"]) if twin else self._version

    def _wake(self) -> None:
        with self._world.changed:
            self._woken = True
            self._world.changed.notify_all()

    def _adopt(self, section: Document) -> None:
        version = section["$version"]
        self._plan_cancelled.set()
        try:
            wanted = deployment.read(section)
        except deployment.ConfigError as problem:
            self._say(f"Deployment {version} refused: {problem.code} {problem.description}")
            with self._lock:  # what runs goes on running
                self._version, self._plan_since = version, None
                self._result = (version, problem.code, problem.description)
            return
        self._say(f"Deployment {version}: {len(wanted.modules)} module(s)")
        cancelled = Stopper()
        with self._lock:
            self._version, self._deployment, self._plan_cancelled = version, wanted, cancelled
            self._plan_since = time.monotonic()
        threading.Thread(target=self._carry_out, args=(wanted, cancelled), name="deployment", daemon=True).start()

    def _settle(self) -> None:
        """Work out `lastDesiredStatus`; while a deployment is carried out the one before stays, for the pull's time-out."""
        version = self._version or 0
        if self._plan_since is not None:
            if time.monotonic() - self._plan_since >= self._settings.pull_timeout:
                self._result = (version, 500, "The operation was canceled.")
            return
        if self._result is not None and self._result[0] == version and self._result[1] not in {200, 500}:
            return
        errors = [*self._plan_errors.values(), *self._keeper.start_errors.values()]
        text = "One or more errors occurred. " + " ".join(f"({error})" for error in errors)
        self._result = (version, 500, text) if errors else (version, 200, "")

    def _until_due(self) -> float | None:
        moments = self._keeper.due()
        if self._plan_since is not None:
            moment = self._plan_since + self._settings.pull_timeout
            moments += [moment] if moment > time.monotonic() else []
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    # -- reporting -----------------------------------------------------------------------------------------------------

    def _report(self) -> Document:
        desired = self._deployment.desired if self._deployment else {}
        last = self._sent.get("lastDesiredStatus") or {"code": 406, "description": ""}
        before = (self._sent.get("lastDesiredVersion", 0), last["code"], last.get("description", ""))
        version, code, description = self._result or before
        report = edge_reports.agent_report(self._self, version, code, description, desired)
        modules = {
            name: edge_reports.module_report(module.spec.desired, module.state)
            for name, module in self._keeper.modules.items()
        }
        if self._plan_since is not None and self._deployment:  # after a restart: those that are still to come
            waiting = self._before.keys() & self._deployment.modules.keys() - modules.keys()
            modules.update({name: self._before[name] for name in sorted(waiting)})
        report["modules"] = modules
        return report

    def _send(self, report: Document) -> None:
        if patch := edge_reports.difference(self._sent, report):
            twins.report(self._world, self._device, _AGENT, patch)
            self._sent = report

    # -- carrying out a deployment -------------------------------------------------------------------------------------

    def _carry_out(self, wanted: Deployment, cancelled: Stopper) -> None:
        """Realize a deployment, again and again with growing waits, until nothing is wrong or another one comes."""
        delay = self._settings.backoff
        try:
            while self._attempt(wanted, cancelled):
                cancelled.wait(delay)
                delay = min(2 * delay, self._settings.longest_backoff)
        except Stopped:
            return

    def _attempt(self, wanted: Deployment, cancelled: Stopper) -> bool:
        """Realize what is missing of a deployment; say whether to try again."""
        errors: dict[str, str] = {}
        again = False
        for name in self._keeper.names() - wanted.modules.keys():
            with self._changing:
                cancelled.check()
                self._keeper.remove(name)
                self._images.forget(name)
        for spec in sorted(wanted.modules.values(), key=lambda one: one.order):
            cancelled.check()
            try:
                self._realize(spec, wanted.credentials, cancelled)
            except Stopped:
                raise
            except PrepareError as problem:
                errors[spec.name] = problem.text
                again = again or not problem.final
                if problem.final:  # a module whose pull failed is not there, as on a real device
                    self._keeper.show_failed(spec, problem.text)
            except Exception as problem:
                cancelled.check()
                logging.getLogger(__name__).exception("module %s", spec.name)  # the agent outlives what one module does
                errors[spec.name] = f"Module {spec.name}: {problem}"
                again = True
        with self._lock:
            cancelled.check()
            self._plan_errors, self._plan_since = errors, None
        for text in errors.values():
            self._say(text)
        self._wake()
        return again

    def _realize(self, spec: ModuleSpec, credentials: dict[str, Document], cancelled: Stopper) -> None:
        module = self._keeper.get(spec.name)
        if module and module.container and module.container.fingerprint == spec.fingerprint:
            self._keeper.adjust(module, spec)
            return
        container = self._images.prepare(spec, credentials, cancelled)
        with self._changing:
            if cancelled.is_set():
                self._images.discard(container)
                raise Stopped
            self._keeper.replace(spec, container, self._before.pop(spec.name, {}))
            self._images.commit(spec.name, container)
