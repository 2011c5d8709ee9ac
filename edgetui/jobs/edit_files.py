"""The files of step 3 as a person edits them: read, save without losing anybody's work, start from the example's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import examples, resources, templates

Name = Literal["script", "environment", "sample"]
NAMES: tuple[Name, ...] = ("script", "environment", "sample")
EXAMPLE = "example"  # beside the ids of templates
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


@dataclass(frozen=True)
class Conflict:
    """`text` was not saved: another program had put `theirs` into the file meanwhile."""

    name: Name
    path: str
    text: str
    theirs: str


@dataclass(frozen=True)
class Begun:
    """A template's texts; `made` are the files that were not there and hold theirs now."""

    texts: dict[Name, str]
    made: tuple[Name, ...]


def path_of(plan: Plan, name: Name) -> str:
    """Where one of the three files is, as an absolute path; "" where the plan names none."""
    named = getattr(plan.scoring, name)
    return resources.path(plan, named) if named else ""


def read(plan: Plan, ports: Ports, name: Name) -> Opened:
    """Open one of the plan's three files; never raises."""
    path = path_of(plan, name)
    return _open(ports, name, path) if path else Opened(name, "")


def _open(ports: Ports, name: Name, path: str) -> Opened:
    if not ports.files.exists(path):
        return Opened(name, path, missing=True)
    try:
        return Opened(name, path, ports.files.read_text(path, f"scoring.{name}"))
    except EdgeError as error:
        return Opened(name, path, error=error)


def changed(ports: Ports, opened: Iterable[Opened]) -> list[tuple[Opened, Opened]]:
    """Which files hold something else than when they were opened or saved, each with what it is now; never raises."""
    found = []
    for then in opened:
        if then.path and then.error is None:
            now = _open(ports, then.name, then.path)
            if now.error is None and (now.text, now.missing) != (then.text, then.missing):
                found.append((then, now))
    return found


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


def save_or_ask(ports: Ports, name: Name, path: str, text: str, *before: str) -> Saved | Conflict:
    """The same as `save`, but where the file holds something else nothing is written."""
    if ports.files.exists(path):
        now = ports.files.read_text(path, f"scoring.{name}")
        if now not in {text, *before}:
            return Conflict(name, path, text, now)
    return save(ports, name, path, text, *before)


def free_name(plan: Plan, ports: Ports, path: str, taken: Iterable[str]) -> str:
    """A path like this one, as the plan writes it, that no file and nothing of `taken` has: `sample-2.json`, `sample-3.json`."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    stem = re.sub(r"-\d+$", "", stem)
    number, free, others = 2, path, set(taken)
    while free in others or ports.files.exists(resources.path(plan, free)):
        free = f"{folder}{slash}{stem}-{number}{dot}{ending}"
        number += 1
    return free


def _free(ports: Ports, path: str) -> str:
    number, free = 1, path
    while ports.files.exists(free):
        number += 1
        free = f"{path}{number}"
    return free


def start_from(plan: Plan, ports: Ports, template: str) -> Begun:
    """Write a template's files where the plan names one that is not there; what is there is left as it is.

    Args:
        plan: names the three files.
        ports: the outside.
        template: the id of a template, or `EXAMPLE` for the example's own files.

    Raises:
        EdgeError: a file cannot be read or written; those made before stay.
    """
    texts = _example(ports) if template == EXAMPLE else templates.texts(plan, ports, template)
    made: list[Name] = []
    for name in NAMES:
        path = path_of(plan, name)
        if path and not ports.files.exists(path):
            ports.files.write_text(path, texts[name], f"scoring.{name}")
            made.append(name)
    return Begun({name: texts[name] for name in NAMES}, tuple(made))


def _example(ports: Ports) -> dict[str, str]:
    home = examples.folder() / examples.EXAMPLE
    return {name: ports.files.read_text(str(home / EXAMPLES[name]), f"scoring.{name}") for name in NAMES}
