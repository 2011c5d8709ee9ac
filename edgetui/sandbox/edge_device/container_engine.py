"""A real container engine for the live device: pulls with the deployment's credential and runs modules as containers.

The engine is whatever answers at a Docker API's address. Containers carry the sandbox's state folder as a label, so that those of
a sandbox that was killed are found, and ended, by the next one on that folder.
"""

from __future__ import annotations

import contextlib
import copy
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgetui.sandbox.edge_device.deployment import SCORING_PORT, ModuleSpec
from edgetui.sandbox.edge_device.module_process import ModuleLog, StartError
from edgetui.sandbox.registry.oci import PullFailed

OWNER = "edgetui.sandbox.state"
_TIMEOUT = 120  # seconds without a byte from the engine


def usual() -> str:
    """The engine that every Docker client would take here, "" where there is none."""
    socket = Path("/var/run/docker.sock")
    return os.environ.get("DOCKER_HOST") or (f"unix://{socket}" if socket.exists() else "")


class ContainerEngine:
    """The engine at `host` (`unix:///…` or `tcp://…`); `owner` is the state folder of this sandbox."""

    def __init__(self, host: str, owner: Path) -> None:
        self.host, self._owner = host, str(owner)

    def pull(self, image: str, credential: tuple[str, str] | None) -> None:
        """Pull an image with exactly this credential.

        Raises:
            PullFailed: in the engine's own words; also where no engine answers.
        """
        from docker.errors import APIError, DockerException

        login = {"username": credential[0], "password": credential[1]} if credential else {}
        repository, _, tag = image.partition("@") if "@" in image else image.rpartition(":")
        try:
            with self.client() as client:
                for event in client.pull(repository, tag=tag, stream=True, decode=True, auth_config=login):
                    if "error" in event:
                        raise PullFailed(0, str(event["error"]))
        except APIError as problem:
            raise PullFailed(0, str(problem.explanation or problem)) from None
        except (DockerException, OSError) as problem:
            raise PullFailed(0, f"the container engine at {self.host} does not answer: {problem}") from None

    def start(
        self,
        spec: ModuleSpec,
        variables: dict[str, str],
        address: str,
        log: ModuleLog,
        on_exit: Callable[[ContainerModule], None],
    ) -> ContainerModule:
        """Create and start a module's container by its createOptions; ports are bound on `address` only.

        Raises:
            StartError: the engine cannot, in its own words.
        """
        from docker.errors import DockerException

        with self.client() as client:
            try:
                made = client.create_container_from_config(self._config(spec, variables, address))["Id"]
            except (DockerException, OSError) as problem:
                raise StartError(_words(problem)) from None
            try:
                client.start(made)
                ports = (client.inspect_container(made)["NetworkSettings"]["Ports"] or {}).get(SCORING_PORT) or []
            except (DockerException, OSError) as problem:
                with contextlib.suppress(DockerException, OSError):
                    client.remove_container(made, force=True)
                raise StartError(_words(problem)) from None
        bound = ports[0] if ports else {"HostIp": "127.0.0.1", "HostPort": SCORING_PORT.partition("/")[0]}
        module = ContainerModule(self, made, bound["HostIp"], int(bound["HostPort"]))
        threading.Thread(target=module.follow, args=(log, on_exit), name=f"container {spec.name}", daemon=True).start()
        return module

    def sweep(self) -> None:
        """End the containers that an earlier sandbox on this state folder left; nothing where no engine answers."""
        from docker.errors import DockerException

        with contextlib.suppress(DockerException, OSError), self.client() as client:
            for one in client.containers(all=True, filters={"label": f"{OWNER}={self._owner}"}):
                client.remove_container(one["Id"], force=True)

    def _config(self, spec: ModuleSpec, variables: dict[str, str], address: str) -> dict[str, Any]:
        config = copy.deepcopy(dict(spec.create_options))
        host = config.setdefault("HostConfig", {})
        bindings = host.setdefault("PortBindings", {})
        bindings.setdefault(SCORING_PORT, [{"HostIp": "127.0.0.1"}])
        for places in bindings.values():
            for place in places:
                place.setdefault("HostIp", address)  # without one an engine listens for the whole network
        config["ExposedPorts"] = {**config.get("ExposedPorts", {}), **{port: {} for port in bindings}}
        config["Labels"] = {**config.get("Labels", {}), OWNER: self._owner}
        return {**config, "Image": spec.image, "Env": [f"{name}={value}" for name, value in variables.items()]}

    @contextlib.contextmanager
    def client(self, timeout: float | None = _TIMEOUT) -> Iterator[Any]:
        """A client of its API, for one thread."""
        import docker

        client = docker.APIClient(base_url=self.host, version="auto", timeout=timeout)
        try:
            yield client
        finally:
            client.close()


def start(
    engine: ContainerEngine | None,
    spec: ModuleSpec,
    variables: dict[str, str],
    address: str,
    log: ModuleLog,
    on_exit: Callable[[ContainerModule], None],
) -> ContainerModule:
    """As `ContainerEngine.start`, where the engine may be gone since the image was pulled."""
    if engine is None:
        raise StartError("there is no container engine any more; give the sandbox one with --engine")
    return engine.start(spec, variables, address, log, on_exit)


class ContainerModule:
    """A module that runs as a container; what `ModuleProcess` is for one that runs as a process."""

    def __init__(self, engine: ContainerEngine, container: str, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.stopping = False
        self.exit_code: int | None = None
        self._engine, self._id = engine, container

    def follow(self, log: ModuleLog, on_exit: Callable[[ContainerModule], None]) -> None:
        """Copy what it writes until it ends, then remove it; `on_exit` is told. For one thread."""
        from docker.errors import DockerException

        code = 137  # of one that was removed under our hands
        with contextlib.suppress(DockerException, OSError, ValueError), self._engine.client(None) as client:
            for data in client.logs(self._id, stream=True, follow=True):
                log.write(data)
            code = int(client.wait(self._id)["StatusCode"])
        self._remove()
        self.exit_code = code
        on_exit(self)

    def ask(self) -> None:
        """Ask it to end, as `docker stop` does first."""
        from docker.errors import DockerException

        self.stopping = True
        with contextlib.suppress(DockerException, OSError), self._engine.client() as client:
            client.kill(self._id, "SIGTERM")

    def stop(self, grace: float) -> None:
        """Ask it to end, wait up to `grace` seconds, then kill it; returns when its container is gone."""
        from docker.errors import DockerException

        self.stopping = True
        with contextlib.suppress(DockerException, OSError), self._engine.client() as client:
            client.stop(self._id, timeout=int(grace))
        self._remove()

    def kill(self) -> None:
        """End it now."""
        self.stopping = True
        self._remove()

    def _remove(self) -> None:
        from docker.errors import DockerException

        with contextlib.suppress(DockerException, OSError), self._engine.client() as client:
            client.remove_container(self._id, force=True)


def _words(problem: Exception) -> str:
    return str(getattr(problem, "explanation", None) or problem)
