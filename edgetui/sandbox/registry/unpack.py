"""Unpacks an image's layer over those below it; nothing is ever written or removed outside the folder."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

_REMOVED = ".wh."  # https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts
_EMPTIED = ".wh..wh..opq"


class UnsafeLayerError(Exception):
    """A layer that names a path outside the image."""


def unpack(layer: Path, root: Path) -> None:
    """Unpack a (compressed) tar file over `root`.

    Devices, pipes, and links that lead out of `root` are left out: a module made of files does not need them, and the
    links of a whole operating system are meant for a root that this is not.

    Raises:
        UnsafeLayerError: a path with `..` in it.
        tarfile.TarError: not a tar file.
    """
    with tarfile.open(layer) as archive:
        for member in archive:
            path = _path(member.name)
            if path == PurePosixPath("."):
                continue
            if path.name.startswith(_REMOVED):
                _white_out(root, path)
                continue
            try:
                safe = tarfile.data_filter(member, str(root))
            except tarfile.FilterError:
                continue
            _make_way(root, path, directory=member.isdir())
            archive.extract(safe, root, filter="fully_trusted")  # by data_filter, above


def _path(name: str) -> PurePosixPath:
    path = PurePosixPath(name.lstrip("/") or ".")
    if ".." in path.parts or "\0" in name or "\\" in name:
        raise UnsafeLayerError(f"invalid path {name!r} in layer")
    return path


def _inside(root: Path, path: PurePosixPath) -> Path | None:
    """Return where the path lies, None when a link on the way leads out of the folder."""
    parent = (root / path).parent
    return root / path if parent.resolve().is_relative_to(root.resolve()) else None


def _white_out(root: Path, path: PurePosixPath) -> None:
    if path.name == _EMPTIED:
        target = _inside(root, path)
        victims = list(target.parent.iterdir()) if target and target.parent.is_dir() else []
    else:
        target = _inside(root, path.with_name(path.name.removeprefix(_REMOVED)))
        victims = [target] if target else []
    for victim in victims:
        _remove(victim)


def _make_way(root: Path, path: PurePosixPath, *, directory: bool) -> None:
    """Remove what a lower layer has at this path, so that no link there is written through."""
    target = _inside(root, path)
    if target is None or (directory and target.is_dir() and not target.is_symlink()):
        return
    _remove(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
