"""The folder that goes into an image beside the scoring script: its files, as the rule of `core.context_files` says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgetui.core import cancel
from edgetui.core.context_files import FIELD, IGNORE, Rule
from edgetui.core.errors import bad_input, cancelled


def files(folder: str, without: Iterable[str] = ()) -> Iterator[tuple[str, Path]]:
    """The files of a folder that go in, by their names below it, in order.

    Args:
        folder: its absolute path.
        without: absolute paths of what is left out too.

    Raises:
        EdgeError: (input, field `image.context`) there is no such folder, or it cannot be read; or the work was cancelled.
    """
    root = Path(os.path.normpath(folder))
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "is no folder"
        raise bad_input(FIELD, f"{root} {what}", "Choose the folder that goes in beside the script")
    try:
        ignore = root / IGNORE
        text = ignore.read_text(encoding="utf-8") if ignore.is_file() else ""
        yield from _below(root, "", Rule(text, _names(root, without)), root.resolve())
    except UnicodeDecodeError:
        raise bad_input(FIELD, f"{ignore} is not UTF-8", "Save it as UTF-8 in your editor") from None
    except OSError as problem:
        what = f"{problem.filename or root} cannot be read: {problem.strerror or problem}"
        raise bad_input(FIELD, what, f"Change its permissions, or leave it out by {IGNORE}") from None


def _below(folder: Path, prefix: str, rule: Rule, real_root: Path) -> Iterator[tuple[str, Path]]:
    if cancel.current().requested:
        raise cancelled("Looking through the context folder")
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda one: one.name)
    for entry in entries:
        name, path = f"{prefix}{entry.name}", folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if rule.enters(name, virtual_environment=(path / "pyvenv.cfg").is_file()):
                yield from _below(path, f"{name}/", rule, real_root)
        # A link that leads out would carry in what nobody meant.
        elif rule.takes(name) and path.is_file() and path.resolve().is_relative_to(real_root):
            yield name, path


def _names(root: Path, without: Iterable[str]) -> Iterator[str]:
    """What to leave out, by its name below the root; also where a link to it lies in there, or it is a link to there."""
    for one in without:
        path = Path(os.path.normpath(one))
        for known, top in ((path, root), (path.resolve(), root.resolve())):
            if known.is_relative_to(top) and known != top:
                yield known.relative_to(top).as_posix()
