"""Reads the part of the Dockerfile language that the sandbox's task runner can act on.

The sandbox has no container engine. It understands Dockerfiles that need none: `FROM` a Python image or an image of its own
registry, `COPY` of folders of the context, one `RUN` that installs `requirements.txt` by pip, and what only describes the
image (`ENV`, `LABEL`, `USER`, `EXPOSE`, `WORKDIR`, `HEALTHCHECK`, `CMD`). Anything else is refused in clear words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

KNOWN = ("FROM", "COPY", "RUN", "ENV", "LABEL", "USER", "EXPOSE", "WORKDIR", "HEALTHCHECK", "CMD")
_WORD = re.compile(r'\s*((?:"(?:\\.|[^"\\])*"|\\.|[^\s"\\])+)')
_ESCAPED = re.compile(r"\\(.)")
_INSTALL = re.compile(r"-m\s+pip\s+install\s[^&|;]*--requirement\s+/azureml-environment/requirements\.txt")


class Unsupported(Exception):  # noqa: N818 -- like BuildFailed
    """A line that the sandbox cannot act on, or that is no Dockerfile."""


@dataclass(frozen=True)
class Step:
    """One instruction: its word in upper case, what follows it, and both on one line for the log."""

    word: str
    rest: str

    @property
    def text(self) -> str:
        """The instruction, shortened."""
        whole = f"{self.word} {self.rest}"
        return whole if len(whole) <= 160 else whole[:157] + "..."


def read(text: str) -> list[Step]:
    """Return the instructions of a Dockerfile.

    Raises:
        Unsupported: an instruction that is not known, or not supported here; no FROM at the start.
    """
    steps = []
    for number, line in _lines(text):
        word, _, rest = line.partition(" ")
        if word.upper() not in KNOWN:
            raise Unsupported(f"dockerfile parse error line {number}: unknown instruction: {word.upper()[:40]}")
        steps.append(Step(word.upper(), rest.strip()))
    if not steps or steps[0].word != "FROM":
        raise Unsupported("no build stage in current context: the first instruction must be FROM")
    if sum(step.word == "FROM" for step in steps) > 1:
        raise Unsupported("the sandbox's task runner builds Dockerfiles of one stage only")
    return steps


def _lines(text: str) -> list[tuple[int, str]]:
    """Join continued lines, without comments and empty ones; with the number of the first of each."""
    joined: list[tuple[int, str]] = []
    waiting, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):  # other line ends may stand in names
        bare = line.strip(" \t\r")
        if not bare or bare.startswith("#"):
            continue
        first = first if waiting else number
        if bare.endswith("\\"):
            waiting += bare[:-1]
            continue
        joined.append((first, waiting + bare))
        waiting = ""
    return [*joined, (first, waiting)] if waiting else joined


def pairs(rest: str) -> dict[str, str]:
    """Return what `ENV` and `LABEL` set: `NAME=value NAME="a value"`.

    Raises:
        Unsupported: another form.
    """
    found = {}
    place = 0
    while place < len(rest):
        match = _WORD.match(rest, place)
        name, equals, value = match[1].partition("=") if match else ("", "", "")
        if not match or not equals or not name:
            raise Unsupported(f"the sandbox's task runner reads NAME=value only, not {rest[place:].strip()[:60]!r}")
        found[name] = unquoted(value)
        place = match.end()
    return found


def unquoted(value: str) -> str:
    """Take quotes and backslashes from a value.

    Raises:
        Unsupported: it asks for a variable's value.
    """
    if re.search(r"(?<!\\)\$", re.sub(r"\\\\", "", value)):
        raise Unsupported(f"the sandbox's task runner does not replace variables: {value[:60]!r}")
    parts = re.split(r'((?<!\\)"(?:\\.|[^"\\])*")', value)
    plain = [part[1:-1] if len(part) > 1 and part.startswith('"') and part.endswith('"') else part for part in parts]
    return "".join(_ESCAPED.sub(r"\1", part) for part in plain)


def command(rest: str) -> list[str]:
    """Return the words of a `CMD` in its JSON form.

    Raises:
        Unsupported: it is in the shell's form.
    """
    try:
        words = json.loads(rest)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Unsupported(f'the sandbox\'s task runner takes ["a", "list"] only, not {rest[:60]!r}')
    return words


def copied(rest: str) -> tuple[str, str]:
    """Return (folder of the context, place in the image) of a `COPY`.

    Raises:
        Unsupported: another form, such as `--from`.
    """
    words = rest.split()
    if len(words) != 2 or any(word.startswith("--") for word in words):
        raise Unsupported(f"the sandbox's task runner copies one folder of the context, without options: {rest[:80]!r}")
    return words[0].strip("/"), words[1]


def is_installation(rest: str) -> bool:
    """Say whether a `RUN` installs the environment; the sandbox does that by its own installer, and runs nothing else."""
    return _INSTALL.search(rest) is not None


def is_preparation(rest: str) -> bool:
    """Say whether a `RUN` makes an environment into which nothing is installed."""
    return "-m venv /opt/environment" in rest and "install" not in rest
