"""Images by a real engine: built, pushed to a real registry, pulled by another engine, run, and asked."""

from __future__ import annotations

import contextlib
import functools
import json
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest
import requests

from edgetui.adapters.builders import docker_build
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.core.events import Progress
from edgetui.core.models import BuildRequest
from tests.conftest import Sandbox
from tests.real.base_images import BASE, CERTIFICATES, HANGING_BASE, WAITS, import_base, import_hanging_base
from tests.real.builds import (
    BARE,
    LIMIT,
    PASSWORD,
    UNPINNED,
    USER,
    InThread,
    built,
    example,
    lines,
    package_index,
    refused,
)
from tests.real.engines import Engine, engine, free_port, registry

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def building() -> Iterator[Engine]:
    """The engine that builds, with the base image; and that the sandbox's device runs containers on."""
    with engine(bridge=True) as one:
        one.give(import_base, import_hanging_base)
        yield one


@pytest.fixture
def builder(building: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> docker_build.DockerBuilder:
    monkeypatch.setenv("DOCKER_HOST", building.host)
    return docker_build.create(Context(Cloud(), lambda _: ("", 0), tmp_path))


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., BuildRequest]:
    return example(tmp_path)


# -- the whole chain ----------------------------------------------------------------------------------------------------------


def test_the_example_is_built_pushed_pulled_elsewhere_and_answers(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], building: Engine, tmp_path: Path
) -> None:
    with registry(tmp_path / "registry", USER, PASSWORD) as login_server, engine() as device:
        request = wanted(login_server)
        cold = list(builder.build(request))
        image = built(cold)
        assert image.digest.startswith("sha256:")
        assert any(isinstance(event, Progress) and event.unit == "bytes" for event in cold)
        assert PASSWORD not in repr(cold)

        script = Path(request.script)
        script.write_text(script.read_text() + "# edited\n")
        edited = list(builder.build(replace(request, tag="2", content="content-2")))
        assert sum(line.endswith(": Pushed") for line in lines(edited)) == 1
        assert sum(line.endswith(": Layer already exists") for line in lines(edited)) == image.layers - 1
        assert not any("pip install" in line for line in lines(edited))

        _runs_on(device, f"{login_server}/pump@{built(edited).digest}", request, script)
    assert building.containers() == []


def _runs_on(device: Engine, image: str, request: BuildRequest, script: Path) -> None:
    """Pull with the credential, run as the image says, and ask; the answer is that of the model itself."""
    assert request.credential is not None
    login = {"username": request.credential.username, "password": request.credential.password.reveal()}
    client, port = device.client(), free_port()
    try:
        refusal = [event for event in _pulled(client, image, {**login, "password": "wrong"}) if "error" in event]
        assert "unauthorized" in str(refusal)
        assert not [event for event in _pulled(client, image, login) if "error" in event]
        config = client.inspect_image(image)["Config"]
        assert (config["User"], config["ExposedPorts"]) == ("1000:1000", {"5001/tcp": {}})
        command = [*config["Cmd"], "--port", str(port)]  # this machine's network is shared with others
        container = client.create_container(image, command, host_config=client.create_host_config(network_mode="host"))
        client.start(container)
        try:
            answer = _asked(client, container, f"http://127.0.0.1:{port}/score", script.with_name("sample.json"))
            assert answer == _expected(script)
        finally:
            client.remove_container(container, force=True)
    finally:
        client.close()


def _pulled(client: Any, image: str, login: dict[str, str]) -> list[dict[str, Any]]:
    try:
        return list(client.pull(image, stream=True, decode=True, auth_config=login))
    except docker.errors.APIError as problem:
        return [{"error": str(problem)}]


def _asked(client: Any, container: Any, url: str, sample: Path) -> Any:
    waiting = threading.Event()
    for _ in range(600):
        try:
            response = requests.post(
                url, data=sample.read_bytes(), headers={"Content-Type": "application/json"}, timeout=30
            )
        except requests.ConnectionError:
            assert client.inspect_container(container)["State"]["Running"], client.logs(container).decode()
            waiting.wait(0.1)
            continue
        assert response.status_code == 200, response.text
        return response.json()
    return pytest.fail(client.logs(container).decode())


def _expected(script: Path) -> Any:
    """What the model says when it is asked here."""
    readings = json.loads(script.with_name("sample.json").read_text())["readings"]
    model = pickle.loads(script.with_name("model.pkl").read_bytes())  # noqa: S301 -- the file is our own
    scores = model.decision_function([[one["temperature"], one["pressure"]] for one in readings])
    return {
        "anomaly": [bool(score < 0) for score in scores],
        "score": pytest.approx([float(score) for score in scores]),
    }


