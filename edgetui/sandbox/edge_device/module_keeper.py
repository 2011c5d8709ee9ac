"""The modules of the live device: keeps them running by their restart policies, as edgeAgent and its container engine do."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgetui.sandbox.edge_device import container_engine, deployment, module_process
from edgetui.sandbox.edge_device.container_engine import ContainerEngine, ContainerModule
from edgetui.sandbox.edge_device.deployment import ModuleSpec
from edgetui.sandbox.edge_device.images import Container
from edgetui.sandbox.edge_device.module_process import ModuleLog, ModuleProcess, StartError
from edgetui.sandbox.edge_device.reports import ModuleState
from edgetui.sandbox.edge_device.settings import EdgeSettings
from edgetui.sandbox.iot_hub import twins
from edgetui.sandbox.world import Document

MAX_RESTARTS = 20  # edgeAgent gives a module up after that
STOP_GRACE = 5.0  # seconds between the wish to stop and the kill, for a module that is replaced
_OFF_GRACE = 0.8  # the same when the whole device is switched off


@dataclass
class Module:
    """One module on the device; `container` is None for one that cannot be made here."""

    spec: ModuleSpec
    log: ModuleLog
    container: Container | None = None
    state: ModuleState = field(default_factory=ModuleState)
    process: ModuleProcess | ContainerModule | None = None
    started_at: float = 0.0
    due: float | None = None  # when it is started again, on the monotonic clock


@dataclass(frozen=True)
class Place:
    """Where modules run: the device's id and hub, its architecture, its own loopback address, and a folder."""

    device: str
    hub: str
    architecture: str
    address: str
    folder: Path
    engine: ContainerEngine | None = None


