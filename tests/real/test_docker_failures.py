"""Builds by a real engine: the same from the same, and what is said and left behind where they fail or are cancelled."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import msgspec
import pytest
import requests

from edgetui.adapters.builders import build_context, docker_build
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.core.models import BuildRequest
from tests.loopback import Asked, Reply, serve
from tests.real.base_images import BASE, HANGING_BASE, WAITS, import_base, import_hanging_base
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
    refused,
)
from tests.real.engines import Engine, engine, registry

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def building() -> Iterator[Engine]:
    """The engine that builds, with the base images."""
    with engine() as one:
        one.give(import_base, import_hanging_base)
        yield one


@pytest.fixture
def builder(building: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> docker_build.DockerBuilder:
    monkeypatch.setenv("DOCKER_HOST", building.host)
    return docker_build.create(Context(Cloud(), lambda _: ("", 0), tmp_path))


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., BuildRequest]:
    return example(tmp_path)


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


def test_a_user_who_may_not_push_there_is_told(
    building: Engine, wanted: Callable[..., BuildRequest], tmp_path: Path
) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.method == "POST":
            denied = {"code": "DENIED", "message": "requested access to the resource is denied"}
            scope = 'Bearer realm="http://127.0.0.1/token",error="insufficient_scope"'
            headers = {"Content-Type": "application/json", "WWW-Authenticate": scope}
            return Reply(401, {"errors": [denied]}, headers)
        return Reply(200 if asked.path == "/v2/" else 404)

    with serve(answer) as server, contextlib.closing(building.client()) as client:
        request = wanted(server.url.removeprefix("http://"))
        repository = f"{request.credential.login_server}/pump"  # type: ignore[union-attr]
        client.tag(HANGING_BASE, repository, "1")
        work = docker_build._Work(client, request, Context(Cloud(), lambda _: ("", 0), tmp_path))
        error = refused(lambda: list(work.push(f"{repository}:1", request.credential)))
    assert (error.field, error.kind) == ("registry.credential", "access"), error
    assert "let this user push" in error.title


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


@pytest.mark.parametrize("words", ["Packing the build context", "Sending the build context to the engine"])
def test_a_build_that_is_cancelled_before_it_began_leaves_nothing(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], building: Engine, words: str
) -> None:
    request = wanted("127.0.0.1:9", environment=BARE)
    with contextlib.closing(building.client()) as client:
        list(docker_build._Work(client, request, builder._context).build(*_environment_of(request)))
        with Path(request.model_path).open("r+b") as model:
            model.truncate(400 * 2**20)  # takes long enough on its way
        build = InThread(builder, replace(request, tag="never"), words)
        build.stop.cancel()
        assert build.ended(3.0).kind == "cancelled"
        assert not client.images("127.0.0.1:9/pump:never")
    assert _emptied(building)


def _environment_of(request: BuildRequest) -> tuple[build_context.Files, str]:
    recipe = build_context.recipe(request)
    return recipe.environment_context(), f"{docker_build.ENVIRONMENT}:{recipe.key}"


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
