"""The sandbox's live device: real pulls, real processes, and what its agent reports of them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from edgetui.sandbox.builder import image_layers
from edgetui.sandbox.edge_device import settings as edge_settings
from edgetui.sandbox.world import World
from tests.conftest import Sandbox, start_sandbox

LIVE = "line1-gateway"
PATIENCE = 120  # seconds; the first module waits for its environment to be installed
MACHINE = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
SCRIPT = """
import json, os, pathlib, signal

def init():
    global weight
    print("the model is loaded", flush=True)
    weight = int(next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).iterdir()).read_text())

def run(data):
    data = json.loads(data)
    if data.get("crash"):
        os.kill(os.getppid(), signal.SIGKILL)
    return {"answer": weight * data.get("x", 0), "env": dict(os.environ)}
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the sandbox's device uses process groups")


class Edge:
    """A client of one sandbox: registry, hub and the live device."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.host = sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]
        self.address: str = self.call("GET", f"/twins/{LIVE}").json()["tags"]["address"]
        self.ports = itertools.count(5001)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("https:") else self.sandbox.base_url + path
        headers = {"Authorization": f"Bearer {self.sandbox.env['EDGETUI_SANDBOX_TOKEN']}", **options.pop("headers", {})}
        params = {**options.pop("params", {}), "api-version": "2021-04-12"}
        with requests.Session() as session:
            session.trust_env = False
            ca = self.sandbox.env["REQUESTS_CA_BUNDLE"]
            return session.request(method, url, params=params, headers=headers, verify=ca, timeout=60, **options)

    def credential(self) -> dict[str, str]:
        """The registry's admin user, switched on."""
        env = self.sandbox.env
        group = f"/subscriptions/{env['EDGETUI_SANDBOX_SUBSCRIPTION']}/resourceGroups/{env['EDGETUI_SANDBOX_RESOURCE_GROUP']}"
        registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{env['EDGETUI_SANDBOX_REGISTRY']}"
        self.call("PATCH", registry, json={"properties": {"adminUserEnabled": True}}).raise_for_status()
        found = self.call("POST", f"{registry}/listCredentials").json()
        return {"username": found["username"], "password": found["passwords"][0]["value"], "address": self.host}

    def push(self, folder: Path, name: str, script: str = SCRIPT, *, ours: bool = True, machine: str = MACHINE) -> str:
        """Push an image as the builder lays it out; return its reference by digest."""
        conda = {"dependencies": ["python", {"pip": ["azureml-inference-server-http>=1.5,<2"]}]}
        models = f"/var/azureml-app/azureml-models/{name}/1"
        contents: list[dict[str, bytes | Path]] = [
            {"/azureml-environment/conda.yml": json.dumps(conda).encode()},
            {f"{models}/weight.txt": b"7"},
            {"/var/azureml-app/score.py": script.encode()},
        ]
        folder.mkdir(exist_ok=True)
        layers = [
            image_layers.make_layer(folder / f"{name}-{number}.tar.gz", content, "test")
            for number, content in enumerate(contents)
        ]
        variables = {
            "AML_APP_ROOT": "/var/azureml-app",
            "AZUREML_MODEL_DIR": models,
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "FROM_IMAGE": "image",
            "LEVEL": "image",
        }
        labels = {"edgetui.sandbox": "environment-spec"} if ours else {}
        config = image_layers.configuration(layers, f"linux/{machine}", variables, labels, ["5001/tcp"], [], "/")
        manifest = image_layers.manifest(config, layers)
        credential = self.credential()
        with requests.Session() as registry:
            registry.trust_env, registry.verify = False, self.sandbox.env["REQUESTS_CA_BUNDLE"]
            registry.auth = (credential["username"], credential["password"])
            base = f"{self.sandbox.base_url}/v2/{name}"
            digest = json.loads(manifest)["config"]["digest"]
            for data, wanted in [(config, digest), *((one.file.read_bytes(), one.digest) for one in layers)]:
                place = registry.post(f"{base}/blobs/uploads/").headers["Location"]
                url = place if urlsplit(place).scheme else self.sandbox.base_url + place
                registry.put(url, params={"digest": wanted}, data=data).raise_for_status()
            media = {"Content-Type": json.loads(manifest)["mediaType"]}
            pushed = registry.put(f"{base}/manifests/1", data=manifest, headers=media)
            pushed.raise_for_status()
        return f"{self.host}/{name}@{pushed.headers['Docker-Content-Digest']}"

    def apply(self, modules: dict[str, Any], credentials: dict[str, Any] | None = None, schema: str = "1.1") -> int:
        """Set the device's modules; return the version of the agent's desired properties."""
        settings = {"minDockerVersion": "v1.25", "registryCredentials": credentials or {}}
        images = {
            name: {"image": f"mcr.microsoft.com/azureiotedge-{name[4:].lower()}:1.6"}
            for name in ("edgeAgent", "edgeHub")
        }
        hub = {"type": "docker", "status": "running", "restartPolicy": "always", "settings": images["edgeHub"]}
        desired = {
            "schemaVersion": schema,
            "runtime": {"type": "docker", "settings": settings},
            "systemModules": {"edgeAgent": {"type": "docker", "settings": images["edgeAgent"]}, "edgeHub": hub},
            "modules": modules,
        }
        return self.set_agent(desired)

    def set_agent(self, desired: dict[str, Any]) -> int:
        content = {
            "$edgeAgent": {"properties.desired": desired},
            "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {}}},
        }
        answer = self.call("POST", f"/devices/{LIVE}/applyConfigurationContent", json={"modulesContent": content})
        assert answer.status_code == 204, answer.text
        return int(self.twin()["properties"]["desired"]["$version"])

    def module(self, image: str, port: int | None = None, **parts: Any) -> dict[str, Any]:
        host = {"PortBindings": {"5001/tcp": [{"HostPort": str(port)}]}} if port else {}
        settings = {"image": image, "createOptions": json.dumps({"HostConfig": host})}
        return {"type": "docker", "status": "running", "restartPolicy": "always", "settings": settings, **parts}

    def twin(self) -> dict[str, Any]:
        return self.call("GET", f"/twins/{LIVE}/modules/%24edgeAgent").json()  # type: ignore[no-any-return]

    def until(self, check: Callable[[dict[str, Any]], Any]) -> Any:
        """Poll what the agent reports until the check gives something."""
        deadline = time.monotonic() + PATIENCE
        while not (found := check(reported := self.twin()["properties"]["reported"])):
            assert time.monotonic() < deadline, json.dumps(
                {key: reported[key] for key in ("lastDesiredStatus", "modules")}
            )
            time.sleep(0.05)
        return found

    def settled(self, version: int, code: int) -> dict[str, Any]:
        def check(reported: dict[str, Any]) -> Any:
            at = reported["lastDesiredVersion"] == version and reported["lastDesiredStatus"]["code"] == code
            return reported if at else None

        return self.until(check)  # type: ignore[no-any-return]

    def status(self, name: str, *wanted: str) -> dict[str, Any]:
        def check(reported: dict[str, Any]) -> Any:
            module = reported.get("modules", {}).get(name)
            return module if module and module["runtimeStatus"] in wanted else None

        return self.until(check)  # type: ignore[no-any-return]

    def score(self, port: int, data: dict[str, Any]) -> Any:
        """Ask the module on its own port as soon as it answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._post(port, data)
                answer.raise_for_status()
                return answer.json()
            except requests.ConnectionError:  # noqa: PERF203 -- not there yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def crash(self, port: int) -> None:
        """Let the module that answers there kill its server, once; an answer may still come out."""
        with contextlib.suppress(requests.RequestException):
            self._post(port, {"crash": True})

    def _post(self, port: int, data: dict[str, Any]) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"http://{self.address}:{port}/score", json=data, timeout=30)

    def method(self, name: str, payload: Any) -> Any:
        body = {"methodName": name, "payload": payload, "responseTimeoutInSeconds": 10}
        return self.call("POST", f"/twins/{LIVE}/modules/$edgeAgent/methods", json=body).json()


def new_edge(folder: Path, cache: Path) -> Edge:
    """A sandbox whose agent waits a fifth of a second where the real one waits ten."""
    world = World(folder / "state", cache)
    world.put("setting", "edge", {"backoff": 0.2, "pull_timeout": 120.0})
    assert edge_settings.load(world).longest_backoff == pytest.approx(6)
    world.close()
    return Edge(start_sandbox(folder / "state", cache))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> Iterator[Edge]:
    edge = new_edge(tmp_path_factory.mktemp("edge"), sandbox_cache)
    yield edge
    assert edge.sandbox.stop() == 0


@pytest.fixture(scope="module")
def image(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> str:
    return edge.push(tmp_path_factory.mktemp("image"), "pump")


@pytest.fixture
def port(edge: Edge) -> int:
    return next(edge.ports)


def processes_of(state: Path) -> list[str]:
    """Command lines of processes whose home is in this state folder (module processes)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={state}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [line for line in found if line]


