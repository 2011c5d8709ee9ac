"""Which engine answers, or why none does, by an engine that says what a test wants."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgetui.adapters import docker_engine
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.adapters.docker_engine import DockerEngine, create
from tests.loopback import HANG, Asked, Reply, serve

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DockerEngine:
    for name in [name for name in os.environ if name.startswith("DOCKER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(docker_engine, "_DEFAULT", f"unix://{tmp_path}/none.sock")
    return create(Context(Cloud(), lambda _: ("", 0)))


def test_an_engine_that_answers_is_named(engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda _: Reply(200, VERSION, {"Content-Type": "application/json"})) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{server.host}")
        state = engine.state()
    assert (state.reachable, state.version, state.platform) == (True, "20.10.24", "linux/amd64")


def test_no_socket_is_no_engine(engine: DockerEngine) -> None:
    state = engine.state()
    assert not state.reachable
    assert "no container engine here" in state.why
    assert "systemctl start docker" in state.remedy


def test_a_wrong_docker_host_is_named(engine: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for host in ("tcp://127.0.0.1:1", f"unix://{tmp_path}/gone.sock", "nonsense", "ftp://x:1"):
        monkeypatch.setenv("DOCKER_HOST", host)
        state = engine.state()
        assert host in state.why
        assert "DOCKER_HOST" in state.remedy


def test_no_permission_names_the_group() -> None:
    denied = PermissionError(13, "Permission denied")
    why, remedy = docker_engine._explain("unix:///var/run/docker.sock", denied)
    assert "No permission" in why
    assert "group docker" in remedy


def test_an_engine_that_refuses_or_hangs_says_so(engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(asked: Asked) -> Reply:
        return Reply(500, {"message": "storage driver is broken"}, {"Content-Type": "application/json"})

    monkeypatch.setattr(docker_engine, "SECONDS", 0.2)
    for answer, words in ((refuse, "storage driver is broken"), (lambda _: HANG, "does not answer within")):
        with serve(answer) as server:
            monkeypatch.setenv("DOCKER_HOST", f"tcp://{server.host}")
            state = engine.state()
        assert not state.reachable
        assert words in state.why
        assert state.remedy


def test_the_current_context_of_the_command_line_counts(
    engine: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serve(lambda _: Reply(200, VERSION, {"Content-Type": "application/json"})) as server:
        import hashlib

        folder = tmp_path / ".docker" / "contexts" / "meta" / hashlib.sha256(b"lab").hexdigest()
        folder.mkdir(parents=True)
        meta = {
            "Name": "lab",
            "Metadata": {},
            "Endpoints": {"docker": {"Host": f"tcp://{server.host}", "SkipTLSVerify": False}},
        }
        (folder / "meta.json").write_text(json.dumps(meta))
        (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "lab"}')
        assert engine.state().reachable
    (tmp_path / ".docker" / "config.json").write_text("{")
    assert not engine.state().reachable