class Keeper:
    """All modules of one device. `lock` guards `modules` and `start_errors`; `wake` is called when a module has ended."""

    def __init__(
        self, place: Place, settings: EdgeSettings, say: Callable[[str], None], wake: Callable[[], None]
    ) -> None:
        self._place, self._settings, self._say, self._wake = place, settings, say, wake
        self._off = False
        self.lock = threading.RLock()
        self.modules: dict[str, Module] = {}
        self.start_errors: dict[str, str] = {}  # by module: what the engine said when it could not start it

    def names(self) -> set[str]:
        """Return the names of the modules that are there."""
        with self.lock:
            return set(self.modules)

    def get(self, name: str) -> Module | None:
        """Return a module."""
        with self.lock:
            return self.modules.get(name)

    def log_of(self, name: str) -> ModuleLog:
        """Return the log that a module of this name writes."""
        return ModuleLog(self._place.folder / f"{name}.log")

    def switch_off(self) -> None:
        """End all modules; none is started any more."""
        with self.lock:
            self._off = True
            processes = [module.process for module in self.modules.values() if module.process]
        for process in processes:
            process.ask()
        deadline = time.monotonic() + _OFF_GRACE
        for process in processes:
            process.stop(max(0.0, deadline - time.monotonic()))

    def replace(self, spec: ModuleSpec, container: Container, before: Document) -> None:
        """Put a module in the place of the one of that name, and start it; `before` is what was reported of it."""
        old = self.get(spec.name)
        if old:
            self._halt(old)
        fresh = Module(spec, self.log_of(spec.name), container)
        fresh.state.image_hash = container.digest
        if (before.get("settings") or {}).get("imageHash") == container.digest:
            fresh.state.restarts = int(before.get("restartCount", 0))
            fresh.state.restarted = str(before.get("lastRestartTimeUtc", twins.NEVER))
        else:
            fresh.log.clear()
        with self.lock:
            if old and old.process:  # a request to restart it came in between
                old.process.kill()
            self.modules[spec.name] = fresh
            self.start_errors.pop(spec.name, None)
            if spec.stopped:
                fresh.state.runtime_status, fresh.state.description = "stopped", "created"
            else:
                self._launch(fresh)

    def adjust(self, module: Module, spec: ModuleSpec) -> None:
        """Take over what needs no new container: status, restart policy, order."""
        was_stopped = module.spec.stopped
        module.spec = spec
        if spec.stopped and not was_stopped:
            self._halt(module)
            with self.lock:
                module.state.runtime_status, module.state.description = "stopped", "exited"
                module.state.exited = twins.now()
                self.start_errors.pop(spec.name, None)
        elif was_stopped and not spec.stopped:
            with self.lock:
                self._launch(module)

    def show_failed(self, spec: ModuleSpec, text: str) -> None:
        """Show a module that can never run here, unless an earlier one of that name does."""
        with self.lock:
            known = self.modules.get(spec.name)
            if known is None or known.container is None:
                state = ModuleState(runtime_status="failed", description=text)
                self.modules[spec.name] = Module(spec, self.log_of(spec.name), state=state)

    def remove(self, name: str) -> None:
        """End a module and forget it."""
        with self.lock:
            module = self.modules.pop(name, None)
            self.start_errors.pop(name, None)
        if module:
            self._halt(module)
            module.log.clear()
            shutil.rmtree(self._home(name), ignore_errors=True)
            self._say(f"Removed module {name}")

    def restart(self, name: str) -> bool:
        """Restart a module on request; False if there is no such module."""
        module = self.get(name)
        if module is None or module.container is None:
            return False
        self._halt(module)
        with self.lock:
            if self.modules.get(name) is module:
                module.state.exited = twins.now()
                self._launch(module)
        self._wake()
        return True

    def start_due(self) -> None:
        """Start the modules whose wait is over."""
        with self.lock:
            for module in self.modules.values():
                if module.due is not None and module.due <= time.monotonic():
                    module.state.restarts += 1
                    module.state.restarted = twins.now()
                    self._launch(module)

    def due(self) -> list[float]:
        """Return when modules are to be started again, on the monotonic clock."""
        with self.lock:
            return [module.due for module in self.modules.values() if module.due is not None]

    def _home(self, name: str) -> Path:
        return self._place.folder / "home" / name

    def _halt(self, module: Module) -> None:
        with self.lock:
            process, module.process, module.due = module.process, None, None
        if process:
            process.stop(STOP_GRACE)

    def _launch(self, module: Module) -> None:
        """Start the module's process; the lock is held."""
        if self._off or module.container is None or module.process is not None:
            return
        name, container, state = module.spec.name, module.container, module.state
        module.due, module.started_at, state.started = None, time.monotonic(), twins.now()
        variables = {
            **container.environment,
            **module.spec.environment,
            "IOTEDGE_DEVICEID": self._place.device,
            "IOTEDGE_MODULEID": name,
            "IOTEDGE_IOTHUBHOSTNAME": self._place.hub,
        }
        # Only what the operator binds is reachable from outside a container; the rest hides behind a port of no meaning.
        port = module.spec.host_port
        bind = (self._place.address if port else "127.0.0.1", port)
        if container.architecture not in deployment.ARCHITECTURES[self._place.architecture]:
            module.log.write(b"exec /usr/bin/runsvdir: exec format error\n")
            self._over(module, 255)
            return
        try:
            if container.on_engine:
                engine, address = self._place.engine, self._place.address
                module.process = container_engine.start(
                    engine, module.spec, variables, address, module.log, self._ended
                )
            else:
                module.process = module_process.start(
                    name, container.python, container.root, variables, bind, self._home(name), module.log, self._ended
                )
        except StartError as problem:
            text = f"Error calling start module {name}: Could not start module {name}\n\tcaused by: {problem}"
            self.start_errors[name] = text
            self._say(text)
            state.exit_code, state.exited, state.description = 128, twins.now(), str(problem)
            state.runtime_status = "failed"
            self._back_off(module)
            return
        self.start_errors.pop(name, None)
        state.runtime_status, state.description, state.exit_code = "running", "running", 0
        where = f"{module.process.address}:{module.process.port}"
        self._say(f"Started module {name}, its port 5001 is {where}")

    def _ended(self, process: ModuleProcess | ContainerModule) -> None:
        with self.lock:
            module = next((one for one in self.modules.values() if one.process is process), None)
            if module is None or self._off:
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
        self._say(f"Module {module.spec.name} exited with code {code}")
        if policy == "always" or (code and policy in {"on-failure", "on-unhealthy"}):
            self._back_off(module)

    def _back_off(self, module: Module) -> None:
        state = module.state
        if state.restarts >= MAX_RESTARTS:
            state.runtime_status = "failed"
            return
        state.runtime_status = "backoff"
        module.due = time.monotonic() + min(self._settings.backoff * 2**state.restarts, self._settings.longest_backoff)