def test_the_sandboxs_device_runs_it_as_a_container_with_the_ports_of_its_options(
    building: Engine, wanted: Callable[..., BuildRequest], new_sandbox: Callable[..., Sandbox], tmp_path: Path
) -> None:
    sandbox = new_sandbox("--engine", building.host)
    plan = _plan(Path(wanted("").script).parent, sandbox)
    environ = sandbox.child_env(DOCKER_HOST=building.host, EDGETUI_HOME=str(tmp_path / "edgetui"))
    command = [sys.executable, "-m", "edgetui", "deploy", str(plan), "--yes", "--json"]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=10 * LIMIT)
    assert run.returncode == 0, run.stdout + run.stderr
    (outcome,) = json.loads(run.stdout.splitlines()[-1])["devices"].values()
    assert outcome["prediction"] == _expected(plan.with_name("score.py"))
    (container,) = building.containers()
    image = next(one for one in map(json.loads, run.stdout.splitlines()) if one["event"] == "image-built")
    assert container["Image"].endswith(image["digest"])
    (port,) = container["Ports"]
    assert port["PrivatePort"] == 5001
    assert port["IP"].startswith("127.")
    assert image["size"] > 0  # as the registry keeps it; the engine knows only what it takes up unpacked
    sandbox.process.kill()  # its container stays, and the next one on that folder ends it
    sandbox.process.wait(LIMIT)
    again = new_sandbox("--engine", building.host, state=sandbox.state)
    (fresh,) = _eventually(lambda: [one for one in building.containers() if one["Id"] != container["Id"]])
    assert fresh["Image"] == container["Image"]
    assert again.stop() == 0
    assert building.containers() == []


def _plan(folder: Path, sandbox: Sandbox) -> Path:
    """The example's plan, to be built by the engine."""
    plan, changes = folder / "plan.toml", f'builder = "docker"\nbase = "{BASE}"\nnetwork = "host"\n'
    changes += f'ca_bundle = "{CERTIFICATES}"\n' + (f'index_url = "{package_index()}"\n' if package_index() else "")
    text = plan.read_text()
    assert 'builder = "azureml"\n' in text
    plan.write_text(text.replace('builder = "azureml"\n', changes))
    return plan


def _eventually(find: Callable[[], list[Any]]) -> list[Any]:
    waiting = threading.Event()
    for _ in range(300):
        if found := find():
            return found
        waiting.wait(0.1)
    pytest.fail("it does not come")


def test_the_same_inputs_give_the_same_layers_without_any_cache(
    builder: docker_build.DockerBuilder,
    wanted: Callable[..., BuildRequest],
    building: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with registry(tmp_path / "registry", USER, PASSWORD) as login_server:
        request = wanted(login_server, environment=BARE)
        image = built(list(builder.build(request)))
        first = _layers(building, image.reference)
        client = building.client()
        for tag in [tag for one in client.images(docker_build.ENVIRONMENT) for tag in one["RepoTags"]]:
            client.remove_image(tag, noprune=True)
        client.close()
        monkeypatch.setattr(docker.APIClient, "build", functools.partialmethod(docker.APIClient.build, nocache=True))
        again = list(builder.build(request))
        assert any(line.startswith(" ---> Running in") for line in lines(again))
        assert _layers(building, image.reference) == first


def _layers(one: Engine, image: str) -> list[str]:
    client = one.client()
    try:
        found: list[str] = client.inspect_image(image)["RootFS"]["Layers"]
        return found
    finally:
        client.close()


# -- what fails ---------------------------------------------------------------------------------------------------------------


def test_a_refused_push_names_the_credential(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], tmp_path: Path
) -> None:
    with registry(tmp_path / "registry", USER, PASSWORD) as login_server:
        error = refused(lambda: list(builder.build(wanted(login_server, "wrong", BARE))))
    assert (error.field, error.kind) == ("registry.credential", "access")