def test_a_module_answers_after_its_deployment(edge: Edge, image: str, port: int) -> None:
    env = {"LEVEL": {"value": "module"}, "COUNT": {"value": 3}, "FLAG": {"value": True}}
    module = edge.module(image, port, env=env, version="2.1", startupOrder=4)
    version = edge.apply({"pump": module}, {"acr": edge.credential()})
    reported = edge.settled(version, 200)
    state = reported["modules"]["pump"]
    assert state["runtimeStatus"] == state["statusDescription"] == "running"
    assert state["settings"]["image"] == image
    assert state["settings"]["imageHash"] == image.partition("@")[2]
    assert (state["version"], state["startupOrder"], state["restartCount"], state["env"]) == ("2.1", 4, 0, env)
    assert reported["runtime"]["settings"]["registryCredentials"] == {}

    answer = edge.score(port, {"x": 6})
    assert answer["answer"] == 42
    seen = answer["env"]
    assert (seen["FROM_IMAGE"], seen["LEVEL"], seen["COUNT"], seen["FLAG"]) == ("image", "module", "3", "true")
    assert seen["IOTEDGE_MODULEID"] == "pump"
    assert seen["AZUREML_MODEL_DIR"].startswith(str(edge.sandbox.state))
    secrets = [edge.credential()["password"], edge.sandbox.env["EDGETUI_SANDBOX_TOKEN"]]
    secrets.append(edge.sandbox.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"].partition("SharedAccessKey=")[2])
    assert not [value for value in seen.values() if any(secret in value for secret in secrets)]
    assert not [name for name in seen if name.startswith(("EDGETUI", "UV_", "PIP_"))]
    if edge.address != "127.0.0.1":
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_what_needs_no_new_container_keeps_the_process(edge: Edge, image: str, port: int) -> None:
    credentials = {"acr": edge.credential()}
    edge.settled(edge.apply({"pump": edge.module(image, port)}, credentials), 200)
    started = edge.status("pump", "running")["lastStartTimeUtc"]
    again = edge.module(image, port, restartPolicy="never", startupOrder=9)
    reported = edge.settled(edge.apply({"pump": again}, credentials), 200)
    assert reported["modules"]["pump"]["lastStartTimeUtc"] == started
    assert reported["modules"]["pump"]["restartPolicy"] == "never"
    edge.settled(edge.apply({"pump": edge.module(image, port, status="stopped")}, credentials), 200)
    edge.status("pump", "stopped")
    edge.settled(edge.apply({"pump": edge.module(image, port)}, credentials), 200)
    edge.status("pump", "running")
    assert edge.score(port, {"x": 1})["answer"] == 7
    reported = edge.settled(edge.apply({}, credentials), 200)
    assert reported["modules"] == {}
    assert not processes_of(edge.sandbox.state)


@pytest.mark.parametrize("credential", ["wrong", "none", "other-address"])
def test_a_pull_that_is_refused_is_reported_as_the_runtime_does(edge: Edge, image: str, credential: str) -> None:
    edge.settled(edge.apply({}), 200)  # a container that is there already would not be pulled again
    wrong = {
        **edge.credential(),
        **({"password": "bm90IGl0"} if credential == "wrong" else {"address": "x.azurecr.io"}),
    }
    version = edge.apply({"locked": edge.module(image)}, {} if credential == "none" else {"acr": wrong})
    reported = edge.settled(version, 500)
    text = reported["lastDesiredStatus"]["description"]
    assert f"Could not pull image {image}" in text
    assert "unauthorized" in text
    assert "locked" not in reported["modules"]
    edge.settled(edge.apply({"locked": edge.module(image)}, {"acr": edge.credential()}), 200)
    edge.status("locked", "running")


def test_an_image_that_is_not_there_is_reported(edge: Edge) -> None:
    version = edge.apply({"ghost": edge.module(f"{edge.host}/ghost:9")}, {"acr": edge.credential()})
    assert "manifest unknown" in edge.settled(version, 500)["lastDesiredStatus"]["description"]


def test_images_that_the_builder_did_not_make_fail_with_a_plain_reason(edge: Edge, tmp_path: Path) -> None:
    foreign = edge.push(tmp_path / "i", "foreign", ours=False)
    far = "mcr.microsoft.com/azureiotedge-simulated-temperature-sensor:1.5"
    version = edge.apply({"a": edge.module(foreign), "b": edge.module(far)}, {"acr": edge.credential()})
    modules = edge.settled(version, 500)["modules"]
    for name in ("a", "b"):
        assert modules[name]["runtimeStatus"] == "failed"
        assert "runs only images that the sandbox's builders made" in modules[name]["statusDescription"]


def test_an_image_for_another_machine_dies_at_its_start(edge: Edge, tmp_path: Path) -> None:
    image = edge.push(tmp_path / "i", "other-machine", machine="s390x")
    edge.settled(edge.apply({"m": edge.module(image)}, {"acr": edge.credential()}), 200)
    assert edge.status("m", "backoff", "failed")["exitCode"] == 255
    (log,) = edge.method("GetModuleLogs", {"items": [{"id": "^m$"}]})["payload"]
    assert "exec format error" in log["payload"]


def test_a_crash_is_counted_and_the_module_comes_back(edge: Edge, image: str, port: int) -> None:
    edge.settled(edge.apply({"pump": edge.module(image, port)}, {"acr": edge.credential()}), 200)
    assert edge.score(port, {"x": 1})["answer"] == 7
    edge.crash(port)
    again = edge.until(lambda reported: (one := reported["modules"]["pump"])["restartCount"] and one)
    assert again["lastRestartTimeUtc"] > again["lastExitTimeUtc"] > "2026"
    assert edge.status("pump", "running")
    assert edge.score(port, {"x": 2})["answer"] == 14
    # With policy never the same crash is final.
    edge.settled(edge.apply({"pump": edge.module(image, port, restartPolicy="never")}, {"acr": edge.credential()}), 200)
    assert edge.score(port, {"x": 3})["answer"] == 21
    edge.crash(port)
    assert edge.status("pump", "failed")["exitCode"] == 137


def test_a_script_that_cannot_start_is_restarted_with_growing_waits(edge: Edge, tmp_path: Path) -> None:
    image = edge.push(
        tmp_path / "i", "broken", "def init():\n    raise ValueError('no sensor table')\n\ndef run(data):\n    pass\n"
    )
    version = edge.apply({"broken": edge.module(image, restartPolicy="on-failure")}, {"acr": edge.credential()})
    edge.settled(version, 200)
    found = edge.until(lambda reported: (one := reported["modules"]["broken"])["restartCount"] >= 2 and one)
    assert found["exitCode"] in {0, 3}, "3 is gunicorn's: a worker failed to boot; 0 while it runs again"
    assert edge.status("broken", "backoff")["exitCode"] == 3
    logs = edge.method(
        "GetModuleLogs", {"items": [{"id": "broken", "filter": {"regex": "sensor"}}], "encoding": "none"}
    )
    assert "ValueError: no sensor table" in logs["payload"][0]["payload"]


def test_a_port_in_use_is_dockers_error_and_heals(edge: Edge, image: str, port: int) -> None:
    with socket.socket() as other:
        other.bind((edge.address, port))
        other.listen()
        version = edge.apply({"pump": edge.module(image, port)}, {"acr": edge.credential()})
        reported = edge.settled(version, 500)
        text = reported["lastDesiredStatus"]["description"]
        assert "driver failed programming external connectivity on endpoint pump" in text
        assert "bind: address already in use" in text
        assert reported["modules"]["pump"]["runtimeStatus"] in {"backoff", "failed"}
    edge.settled(version, 200)
    assert edge.status("pump", "running")
    assert edge.score(port, {"x": 1})["answer"] == 7


def test_configurations_that_the_agent_refuses(edge: Edge, image: str, port: int) -> None:
    edge.settled(edge.apply({"pump": edge.module(image, port)}, {"acr": edge.credential()}), 200)
    edge.settled(edge.apply({}, schema="1.2"), 412)
    edge.settled(edge.set_agent({}), 417)
    broken = edge.module(image)
    broken["settings"]["createOptions"] = "{"
    reported = edge.settled(edge.apply({"pump": broken}), 400)
    assert reported["modules"]["pump"]["runtimeStatus"] == "running", "what ran goes on running"
    assert edge.score(port, {"x": 1})["answer"] == 7


def test_the_agents_methods(edge: Edge, image: str, port: int) -> None:
    edge.settled(edge.apply({"pump": edge.module(image, port)}, {"acr": edge.credential()}), 200)
    before = edge.status("pump", "running")["lastStartTimeUtc"]
    edge.score(port, {"x": 1})
    assert edge.method("RestartModule", {"schemaVersion": "1.0", "id": "pump"})["status"] == 200
    edge.until(lambda reported: reported["modules"]["pump"]["lastStartTimeUtc"] > before)
    assert edge.score(port, {"x": 1})["answer"] == 7
    tail = {"items": [{"id": "pump", "filter": {"tail": 3}}], "encoding": "gzip", "contentType": "json"}
    assert edge.method("GetModuleLogs", tail)["payload"][0]["payloadBytes"]
    assert edge.method("RestartModule", {"id": "nobody"})["status"] == 400
    assert edge.method("GetModuleLogs", {"items": [{"id": "("}]})["status"] == 400


def test_modules_come_back_with_the_sandbox_and_never_outlive_it(tmp_path: Path, sandbox_cache: Path) -> None:
    edge = new_edge(tmp_path, sandbox_cache)
    state = edge.sandbox.state
    image = edge.push(tmp_path / "i", "pump")
    edge.settled(edge.apply({"pump": edge.module(image, 5001)}, {"acr": edge.credential()}), 200)
    assert edge.score(5001, {"x": 1})["answer"] == 7
    assert len(processes_of(state)) >= 2
    assert edge.sandbox.stop(signal.SIGTERM) == 0
    assert not processes_of(state)

    world = World(state, sandbox_cache)
    twin = world.get("module-twin", f"{LIVE}/$edgeAgent")
    world.close()
    assert twin is not None
    assert twin["properties"]["reported"]["lastDesiredStatus"]["code"] == 406
    assert twin["properties"]["reported"]["modules"]["pump"]["runtimeStatus"] == "unknown"

    edge = Edge(start_sandbox(state, sandbox_cache))
    assert edge.status("pump", "running")
    assert edge.score(5001, {"x": 3})["answer"] == 21
    os.kill(edge.sandbox.process.pid, signal.SIGKILL)
    edge.sandbox.process.wait()
    deadline = time.monotonic() + PATIENCE
    while processes_of(state):
        assert time.monotonic() < deadline
        time.sleep(0.05)
