"""The engine adapter against a real dockerd: running, stopped, and not for this user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.adapters.docker_engine import DockerEngine, create
from tests.real.engines import Engine, engine


@pytest.fixture(scope="module")
def daemon() -> Iterator[Engine]:
    with engine() as one:
        yield one


@pytest.fixture
def asked(daemon: Engine, monkeypatch: pytest.MonkeyPatch) -> DockerEngine:
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    return create(Context(Cloud(), lambda _: ("", 0)))


def test_a_running_engine_says_version_and_platform(asked: DockerEngine, daemon: Engine) -> None:
    state = asked.state()
    assert state.reachable
    client = daemon.client()
    found = client.version()
    client.close()
    assert (state.version, state.platform) == (found["Version"], f"linux/{found['Arch']}")


def test_a_socket_of_others_names_the_group(asked: DockerEngine, daemon: Engine) -> None:
    """Asked as a user who may reach the folder, but not the socket."""
    Path(daemon.host.removeprefix("unix://")).parent.chmod(0o711)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        state = asked.state()
        os.write(writer, f"{state.reachable}|{state.why}|{state.remedy}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    assert text.startswith("False|No permission")
    assert "group docker" in text


def test_an_engine_that_ended_is_told(asked: DockerEngine, daemon: Engine) -> None:  # the last: it ends it
    daemon.process.terminate()
    daemon.process.wait(60)
    state = asked.state()
    assert not state.reachable
    assert state.why
    assert state.remedy