def test_a_registry_that_stalls_or_is_not_there_ends_the_push(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_build, "_STALLED", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        request = wanted(f"127.0.0.1:{silent.getsockname()[1]}", environment=BARE)
        assert refused(lambda: list(builder.build(request))).retryable
    assert refused(lambda: list(builder.build(request))).retryable


def test_a_registry_that_stalls_in_the_middle_of_a_push_is_told_and_has_no_tag(
    builder: docker_build.DockerBuilder,
    wanted: Callable[..., BuildRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(docker_build, "_STALLED", 4.0)
    with registry(tmp_path / "registry", USER, PASSWORD) as login_server, _stalling(login_server, 2**20) as stalling:
        error = refused(lambda: list(builder.build(wanted(stalling, environment=BARE))))
        answer = requests.get(f"http://{login_server}/v2/pump/tags/list", auth=(USER, PASSWORD), timeout=30)
    assert error.retryable
    assert not answer.json().get("tags")


@contextlib.contextmanager
def _stalling(target: str, after: int) -> Iterator[str]:
    """A way to a server that takes `after` bytes of all requests together and then nothing more; yields its address."""
    host, _, port = target.partition(":")
    left, lock, sockets = [after], threading.Lock(), list[socket.socket]()

    def copy(source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with lock:
                    left[0] -= len(data) if counted else 0
                    stalled = left[0] <= 0
                if stalled:
                    return  # both stay open, and nobody reads or writes any more
                sink.sendall(data)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here = listener.accept()[0]
                there = socket.create_connection((host, int(port)))
                sockets.extend((here, there))
                for pair in ((here, there, True), (there, here, False)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for one in sockets:
            one.close()


def test_a_full_disk_of_the_engine_is_told(
    wanted: Callable[..., BuildRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(disk=100) as small:
        small.give(import_hanging_base)
        monkeypatch.setenv("DOCKER_HOST", small.host)
        builder = docker_build.create(Context(Cloud(), lambda _: ("", 0), tmp_path))
        with (small.root / "filler").open("wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(2**20))
        request = replace(wanted("127.0.0.1:9", environment=UNPINNED), base=HANGING_BASE)
        error = refused(lambda: list(builder.build(request)))
        assert small.containers() == []
    assert "the disk is full" in error.title
    assert error.retryable


def test_a_base_image_that_cannot_be_had_is_told(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest]
) -> None:
    request = replace(wanted("127.0.0.1:9", environment=BARE), base="127.0.0.1:9/no-such-base:1")
    assert refused(lambda: list(builder.build(request))).kind == "unreachable"


def test_an_image_for_another_processor_than_was_asked_for_is_not_pushed(
    building: Engine, wanted: Callable[..., BuildRequest], tmp_path: Path
) -> None:
    client = building.client()
    request = replace(wanted("127.0.0.1:9", environment=BARE), platform="linux/arm64")
    work = docker_build._Work(client, request, Context(Cloud(), lambda _: ("", 0), tmp_path))
    error = refused(lambda: work.checked(BASE))
    client.close()
    assert error.field == "image.platform"
    assert "linux/amd64" in error.title


def test_another_python_than_the_base_image_has_is_told(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest]
) -> None:
    error = refused(lambda: list(builder.build(wanted("127.0.0.1:9", environment=BARE.replace("3.11", "3.13")))))
    assert error.field == "image.base"
    assert "no Python 3.13" in error.title


def test_a_cancelled_build_ends_on_the_engine_and_leaves_no_container(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], building: Engine
) -> None:
    build = InThread(builder, replace(wanted("127.0.0.1:9", environment=UNPINNED), base=HANGING_BASE), WAITS)
    assert building.containers()
    build.stop.cancel()
    assert build.ended(3.0).kind == "cancelled"
    assert _emptied(building)


def _emptied(one: Engine) -> bool:
    waiting = threading.Event()
    for _ in range(100):
        if not one.containers():
            return True
        waiting.wait(0.1)
    return False


def test_a_cancelled_push_leaves_no_tag(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], tmp_path: Path
) -> None:
    with registry(tmp_path / "registry", USER, PASSWORD) as login_server:
        build = InThread(builder, wanted(login_server, environment=BARE), "Pushing")
        build.stop.cancel()
        assert build.ended(3.0).kind == "cancelled"
        answer = requests.get(f"http://{login_server}/v2/pump/tags/list", auth=(USER, PASSWORD), timeout=30)
        assert not answer.json().get("tags")


def test_an_engine_that_stops_in_the_middle_is_told(
    wanted: Callable[..., BuildRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine() as short_lived:
        short_lived.give(import_hanging_base)
        monkeypatch.setenv("DOCKER_HOST", short_lived.host)
        builder = docker_build.create(Context(Cloud(), lambda _: ("", 0), tmp_path))
        request = replace(wanted("127.0.0.1:9", environment=UNPINNED), base=HANGING_BASE)
        build = InThread(builder, request, WAITS)
        short_lived.process.kill()
        error = build.ended(LIMIT)
    assert error.kind != "cancelled"
    assert error.remedy
    assert refused(lambda: list(builder.build(request))).kind == "unreachable"
