"""Real engines and a real registry for the tests; each is the test's own, and gone afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.real.base_images import BASE, HANGING_BASE, base_file, write_hanging_base
from tests.real.parts import need

START_LIMIT = 60.0  # seconds
ROOMY = 8 * 2**30  # bytes of free memory from which on an engine may keep its images there


@dataclass(frozen=True)
class Engine:
    """A running dockerd."""

    process: subprocess.Popen[bytes]
    host: str  # of its API, for DOCKER_HOST
    root: Path  # where it keeps images

    def client(self, seconds: float = 120.0) -> Any:
        return docker.APIClient(base_url=self.host, version="auto", timeout=seconds)

    def give(self, *imports: Callable[[Any], None]) -> None:
        """Import base images (base_images.py)."""
        client = self.client()
        try:
            for one in imports:
                one(client)
        finally:
            client.close()

    def containers(self) -> list[Any]:
        client = self.client()
        try:
            return list(client.containers(all=True))
        finally:
            client.close()


@contextlib.contextmanager
def engine(*, bridge: bool = False, disk: int = 0) -> Iterator[Engine]:
    """An engine whose builds and containers use this machine's network; with `bridge`, one of its own, too.

    `disk` in megabytes is all the room that it has for images, 0 this machine's: its memory, where there is plenty, since what
    costs time in these tests is the many small files of layers.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can start dockerd")
    (program,) = need("dockerd")
    # A short path: a socket's may have 107 bytes, and containerd's lies deep.
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    host, log = f"unix://{folder}/docker.sock", folder / "log"
    command = [program, "--iptables=false", "--ip6tables=false", "--data-root", str(folder / "root")]
    # Not the usual bridge: an engine that starts without one removes that.
    own = f"edge{os.getpid()}" if bridge else "none"
    command += [f"--bridge={own}"]
    if bridge:
        _ip("link", "add", own, "type", "bridge")
        _ip("addr", "add", f"10.213.{os.getpid() % 256}.1/24", "dev", own)
        _ip("link", "set", own, "up")
    if disk or _free_memory() > ROOMY:
        (folder / "root").mkdir()
        size = ["-o", f"size={disk or ROOMY // 2**20}m"]
        subprocess.run(["mount", "-t", "tmpfs", *size, "tmpfs", str(folder / "root")], check=True, timeout=60)
    command += ["--exec-root", str(folder / "exec"), "-H", host, "-p", str(folder / "pid")]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait(process, log, "API listen on")
        yield Engine(process, host, folder / "root")
    finally:
        _end(process)
        _end_left(folder)
        _unmount(folder)
        if bridge:
            _ip("link", "del", own)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def podman(plain_registry: str) -> Iterator[Engine]:
    """Podman's service by the same API, with both base images; it speaks plain HTTP to one registry."""
    if os.geteuid() != 0:
        pytest.skip("only root can run containers without more ado")
    (program,) = need("podman")
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    host, log = f"unix://{folder}/podman.sock", folder / "log"
    (folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{plain_registry}"\ninsecure = true\n')
    environ = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf")}
    command = [program, "--root", str(folder / "root"), "--runroot", str(folder / "exec")]
    with tempfile.TemporaryFile() as archive:
        write_hanging_base(archive)
        for image, file in ((BASE, base_file().open("rb")), (HANGING_BASE, archive)):
            file.seek(0)
            # Its API would forget the tag.
            words = [*command, "import", "-", f"docker.io/library/{image}"]
            made = subprocess.run(
                words, stdin=file, capture_output=True, text=True, check=False, env=environ, timeout=300
            )
            file.close()
            if made.returncode:
                message = f"this machine lets no podman run: {made.stderr}"
                pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--log-level=info", "system", "service", "--time=0", host], stdout=out, stderr=out, env=environ
        )
    try:
        _wait(process, log, "API service listening on")
        yield Engine(process, host, folder / "root")
    finally:
        _end(process)
        _end_left(folder)
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def registry(folder: Path, user: str, password: str) -> Iterator[str]:
    """A registry with one user; yields its `127.0.0.1:port`. Engines speak plain HTTP to loopback."""
    program, htpasswd = need("docker-registry", "htpasswd")
    folder.mkdir()
    subprocess.run(
        [htpasswd, "-Bic", str(folder / "htpasswd"), user], input=password.encode(), check=True, capture_output=True
    )
    port = free_port()
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=out, stderr=out)
    try:
        _wait(process, log, "listening on")
        yield f"127.0.0.1:{port}"
    finally:
        _end(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def _unmount(folder: Path) -> None:
    """What an engine keeps mounted below its folder; its data folder is mounted onto itself."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "-l", mount], check=True, timeout=60)


def _end_left(folder: Path) -> None:
    """End what an engine that was killed leaves behind: its containers' minders, which name its folder, and what they minded."""
    parents, left = dict[int, int](), set[int]()
    for one in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):  # no process, or one that has just ended
            number = int(one.name)
            parents[number] = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if f"{folder}/".encode() in (one / "cmdline").read_bytes():
                left.add(number)
    while below := {number for number, parent in parents.items() if parent in left} - left:
        left |= below
    for number in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _ip(*words: str) -> None:
    (program,) = need("ip")
    subprocess.run([program, *words], check=True, capture_output=True, timeout=60)


def _wait(process: subprocess.Popen[bytes], log: Path, words: str) -> None:
    end = time.monotonic() + START_LIMIT
    while words not in log.read_text(errors="replace"):
        assert time.monotonic() < end, log.read_text(errors="replace")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            message = f"this machine lets none run: {log.read_text(errors='replace').splitlines()[-1]}"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
