"""Images by a real engine: built, pushed to a real registry, pulled by another engine, run, and asked."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import docker
import msgspec
import pytest
import requests

from edgetui.adapters.builders import docker_build
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.core.events import Progress
from edgetui.core.models import BuildRequest
from edgetui.ui.screens.image import ImageScreen
from edgetui.ui.widgets.one_of import OneOf
from tests.conftest import Sandbox
from tests.real.base_images import BASE, CERTIFICATES, import_base
from tests.real.builds import (
    LIMIT,
    PASSWORD,
    USER,
    built,
    example,
    lines,
    package_index,
)
from tests.real.engines import Engine, engine, free_port, registry
from tests.ui import on_sandbox
from tests.ui.driving import until

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def building() -> Iterator[Engine]:
    """The engine that builds, with the base image; and that the sandbox's device runs containers on."""
    with engine(bridge=True) as one:
        one.give(import_base)
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


async def test_the_wizard_builds_with_the_engine_and_the_device_runs_it_as_a_container(
    building: Engine, new_sandbox: Callable[..., Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", building.host)
    sandbox = new_sandbox("--engine", building.host)
    with on_sandbox.outside(sandbox.env, tmp_path / "home") as outside:
        plan, script = Path(outside.plan), Path(outside.plan).with_name("score.py")
        _fit_for_this_machine(plan)
        outside.do("model", "script", "credentials")
        async with outside.opened("image") as pilot:
            screen = cast("ImageScreen", pilot.app.screen)
            await until(pilot, "on this machine by linux/amd64 engine")
            screen.query_one("#builder", OneOf).focus()
            await pilot.press("down", "down", "f8")
            assert screen.plan.image.builder == "docker"
            await until(pilot, "layers · ", limit=5 * LIMIT)
            cold = screen.results
            script.write_text(script.read_text() + "# edited\n")
            await pilot.press("f8")
            await until(pilot, lambda: screen.results.digest not in {"", cold.digest}, limit=LIMIT)
            edited = screen.results
        told = _lines_of(edited.image_log)
        assert sum(line.endswith(": Pushed") for line in told) == 1
        assert sum(line.endswith(": Layer already exists") for line in told) == cold.image_layers - 1
        assert edited.image_size > 0  # as the registry keeps it; the engine knows only what it takes up unpacked
        outside.do("script")
        devices = outside.do("deploy").results.devices
    (outcome,) = devices.values()
    assert outcome.prediction == _expected(script)
    (container,) = building.containers()
    assert container["Image"].endswith(edited.digest.rpartition("@")[2])
    (port,) = container["Ports"]
    assert port["PrivatePort"] == 5001
    assert port["IP"].startswith("127.")
    sandbox.process.kill()  # its container stays, and the next one on that folder ends it
    sandbox.process.wait(LIMIT)
    again = new_sandbox("--engine", building.host, state=sandbox.state)
    (fresh,) = _eventually(lambda: [one for one in building.containers() if one["Id"] != container["Id"]])
    assert fresh["Image"] == container["Image"]
    assert again.stop() == 0
    assert building.containers() == []


def _lines_of(file: str) -> list[str]:
    return Path(file).read_text().splitlines()


def _fit_for_this_machine(plan: Path) -> None:
    """The example's plan, with what an engine needs that reaches no registry but the sandbox's."""
    text, index = plan.read_text(), package_index()
    changes = f'base = "{BASE}"\nnetwork = "host"\nca_bundle = "{CERTIFICATES}"\n'
    changes += f'index_url = "{index}"\n' if index else ""
    assert "[image]\n" in text
    plan.write_text(text.replace("[image]\n", f"[image]\n{changes}"))


def _eventually(find: Callable[[], list[Any]]) -> list[Any]:
    waiting = threading.Event()
    for _ in range(300):
        if found := find():
            return found
        waiting.wait(0.1)
    pytest.fail("it does not come")
