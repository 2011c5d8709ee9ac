"""Images by Podman, which speaks Docker's API in words of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from edgetui.adapters import docker_engine
from edgetui.adapters.builders import docker_build
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.core import build_steps
from edgetui.core.models import BuildRequest
from tests.real.base_images import HANGING_BASE, WAITS
from tests.real.builds import BARE, PASSWORD, UNPINNED, USER, InThread, built, example, lines, refused
from tests.real.engines import podman, registry

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def login_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry, and Podman as the engine of this machine."""
    folder = tmp_path_factory.mktemp("podman")
    with (
        registry(folder / "registry", USER, PASSWORD) as server,
        podman(server) as one,
        pytest.MonkeyPatch.context() as at,
    ):
        at.setenv("DOCKER_HOST", one.host)
        yield server


@pytest.fixture
def builder(login_server: str, tmp_path: Path) -> docker_build.DockerBuilder:
    return docker_build.create(Context(Cloud(), lambda _: ("", 0), tmp_path))


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., BuildRequest]:
    return example(tmp_path)


def test_an_image_is_built_and_pushed_and_an_edit_in_the_script_is_one_layer(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], login_server: str
) -> None:
    assert docker_engine.DockerEngine().state().reachable
    request = wanted(login_server, environment=BARE)
    cold = list(builder.build(request))
    image = built(cold)
    assert any(build_steps.found(line) for line in lines(cold))
    answer = requests.get(
        f"http://{login_server}/v2/pump/manifests/1",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        auth=(USER, PASSWORD),
        timeout=30,
    )
    assert image.digest == answer.headers["Docker-Content-Digest"]
    before = [layer["digest"] for layer in answer.json()["layers"]]

    script = Path(request.script)
    script.write_text(script.read_text() + "# edited\n")
    edited = built(list(builder.build(replace(request, tag="2", content="content-2"))))
    answer = requests.get(f"{answer.url[:-1]}2", headers=answer.request.headers, timeout=30)
    after = [layer["digest"] for layer in answer.json()["layers"]]
    assert edited.digest == answer.headers["Docker-Content-Digest"]
    assert after[: len(before) - 1] == before[:-1]
    assert after[-1] != before[-1]


def test_a_refused_push_names_the_credential(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], login_server: str
) -> None:
    error = refused(lambda: list(builder.build(wanted(login_server, "wrong", BARE))))
    assert (error.field, error.kind) == ("registry.credential", "access")


def test_a_registry_without_tls_that_podman_does_not_know_is_told(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest], tmp_path: Path
) -> None:
    with registry(tmp_path / "other", USER, PASSWORD) as other:
        error = refused(lambda: list(builder.build(wanted(other, environment=BARE))))
    assert "plain HTTP" in error.title


def test_a_cancelled_build_ends_at_once(
    builder: docker_build.DockerBuilder, wanted: Callable[..., BuildRequest]
) -> None:
    build = InThread(builder, replace(wanted("127.0.0.1:9", environment=UNPINNED), base=HANGING_BASE), WAITS)
    build.stop.cancel()
    assert build.ended(3.0).kind == "cancelled"
