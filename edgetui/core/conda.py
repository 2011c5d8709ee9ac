"""The environment file (`myenv.yml`): read with line numbers, judged before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from edgetui.core.models import Problem

SERVERS = frozenset({"azureml-inference-server-http", "azureml-defaults"})
SUPPORTED_PYTHON = ("3.10", "3.11", "3.12", "3.13", "3.14")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PYTHON = re.compile(r"python\s*[=~<>!]=?\s*(\d+(?:\.\d+)?)")


def check(file: str, text: str) -> list[Problem]:
    """Return what is wrong with the conda environment `text`, by line; `file` is the name to show."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        message = f"this is not YAML: {wrong.problem or wrong.context or 'unreadable'}"
        return [_error(file, mark.line + 1 if mark else 0, "yaml", message, "mind the indentation and the colons")]
    except YAMLError as wrong:
        return [_error(file, 0, "yaml", f"this is not YAML: {str(wrong).splitlines()[0]}", "write a conda environment")]
    if not isinstance(document, dict):
        remedy = "write a conda environment: `dependencies:` with a list below it"
        return [_error(file, 0, "shape", "this is not a conda environment", remedy)]
    return sorted(_document(file, document), key=lambda problem: problem.line)


def _document(file: str, document: Any) -> Iterator[Problem]:
    listed = document.get("dependencies")
    if not isinstance(listed, list):
        remedy = "add `dependencies:` with a list below it"
        yield _error(file, _line(document, "dependencies"), "dependencies", "there is no list of dependencies", remedy)
        return
    if "prefix" in document:
        message = "`prefix:` names a folder of one machine and is ignored by the build"
        yield _warning(file, _line(document, "prefix"), "prefix", message, "delete the line")
    conda = [(entry, _item_line(listed, place)) for place, entry in enumerate(listed) if isinstance(entry, str)]
    sections = [(entry, place) for place, entry in enumerate(listed) if isinstance(entry, dict)]
    pip: list[tuple[str, int]] = []
    for section, place in sections:
        packages = section.get("pip")
        if not isinstance(packages, list):
            message = f"{next(iter(section), 'this entry')!r} is not a package"
            remedy = "only `- pip:` may have a list of its own"
            yield _error(file, _item_line(listed, place), "section", message, remedy)
            continue
        pip += [(str(entry), _item_line(packages, number)) for number, entry in enumerate(packages)]
    for place, entry in enumerate(listed):
        if not isinstance(entry, (str, dict)):
            message = f"{entry!r} is not a package"
            yield _error(file, _item_line(listed, place), "entry", message, "write name=version")
    yield from _packages(file, conda, pip)


def _packages(file: str, conda: list[tuple[str, int]], pip: list[tuple[str, int]]) -> Iterator[Problem]:
    names = {_name(entry) for entry, _ in (*conda, *pip)}
    if pip and "pip" not in {_name(entry) for entry, _ in conda}:
        message = "`pip:` is used, but `pip` is not among the dependencies"
        yield _warning(file, pip[0][1], "no-pip", message, "add `- pip` above it")
    if not names & SERVERS:
        message = "the inference server is missing: the image would have nothing that answers"
        remedy = "add `- azureml-inference-server-http` below `- pip:`"
        yield _error(file, 0, "no-server", message, remedy)
    yield from _python(file, conda)
    yield from _pins(file, conda, pip)


def _python(file: str, conda: list[tuple[str, int]]) -> Iterator[Problem]:
    for entry, line in conda:
        if _name(entry) != "python":
            continue
        found = _PYTHON.match(entry)
        if found and found.group(1) not in {*SUPPORTED_PYTHON, "3"}:
            message = f"Python {found.group(1)} is out of support, or not known here"
            yield _warning(file, line, "python-version", message, f"use one of {', '.join(SUPPORTED_PYTHON)}")
        return
    message = "no Python version is named; the build takes whatever is the newest"
    yield _warning(file, 0, "no-python", message, "add `- python=3.11`")


def _pins(file: str, conda: list[tuple[str, int]], pip: list[tuple[str, int]]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for entry, line in (*conda, *pip):
        name = _name(entry)
        if not name:
            continue
        if name in seen:
            message = f"{name} is listed twice, first in line {seen[name]}"
            yield _error(file, line, "twice", message, "keep one of the two lines")
        seen.setdefault(name, line)
    for entry, line in pip:
        if entry.strip().startswith(("-", "git+", "http://", "https://", "file:", ".", "/")):
            continue
        requirement = entry.partition(";")[0].partition("#")[0]
        if _name(entry) and not re.search(r"==|~=|===|<|@", requirement):
            message = f"{_name(entry)} has no version: the next build may get another one"
            yield _warning(file, line, "unpinned", message, f"write {_name(entry)}==VERSION")


def _name(entry: str) -> str:
    text = entry.strip()
    if text.startswith(("-", "git+", "http://", "https://", "file:", ".", "/")):
        return ""
    found = _NAME.match(text.rpartition("::")[2])
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else ""


def _line(document: Any, key: str) -> int:
    try:
        return int(document.lc.key(key)[0]) + 1
    except (KeyError, AttributeError, TypeError):
        return 0


def _item_line(items: Any, place: int) -> int:
    try:
        return int(items.lc.item(place)[0]) + 1
    except (KeyError, AttributeError, TypeError, IndexError):
        return 0


def _problem(
    file: str, line: int, severity: Literal["error", "warning"], rule: str, message: str, remedy: str
) -> Problem:
    return Problem(file, line, severity, message, remedy, rule)


def _error(file: str, line: int, rule: str, message: str, remedy: str) -> Problem:
    return _problem(file, line, "error", rule, message, remedy)


def _warning(file: str, line: int, rule: str, message: str, remedy: str) -> Problem:
    return _problem(file, line, "warning", rule, message, remedy)
