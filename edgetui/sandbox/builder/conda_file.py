"""What a conda file asks for, as far as the sandbox can give it: a Python version and packages for pip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_CONDA_SPEC = re.compile(r"(?:[^:]+::)?\s*(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)")
_EXACT = re.compile(r"={0,2}\s*(\d+(?:\.\d+){0,2})(?:\.\*|\*)?(?:=\S+)?")
_RANGE = re.compile(r"\s*(?:[<>!~]=?|==)\s*\d+(?:\.\d+)*(?:\.\*)?\s*(?:,|$)")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_FILE_OPTIONS = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable")
SERVERS = frozenset({"azureml-inference-server-http", "azureml-defaults"})


@dataclass(frozen=True)
class Requirements:
    """A conda file's requirements: `python` like `3.11` or `>=3.9,<3.12` or empty, `pip` sorted, `conda` what is left."""

    python: str
    pip: tuple[str, ...]
    conda: tuple[str, ...]

    @property
    def has_inference_server(self) -> bool:
        """Say whether a server that answers scoring requests will be there."""
        return not SERVERS.isdisjoint(_package(line) for line in self.pip)


def read(conda: dict[str, Any]) -> Requirements:
    """Return the requirements of a conda file, given as data.

    Raises:
        ValueError: a part has the wrong form; the text names it.
    """
    entries = conda.get("dependencies")
    if entries is None:
        entries = []
    if not isinstance(entries, list):
        raise ValueError("the environment's 'dependencies' must be a list")  # noqa: TRY004 -- one kind for every wrong form
    python, pip, others = "", [], []
    for entry in entries:
        if isinstance(entry, dict):
            pip += _pip(entry)
            continue
        match = _CONDA_SPEC.fullmatch(entry.strip()) if isinstance(entry, str) else None
        if match is None:
            raise ValueError(f"the environment's dependency {entry!r} is neither a conda package nor a 'pip' list")
        if match["name"].lower() == "python":
            python = _python(match["version"])
        elif match["name"].lower() != "pip":
            others.append(entry.strip())
    return Requirements(python, tuple(_ordered(pip)), tuple(others))


def _pip(entry: dict[Any, Any]) -> list[str]:
    lines = entry.get("pip")
    if set(entry) != {"pip"} or not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError("the environment's 'pip' part must be a list of texts, like '- pip: [numpy==2.2.6]'")
    kept = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    for line in kept:
        if "\n" in line or "\r" in line:
            raise ValueError(f"the environment's pip line {line!r} must be one line")
        if re.split(r"[\s=]", line, maxsplit=1)[0] in _FILE_OPTIONS or re.match(r"-[rce]\S", line):
            raise ValueError(
                f"the environment's pip line {line!r} names a file that the image build has not; list its packages"
            )
    return kept


def _ordered(lines: list[str]) -> list[str]:
    """Return options in their order, then packages sorted: their order means nothing, so it makes no other environment."""
    options = [line for line in lines if line.startswith("-")]
    return [*options, *sorted({line for line in lines if not line.startswith("-")}, key=str.lower)]


def _python(version: str) -> str:
    version = version.strip()
    exact = _EXACT.fullmatch(version)
    if exact:
        return exact[1]
    if version and not all(_RANGE.fullmatch(part) for part in version.split(",")):
        raise ValueError(f"the environment's python version {version!r} is not understood; write python=3.11")
    return version.replace(" ", "")


def _package(line: str) -> str:
    match = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""
