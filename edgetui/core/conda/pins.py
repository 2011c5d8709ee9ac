"""Writing into an environment file what was resolved, and nothing else: comments, order and line ends stay."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement

from edgetui.core.conda.document import conda_packages, normal, pip_requirements

_ITEM = re.compile(r"^(?P<start>\s*-\s+)(?P<quote>[\"']?)(?P<text>.*?)(?P=quote)(?P<end>\s*(?:\s#.*)?)$")
_CONDA = re.compile(r"(?P<name>(?:[\w./-]+::)?[\w.-]+?)(?:\s*(?:[<>!~]=?|={1,2})\s*[^=\s\[]+|\s+[\d.*]+)?")


def with_pins(text: str, versions: Mapping[str, str], conda: Mapping[str, str] | None = None) -> str:
    """Return the environment with `name==version` for each pip requirement that `versions` knows.

    Extras and markers stay; a requirement that is exactly that already, a URL, a path or an option is left alone. Of conda's
    packages, those that `conda` knows become `name=version`; one with a build or in brackets is left alone, and Python too.
    """
    lines = text.splitlines(keepends=True)
    parts = ((pip_requirements(text), versions, pinned), (conda_packages(text), conda or {}, conda_pinned))
    for entries, known, write in parts:
        wanted = {normal(name): version for name, version in known.items()}
        for entry in entries:
            version = wanted.get(entry.name) if entry.name else None
            if version is not None and 0 < entry.line <= len(lines):
                lines[entry.line - 1] = _written(lines[entry.line - 1], entry.text, write(entry.text, version))
    return "".join(lines)


def conda_pinned(package: str, version: str) -> str:
    """`channel::name=version` of a conda package; itself where it names a build or more than a version."""
    found = _CONDA.fullmatch(package.strip())
    exact = found is not None and re.fullmatch(rf"\s*==\s*{re.escape(version)}", package.strip()[found.end("name") :])
    return f"{found['name']}={version}" if found and not exact else package


def pinned(requirement: str, version: str) -> str:
    """`name[extra]==version; marker` of a requirement; itself where it is a URL or cannot be read."""
    try:
        one = Requirement(requirement)
    except InvalidRequirement:
        return requirement
    if one.url:
        return requirement
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    marker = f"; {one.marker}" if one.marker else ""
    return f"{one.name}{extras}=={version}{marker}"


def _written(line: str, before: str, after: str) -> str:
    body = line.rstrip("\r\n")
    found = _ITEM.match(body)
    if found is None or found["text"].strip() != before.strip():
        return line  # a form of YAML that is not one item on one line
    return f"{found['start']}{found['quote']}{after}{found['quote']}{found['end']}{line[len(body) :]}"
