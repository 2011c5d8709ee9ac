"""Real engines, a real registry and a real base image for the tests; each is the test's own, and gone afterwards."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import docker
import platformdirs
import pytest
from filelock import FileLock

from tests.real.parts import need

START_LIMIT = 60.0  # seconds
ROOMY = 8 * 2**30  # bytes of free memory from which on an engine may keep its images there
BASE = "debian-py:12"
HANGING_BASE = "hanging-py:1"
WAITS = "this python waits"  # what HANGING_BASE's says before it does nothing for ever
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Engine:
    """A running dockerd."""

    process: subprocess.Popen[bytes]
    host: str  # of its API, for DOCKER_HOST
    root: Path  # where it keeps images

    def client(self, seconds: float = 120.0) -> Any:
        return docker.APIClient(base_url=self.host, version="auto", timeout=seconds)


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
        # dockerd leaves its data folder mounted onto itself.
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
            subprocess.run(["umount", "-l", mount], check=True, timeout=60)
        if bridge:
            _ip("link", "del", own)
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


def import_base(one: Engine) -> None:
    """Give an engine the base image: Debian with Python, made once by debootstrap and kept."""
    with _base_file().open("rb") as archive:
        _import(one, archive, BASE)


def import_hanging_base(one: Engine) -> None:
    """Give an engine a base image whose python3 never ends: a shell of this machine's, and little else."""
    script = f"#!/bin/sh\necho {WAITS}\nexec sleep 100000\n".encode()
    entry = tarfile.TarInfo("usr/local/bin/python3")
    entry.mode, entry.size = 0o755, len(script)
    with io.BytesIO() as archive:
        with tarfile.open(fileobj=archive, mode="w", dereference=True) as files:
            files.addfile(entry, io.BytesIO(script))
            programs = {f"bin/{name}": need(name)[0] for name in ("sh", "sleep", "date")}
            libraries = {library for program in programs.values() for library in _libraries(program)}
            for name, source in {**programs, **{library[1:]: library for library in libraries}}.items():
                files.add(source, name)
        archive.seek(0)
        _import(one, archive, HANGING_BASE)


def _libraries(program: str) -> list[str]:
    (ldd,) = need("ldd")
    said = subprocess.run([ldd, program], capture_output=True, text=True, check=True, timeout=60).stdout
    return [word for word in said.split() if word.startswith("/")]


def _import(one: Engine, archive: IO[bytes], image: str) -> None:
    client = one.client()
    try:
        chunks = iter(lambda: archive.read(2**20), b"")  # a file by itself would go line by line
        repository, _, tag = image.partition(":")
        client.import_image_from_stream(chunks, repository=repository, tag=tag)
    finally:
        client.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _base_file() -> Path:
    (debootstrap,) = need("debootstrap")
    given = os.environ.get("EDGETUI_TEST_CACHE")
    cache = Path(given) if given else Path(platformdirs.user_cache_dir("edgetui-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / "debian-py-12-slim.tar"
    with FileLock(cache / "debian-py-12-slim.lock"):
        if file.exists():
            return file
        with tempfile.TemporaryDirectory(prefix="base-", dir=cache) as folder:
            root, packed = Path(folder, "root"), Path(folder, "tar")
            include = "--include=python3,python3-venv,ca-certificates"
            made = subprocess.run(
                [debootstrap, "--variant=minbase", include, "bookworm", str(root)],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                message = f"real part missing: no base image by debootstrap: {(made.stdout + made.stderr)[-500:]}"
                pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
            # Each byte of it is packed, pushed and pulled by every test of a whole build.
            for unused in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
                shutil.rmtree(root / unused)
            subprocess.run(["tar", "--sort=name", "-C", str(root), "-cf", str(packed), "."], check=True, timeout=300)
            packed.rename(file)
    return file


def _free_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


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
