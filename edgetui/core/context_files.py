"""Which files of a folder go into an image beside the scoring script: what its .dockerignore lets in, without what never belongs there.

Both the build and the fingerprint of what goes in ask this one rule. Names are relative to the folder, with forward slashes.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgetui.core.errors import bad_input

FIELD = "image.context"
IGNORE = ".dockerignore"
_ALWAYS_OUT = (
    *(".git", ".hg", ".svn", ".bzr"),
    *("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".env", ".env.*"),
    *("*~", ".*.sw?", "#*#", ".#*", ".idea", ".vscode", ".DS_Store", "Thumbs.db", "desktop.ini", ".edgetui-*.tmp"),
)
_NAMES = re.compile("|".join(f"(?:{fnmatch.translate(one)})" for one in _ALWAYS_OUT))
_AT_THE_TOP = {IGNORE, "Dockerfile"}


def entry(script: str, folder: str) -> str:
    """Where the script goes below the app's folder: at its place in the context `folder`, or by its bare name. Absolute paths."""
    if folder:
        below, top = Path(os.path.normpath(script)), os.path.normpath(folder)
        if below.is_relative_to(top):
            return below.relative_to(top).as_posix()
    return Path(script).name


@dataclass(frozen=True)
class _Line:
    """One line of a .dockerignore, as Docker reads it."""

    parts: tuple[str, ...]
    negated: bool
    itself: re.Pattern[str]
    parent: re.Pattern[str]  # or what lies below it

    def reaches(self, folder: str) -> bool:
        """Whether it may speak of something below a folder."""
        for mine, theirs in zip(self.parts, folder.split("/"), strict=False):
            if "**" in mine:
                return True
            if not re.fullmatch(_expression(mine), theirs):
                return False
        return len(self.parts) > folder.count("/") + 1

    def means(self, name: str) -> bool:
        """Whether it is about this very name, not about whatever there is."""
        return self.parts[-1].strip("*?") != "" and self.itself.fullmatch(name) is not None


class Rule:
    """The rule for one folder."""

    def __init__(self, ignore: str = "", without: Iterable[str] = ()) -> None:
        """Read it.

        Args:
            ignore: the text of the folder's .dockerignore.
            without: names of files or folders that go elsewhere, or nowhere: the model, the plan.

        Raises:
            EdgeError: (input, field `image.context`) a line of it cannot be read.
        """
        self._without = frozenset(without)
        lines = (_line(number, text) for number, text in enumerate(ignore.removeprefix("\ufeff").splitlines(), 1))
        self._lines = [line for line in lines if line]

    def takes(self, name: str) -> bool:
        """Whether a file goes in; it is only asked of files in folders that are entered."""
        return not (self._ignored(name) or self._never(name))

    def enters(self, name: str, *, virtual_environment: bool = False) -> bool:
        """Whether something below a folder may go in; asked from the top down."""
        if self._never(name, virtual_environment=virtual_environment):
            return False
        return not self._ignored(name) or any(line.negated and line.reaches(name) for line in self._lines)

    def _ignored(self, name: str) -> bool:
        out = False
        for line in self._lines:  # the last one that speaks of it counts
            if line.negated == out and line.parent.fullmatch(name):
                out = not out
        return out

    def _never(self, name: str, *, virtual_environment: bool = False) -> bool:
        """Whether it is left out by default, and no line `!name` asks for it."""
        default = (
            virtual_environment
            or name in self._without
            or name in _AT_THE_TOP
            or _NAMES.match(posixpath.basename(name)) is not None
        )
        return default and not any(line.negated and line.means(name) for line in self._lines)


def _line(number: int, text: str) -> _Line | None:
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    cleaned = posixpath.normpath(text[negated:].strip() or ".").lstrip("/")
    if cleaned in {"", "."}:
        return None
    try:
        expression = _expression(cleaned)
        return _Line(tuple(cleaned.split("/")), negated, re.compile(expression), re.compile(f"{expression}(?:/.*)?"))
    except re.error as wrong:
        title = f"{IGNORE}:{number}: {text!r} is no pattern: {wrong.msg}"
        raise bad_input(
            FIELD, title, "Correct the line; `*`, `**`, `?`, `[a-z]` and a `!` before it are known"
        ) from None


def _expression(pattern: str) -> str:
    """A regular expression for a pattern of Docker's."""
    found, place = "", 0
    while place < len(pattern):
        one = pattern[place]
        if pattern.startswith("**", place):
            place += 2 + pattern.startswith("/", place + 2)
            found += "(?:.*/)?" if place < len(pattern) else ".*"
            continue
        if one == "[":
            end = pattern.find("]", place + 1)
            if end < 0:
                raise re.error("a bracket is not closed")
            inner = pattern[place + 1 : end]
            found += "[" + re.sub(r"([\[&~|])", r"\\\1", inner) + "]"
            place = end + 1
            continue
        if one == "\\" and place + 1 < len(pattern):
            place += 1
            found += re.escape(pattern[place])
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(one) or re.escape(one)
        place += 1
    return found
