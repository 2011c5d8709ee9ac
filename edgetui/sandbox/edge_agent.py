"""The agent of the live device: carries out a deployment, keeps modules running, reports."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from . import deployment, edge_reports, edge_settings, identities, module_process, twins
from .children import Stopped, Stopper
from .deployment import Deployment, ModuleSpec
from .device_images import Container, Images, PrepareError
from .edge_reports import AgentState, ModuleState
from .module_process import ModuleLog, ModuleProcess, StartError
from .world import Document, World

MAX_RESTARTS = 20  # edgeAgent gives a module up after that
STOP_GRACE = 5.0  # seconds between the wish to stop and the kill, for a module that is replaced
_OFF_GRACE = 0.8  # the same when the whole device is switched off
_AGENT = "$edgeAgent"


@dataclass
class Module:
    """One module on the device; `container` is None for one that cannot be made here."""

    spec: ModuleSpec
    log: ModuleLog
    container: Container | None = None
    state: ModuleState = field(default_factory=ModuleState)
    process: ModuleProcess | None = None
    started_at: float = 0.0
    due: float | None = None  # when it is started again, on the monotonic clock


class Agent:
    """One device's agent, with a thread that watches and a thread for each deployment that is carried out."""

    def __init__(self, world: World, device: str) -> None:
        self._world, self._device = world, device
        self._folder = world.state / "devices" / device
        self._settings = edge_settings.load(world)
        self._own_log = ModuleLog(self._folder / "edgeAgent.log")
        self._images = Images(world, device, self._folder / "images", self.say)
        twin, known = twins.get(world, device), twins.get(world, device, _AGENT)
        self._address = ((twin or {}).get("tags") or {}).get("address") or "127.0.0.1"
        self._sent: Document = twins.content(known["properties"]["reported"]) if known else {}
        self._before: Document = dict(self._sent.get("modules") or {})  # as they were when the device was switched off
        self._self = AgentState()
        self._changing = threading.Lock()  # one deployment at a time replaces or removes modules
        self._lock = threading.RLock()  # taken before the world's lock, never after it
        self._modules: dict[str, Module] = {}
        self._version: int | None = None
        self._deployment: Deployment | None = None
        self._result: tuple[int, int, str] | None = None  # version, code, description
        self._plan_since: float | None = None
        self._plan_errors: dict[str, str] = {}
        self._start_errors: dict[str, str] = {}
        self._plan_cancelled = Stopper()
        self._woken = self._stopping = False
        self._thread = threading.Thread(target=self._watch, name=f"agent of {device}", daemon=True)

    def start(self) -> None:
        """Switch the device on."""
        identities.connect(self._world, self._device, _AGENT, "$edgeHub", connected=True)
        self._images.clean()
        self.say("Starting Edge Agent 1.6.1 (sandbox)")
        self._thread.start()

    def stop(self) -> None:
        """Switch the device off: modules end, and the twin says that nothing is known any more."""
        self._stopping = True
        self._plan_cancelled.set()
        self._wake()
        with self._lock:
            processes = [module.process for module in self._modules.values() if module.process]
        for process in processes:
            process.ask()
        deadline = time.monotonic() + _OFF_GRACE
        for process in processes:
            process.stop(max(0.0, deadline - time.monotonic()))
        self._thread.join(timeout=1)
        with self._lock:
            self._self.system_status, self._self.system_description = "unknown", ""
            for module in self._modules.values():
                module.state.runtime_status, module.state.description = "unknown", ""
            self._result = (self._version or 0, 406, "Agent is not running")
            self._send(self._report())
        identities.connect(self._world, self._device, _AGENT, "$edgeHub", connected=False)
        self.say("Edge Agent stopped")

    def say(self, text: str) -> None:
        """Write a line to the agent's own log, in the form of edgeAgent's."""
        stamp = twins.now().replace("T", " ")[:23]
        for line in text.splitlines():
            self._own_log.write(f"<6> {stamp} +00:00 [INF] - {line}\n".encode())

    def logs(self) -> dict[str, ModuleLog]:
        """Return the log of each module and of the agent itself."""
        with self._lock:
            return {"edgeAgent": self._own_log, **{name: module.log for name, module in self._modules.items()}}

    def restart(self, name: str) -> bool:
        """Restart a module on request; False if there is no such module."""
        with self._lock:
            module = self._modules.get(name)
            if module is None or module.container is None:
                return False
        self._halt(module)
        with self._lock:
            if self._modules.get(name) is module:
                module.state.exited = twins.now()
                self._launch(module)
        self._wake()
        return True

    # -- watching ------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping:
            twin = twins.get(self._world, self._device, _AGENT)
            if twin and twin["properties"]["desired"]["$version"] != self._version:
                self._adopt(twin["properties"]["desired"])
            self._start_due()
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
            self.say(f"Deployment {version} refused: {problem.code} {problem.description}")
            with self._lock:  # what runs goes on running
                self._version, self._plan_since = version, None
                self._result = (version, problem.code, problem.description)
            return
        self.say(f"Deployment {version}: {len(wanted.modules)} module(s)")
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
        errors = [*self._plan_errors.values(), *self._start_errors.values()]
        text = "One or more errors occurred. " + " ".join(f"({error})" for error in errors)
        self._result = (version, 500, text) if errors else (version, 200, "")

    def _until_due(self) -> float | None:
        moments = [module.due for module in self._modules.values() if module.due is not None]
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
            for name, module in self._modules.items()
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
        for name in self._names() - wanted.modules.keys():
            with self._changing:
                cancelled.check()
                self._remove(name)
        for spec in sorted(wanted.modules.values(), key=lambda one: one.order):
            cancelled.check()
            try:
                self._realize(spec, wanted.credentials, cancelled)
            except Stopped:
                raise
            except PrepareError as problem:
                errors[spec.name] = problem.text
                again = again or not problem.final
                self._note_failed(spec, problem)
            except Exception as problem:
                cancelled.check()
                logging.getLogger(__name__).exception("module %s", spec.name)  # the agent outlives what one module does
                errors[spec.name] = f"Module {spec.name}: {problem}"
                again = True
        with self._lock:
            cancelled.check()
            self._plan_errors, self._plan_since = errors, None
        for text in errors.values():
            self.say(text)
        self._wake()
        return again

    def _names(self) -> set[str]:
        with self._lock:
            return set(self._modules)

    def _realize(self, spec: ModuleSpec, credentials: dict[str, Document], cancelled: Stopper) -> None:
        with self._lock:
            module = self._modules.get(spec.name)
        if module and module.container and module.container.fingerprint == spec.fingerprint:
            self._adjust(module, spec)
            return
        container = self._images.prepare(spec, credentials, cancelled)
        with self._changing:
            if cancelled.is_set() or self._stopping:
                self._images.discard(container)
            else:
                self._replace(module, spec, container)

    def _replace(self, module: Module | None, spec: ModuleSpec, container: Container) -> None:
        if module:
            self._halt(module)
        fresh = Module(spec, ModuleLog(self._folder / f"{spec.name}.log"), container)
        fresh.state.image_hash = container.digest
        before = self._before.get(spec.name) or {}
        if (before.get("settings") or {}).get("imageHash") == container.digest:
            fresh.state.restarts = int(before.get("restartCount", 0))
            fresh.state.restarted = str(before.get("lastRestartTimeUtc", twins.NEVER))
        else:
            fresh.log.clear()
        self._images.commit(spec.name, container)
        with self._lock:
            if module and module.process:  # a request to restart it came in between
                module.process.kill()
            self._modules[spec.name] = fresh
            self._before.pop(spec.name, None)
            self._start_errors.pop(spec.name, None)
            if spec.stopped:
                fresh.state.runtime_status, fresh.state.description = "stopped", "created"
            else:
                self._launch(fresh)

    def _adjust(self, module: Module, spec: ModuleSpec) -> None:
        """Take over what needs no new container: status, restart policy, order."""
        was_stopped = module.spec.stopped
        module.spec = spec
        if spec.stopped and not was_stopped:
            self._halt(module)
            with self._lock:
                module.state.runtime_status, module.state.description = "stopped", "exited"
                module.state.exited = twins.now()
                self._start_errors.pop(spec.name, None)
        elif was_stopped and not spec.stopped:
            with self._lock:
                self._launch(module)

    def _note_failed(self, spec: ModuleSpec, problem: PrepareError) -> None:
        """Show a module that can never run here as failed; one whose pull failed is not there, as on a real device."""
        with self._lock:
            known = self._modules.get(spec.name)
            if problem.final and (known is None or known.container is None):
                state = ModuleState(runtime_status="failed", description=problem.text)
                self._modules[spec.name] = Module(spec, ModuleLog(self._folder / f"{spec.name}.log"), state=state)

    def _remove(self, name: str) -> None:
        with self._lock:
            module = self._modules.pop(name, None)
            self._start_errors.pop(name, None)
        if module:
            self._halt(module)
            self._images.forget(name)
            module.log.clear()
            self.say(f"Removed module {name}")

    # -- running modules -----------------------------------------------------------------------------------------------

    def _halt(self, module: Module) -> None:
        with self._lock:
            process, module.process, module.due = module.process, None, None
        if process:
            process.stop(STOP_GRACE)

    def _launch(self, module: Module) -> None:
        """Start the module's process; the lock is held."""
        if self._stopping or module.container is None or module.process is not None:
            return
        name, container, state = module.spec.name, module.container, module.state
        module.due, module.started_at, state.started = None, time.monotonic(), twins.now()
        variables = {
            **container.environment,
            **module.spec.environment,
            "IOTEDGE_DEVICEID": self._device,
            "IOTEDGE_MODULEID": name,
            "IOTEDGE_IOTHUBHOSTNAME": self._world.host,
        }
        # Only what the operator binds is reachable from outside a container; the rest hides behind a port of no meaning.
        port = module.spec.host_port
        bind = (self._address if port else "127.0.0.1", port)
        home = self._folder / "home" / name
        try:
            if container.architecture not in deployment.ARCHITECTURES[self._self.architecture]:
                module.log.write(b"exec /usr/bin/runsvdir: exec format error\n")
                raise StartError("exec format error", exit_code=255)  # noqa: TRY301
            module.process = module_process.start(
                name, container.python, container.root, variables, bind, home, module.log, self._ended
            )
        except StartError as problem:
            if problem.exit_code:  # it started, and was over at once
                self._over(module, problem.exit_code)
                return
            text = f"Error calling start module {name}: Could not start module {name}\n\tcaused by: {problem}"
            self._start_errors[name] = text
            self.say(text)
            state.exit_code, state.exited, state.description = 128, twins.now(), str(problem)
            state.runtime_status = "failed"
            self._back_off(module)
            return
        self._start_errors.pop(name, None)
        state.runtime_status, state.description, state.exit_code = "running", "running", 0
        where = f"{module.process.address}:{module.process.port}"
        self.say(f"Started module {name}, its port 5001 is {where}")

    def _ended(self, process: ModuleProcess) -> None:
        with self._lock:
            module = next((one for one in self._modules.values() if one.process is process), None)
            if module is None or self._stopping:
                return
            module.process = None
            if time.monotonic() - module.started_at >= self._settings.intensive_care:
                module.state.restarts = 0
            self._over(module, process.exit_code or 0)
        self._wake()

    def _over(self, module: Module, code: int) -> None:
        """Note that the module's process has ended by itself, and decide what comes next."""
        state, policy = module.state, module.spec.restart_policy
        state.exit_code, state.exited, state.description = code, twins.now(), "exited"
        state.runtime_status = "failed" if code else "stopped"
        self.say(f"Module {module.spec.name} exited with code {code}")
        if policy == "always" or (code and policy in {"on-failure", "on-unhealthy"}):
            self._back_off(module)

    def _back_off(self, module: Module) -> None:
        state = module.state
        if state.restarts >= MAX_RESTARTS:
            state.runtime_status = "failed"
            return
        state.runtime_status = "backoff"
        module.due = time.monotonic() + min(self._settings.backoff * 2**state.restarts, self._settings.longest_backoff)

    def _start_due(self) -> None:
        with self._lock:
            for module in self._modules.values():
                if module.due is not None and module.due <= time.monotonic():
                    module.state.restarts += 1
                    module.state.restarted = twins.now()
                    self._launch(module)
