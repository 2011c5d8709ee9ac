"""The engine adapter against a real dockerd: running, stopped, and not for this user."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.adapters.docker_engine import DockerEngine, create
from tests.real.parts import need

START_LIMIT = 60  # seconds


@pytest.fixture
def engine() -> DockerEngine:
    return create(Context(Cloud(), lambda _: ("", 0)))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a socket's may have 107 bytes, and containerd's lies deep."""
    made = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    yield made
    # dockerd leaves its data folder mounted onto itself.
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{made}/")]):
        subprocess.run(["umount", "-l", mount], check=True, timeout=60)
    shutil.rmtree(made)


@pytest.fixture
def daemon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """An engine of the test's own, without network, on a socket of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can start dockerd")
    (program,) = need("dockerd")
    host = f"unix://{folder}/docker.sock"
    log = folder / "dockerd.log"
    command = [program, "--iptables=false", "--ip6tables=false", "--bridge=none", "--data-root", str(folder / "root")]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--exec-root", str(folder / "exec"), "-H", host, "-p", str(folder / "pid")],
            stdout=out,
            stderr=out,
        )
    try:
        end = time.monotonic() + START_LIMIT
        # The socket is there before anything answers behind it.
        while "API listen on" not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                pytest.skip(f"this machine lets no engine run: {log.read_text().splitlines()[-1]}")
        monkeypatch.setenv("DOCKER_HOST", host)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def test_a_running_engine_says_version_and_platform(engine: DockerEngine, daemon: subprocess.Popen[bytes]) -> None:
    state = engine.state()
    assert state.reachable
    client = docker.from_env()
    assert (state.version, state.platform) == (client.version()["Version"], f"linux/{client.version()['Arch']}")
    client.close()


def test_an_engine_that_ended_is_told(engine: DockerEngine, daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait(60)
    state = engine.state()
    assert not state.reachable
    assert state.why
    assert state.remedy


def test_a_socket_of_others_names_the_group(daemon: subprocess.Popen[bytes], folder: Path) -> None:
    """Asked as a user who may reach the folder, but not the socket."""
    folder.chmod(0o711)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        state = DockerEngine().state()
        os.write(writer, f"{state.reachable}|{state.why}|{state.remedy}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    assert text.startswith("False|No permission")
    assert "group docker" in text
