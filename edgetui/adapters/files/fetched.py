"""Folders of edgetui's own for what was fetched, each there whole or not at all; and the commit that a file belongs to."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from edgetui.core import rules
from edgetui.core.errors import EdgeError

_MOST = 8  # fetched things that are kept; the oldest go


def folder(root: Path, name: str) -> str:
    """Make a new, empty folder below `root`."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return tempfile.mkdtemp(prefix=f".{rules.file_name(name)}-", dir=root)
    except OSError as problem:
        raise _refused(root, problem) from None


def keep(root: Path, made: str, name: str) -> str:
    """Move the folder `made` to where `kept` finds it; returns where that is."""
    place = root / rules.file_name(name)
    try:
        shutil.rmtree(place, ignore_errors=True)
        Path(made).rename(place)
        old = sorted(root.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)[_MOST:]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
    except OSError as problem:
        raise _refused(place, problem) from None
    return str(place)


def kept(root: Path, name: str) -> str:
    """Where the thing of that name is, "" where there is none."""
    place = root / rules.file_name(name)
    return str(place) if place.is_dir() else ""


def commit(path: Path) -> str:
    """The commit that is checked out where `path` lies, "" where that is no git repository or cannot be read."""
    for parent in path.absolute().parents:
        git = parent / ".git"
        try:
            if git.is_file():  # a worktree or submodule: `gitdir: <where>`
                git = (parent / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()).resolve()
            if not (git / "HEAD").is_file():
                continue
            return _checked_out(git)
        except (OSError, UnicodeDecodeError):
            return ""
    return ""


def _checked_out(git: Path) -> str:
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    shared = git / "commondir"
    common = (git / shared.read_text(encoding="utf-8").strip()).resolve() if shared.is_file() else git
    for place in (git / name, common / name):
        if place.is_file():
            return place.read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {name}")), "")


def _refused(place: Path, problem: OSError) -> EdgeError:
    title = f"Could not write {place}: {problem.strerror or problem}"
    return EdgeError(title, remedy="Free some space, or make the folder writable.", retryable=True)
