"""The base images of the tests: Debian with Python, and one whose Python never ends."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

import platformdirs
import pytest
from filelock import FileLock

from tests.real.parts import need

BASE = "debian-py:12"
HANGING_BASE = "hanging-py:1"
WAITS = "this python waits"  # what HANGING_BASE's says before it does nothing for ever
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def import_base(client: Any) -> None:
    """Give an engine the base image: Debian with Python, made once by debootstrap and kept."""
    with base_file().open("rb") as archive:
        _import(client, archive, BASE)


def import_hanging_base(client: Any) -> None:
    """Give an engine a base image whose python3 never ends."""
    with tempfile.TemporaryFile() as archive:
        write_hanging_base(archive)
        archive.seek(0)
        _import(client, archive, HANGING_BASE)


def write_hanging_base(archive: IO[bytes]) -> None:
    """Write the files of HANGING_BASE: a shell of this machine's, and little else."""
    script = f"#!/bin/sh\necho {WAITS}\nexec sleep 100000\n".encode()
    entry = tarfile.TarInfo("usr/local/bin/python3")
    entry.mode, entry.size = 0o755, len(script)
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as files:
        files.addfile(entry, io.BytesIO(script))
        programs = {f"bin/{name}": need(name)[0] for name in ("sh", "sleep", "date")}
        libraries = {library for program in programs.values() for library in _libraries(program)}
        for name, source in {**programs, **{library[1:]: library for library in libraries}}.items():
            files.add(source, name)


def _libraries(program: str) -> list[str]:
    (ldd,) = need("ldd")
    said = subprocess.run([ldd, program], capture_output=True, text=True, check=True, timeout=60).stdout
    return [word for word in said.split() if word.startswith("/")]


def _import(client: Any, archive: IO[bytes], image: str) -> None:
    chunks = iter(lambda: archive.read(2**20), b"")  # a file by itself would go line by line
    repository, _, tag = image.partition(":")
    client.import_image_from_stream(chunks, repository=repository, tag=tag)


def base_file() -> Path:
    """The files of BASE, made by debootstrap where they are not kept yet."""
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
