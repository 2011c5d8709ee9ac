"""The files of step 3 as a person edits them: read, save without losing anybody's work, start from the example's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import examples, resources

Name = Literal["script", "environment", "sample"]
NAMES: tuple[Name, ...] = ("script", "environment", "sample")
EXAMPLES: dict[Name, str] = {"script": "score.py", "environment": "myenv.yml", "sample": "sample.json"}


@dataclass(frozen=True)
class Opened:
    """A file as it is now.

    `path` is absolute, or "" where the plan names none; `missing` where it is not there; `error` where it cannot be read.
    """

    name: Name
    path: str
    text: str = ""
    missing: bool = False
    error: EdgeError | None = None


@dataclass(frozen=True)
class Saved:
    """`text` is in the file; `kept` is where the text lies that another program had put into the file meanwhile, or ""."""

    name: Name
    path: str
    text: str
    kept: str = ""


def path_of(plan: Plan, name: Name) -> str:
    """Where one of the three files is, as an absolute path; "" where the plan names none."""
    named = getattr(plan.scoring, name)
    return resources.path(plan, named) if named else ""


def read(plan: Plan, ports: Ports, name: Name) -> Opened:
    """Open one of the plan's three files; never raises."""
    path = path_of(plan, name)
    if not path:
        return Opened(name, "")
    if not ports.files.exists(path):
        return Opened(name, path, missing=True)
    try:
        return Opened(name, path, ports.files.read_text(path, f"scoring.{name}"))
    except EdgeError as error:
        return Opened(name, path, error=error)


def save(ports: Ports, name: Name, path: str, text: str, *before: str) -> Saved:
    """Put `text` into the file at `path`, atomically.

    Args:
        ports: the outside.
        name: which of the three files.
        path: where it is.
        text: what to write.
        *before: what the file may hold by now: its text when it was opened ("" where there was none). Where it holds
            something else, that is kept beside it first.

    Raises:
        EdgeError: the file cannot be written; it is as it was.
    """
    field, kept = f"scoring.{name}", ""
    if ports.files.exists(path):
        now = ports.files.read_text(path, field)
        if now == text:
            return Saved(name, path, text)
        if now not in before:
            kept = _free(ports, f"{path}.other")
            ports.files.write_text(kept, now, field)
    ports.files.write_text(path, text, field)
    return Saved(name, path, text, kept)


def _free(ports: Ports, path: str) -> str:
    number, free = 1, path
    while ports.files.exists(free):
        number += 1
        free = f"{path}{number}"
    return free


def start_from_example(plan: Plan, ports: Ports) -> list[Name]:
    """Copy the example's file for each of the three that the plan names and that is not there; returns which were made.

    Raises:
        EdgeError: one cannot be written; those made before stay.
    """
    made: list[Name] = []
    for name in NAMES:
        path = path_of(plan, name)
        if path and not ports.files.exists(path):
            source = examples.folder() / examples.EXAMPLE / EXAMPLES[name]
            text = ports.files.read_text(str(source), f"scoring.{name}")
            ports.files.write_text(path, text, f"scoring.{name}")
            made.append(name)
    return made
