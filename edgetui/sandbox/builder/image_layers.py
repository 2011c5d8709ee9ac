"""Assembles an image: reproducible layers (same files, same digest), its configuration, its manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from edgetui.sandbox.registry.store import DOCKER_MANIFEST

CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_EPOCH = "1970-01-01T00:00:00Z"  # a time would make every build another image
_LEVEL = 1  # weights hardly shrink; this is four times faster than the default


@dataclass(frozen=True)
class Layer:
    """A gzipped tar file; `digest` is of the file, `diff_id` of what it holds uncompressed, `size` in bytes."""

    file: Path
    digest: str
    diff_id: str
    size: int
    created_by: str


def make_layer(
    file: Path, content: dict[str, bytes | Path], created_by: str, check: Callable[[], None] = lambda: None
) -> Layer:
    """Write a layer.

    Args:
        file: where to.
        content: bytes or a file by its absolute path in the image.
        created_by: what the image's history says.
        check: called between pieces; raises to give up.

    Raises:
        OSError: a file cannot be read, or the layer not written.
        ValueError: a path with `..` in it.
    """
    paths = {_path(name): source for name, source in content.items()}
    with file.open("wb") as raw:
        packed = _Hashed(raw, check)
        with gzip.GzipFile("", "wb", _LEVEL, cast("IO[bytes]", packed), mtime=0) as zipped:
            plain = _Hashed(zipped, check)
            stream = cast("IO[bytes]", plain)
            with tarfile.open(mode="w", fileobj=stream, format=tarfile.PAX_FORMAT) as archive:
                for folder in sorted({parent for path in paths for parent in path.parents} - {PurePosixPath(".")}):
                    archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, 0))
                for path in sorted(paths):
                    _add(archive, path, paths[path])
    return Layer(file, f"sha256:{packed.hexdigest()}", f"sha256:{plain.hexdigest()}", packed.size, created_by)


def configuration(
    layers: Iterable[Layer],
    platform: str,
    environment: dict[str, str],
    labels: dict[str, str],
    ports: Iterable[str],
    command: list[str],
    working_folder: str,
    more: dict[str, Any] | None = None,
) -> bytes:
    """Return an image's configuration (https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md).

    Args:
        layers: from the lowest to the highest.
        platform: `os/architecture[/variant]`.
        environment: the variables of its processes.
        labels: of the image.
        ports: like `5001/tcp`.
        command: what a container runs.
        working_folder: where it runs.
        more: other fields of the container's configuration, such as `User`.
    """
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    layers = list(layers)
    document: dict[str, Any] = {
        "architecture": architecture,
        "os": system,
        "created": _EPOCH,
        "config": {
            "Env": [f"{name}={environment[name]}" for name in sorted(environment)],
            "ExposedPorts": {port: {} for port in ports},
            "Labels": dict(sorted(labels.items())),
            "Cmd": command,
            "WorkingDir": working_folder,
            **(more or {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": layer.created_by} for layer in layers],
    }
    if variant:
        document["variant"] = variant
    return json.dumps(document, separators=(",", ":")).encode()


def manifest(config: bytes, layers: Iterable[Layer]) -> bytes:
    """Return the image's manifest, in docker's form: that is what Azure ML's builds push."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {
            "mediaType": CONFIG_TYPE,
            "size": len(config),
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
        },
        "layers": [{"mediaType": LAYER_TYPE, "size": layer.size, "digest": layer.digest} for layer in layers],
    }
    return json.dumps(document, indent=3).encode()


class _Hashed:
    """A stream that counts and hashes what is written through it."""

    def __init__(self, to: IO[bytes] | gzip.GzipFile, check: Callable[[], None]) -> None:
        self._to, self._check, self._hasher, self.size = to, check, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._check()
        self._hasher.update(data)
        self.size += len(data)
        return self._to.write(data)

    def flush(self) -> None:
        self._to.flush()

    def tell(self) -> int:
        return self.size

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()


def _add(archive: tarfile.TarFile, path: PurePosixPath, source: bytes | Path) -> None:
    if isinstance(source, bytes):
        archive.addfile(_entry(path, tarfile.REGTYPE, 0o644, len(source)), BytesIO(source))
        return
    with source.open("rb") as file:
        # Only whether it can be run: the rest of the mode depends on who builds.
        facts = source.stat()
        mode = 0o755 if facts.st_mode & stat.S_IXUSR else 0o644
        archive.addfile(_entry(path, tarfile.REGTYPE, mode, facts.st_size), file)


def _entry(path: PurePosixPath, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(path))
    entry.type, entry.mode, entry.size, entry.mtime = kind, mode, size, 0
    entry.uname = entry.gname = "root"
    return entry


def _path(name: str) -> PurePosixPath:
    path = PurePosixPath(name.lstrip("/"))
    if ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError(f"no file of an image can be called {name!r}")
    return path
