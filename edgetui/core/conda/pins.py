"""Writing into an environment file what was resolved, and nothing else: comments, order and line ends stay."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement

from edgetui.core.conda.document import normal, pip_requirements

_ITEM = re.compile(r"^(?P<start>\s*-\s+)(?P<quote>[\"']?)(?P<text>.*?)(?P=quote)(?P<end>\s*(?:\s#.*)?)$")


def with_pins(text: str, versions: Mapping[str, str]) -> str:
    """Return the environment with `name==version` for each pip requirement that `versions` knows.

    Extras and markers stay; a requirement that is exactly that already, a URL, a path or an option is left alone.
    """
    wanted = {normal(name): version for name, version in versions.items()}
    lines = text.splitlines(keepends=True)
    for entry in pip_requirements(text):
        version = wanted.get(entry.name) if entry.name else None
        if version is not None and 0 < entry.line <= len(lines):
            lines[entry.line - 1] = _pinned(lines[entry.line - 1], entry.text, version)
    return "".join(lines)


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


def _pinned(line: str, requirement: str, version: str) -> str:
    body = line.rstrip("\r\n")
    found = _ITEM.match(body)
    if found is None or found["text"].strip() != requirement.strip():
        return line  # a form of YAML that is not one item on one line
    return f"{found['start']}{found['quote']}{pinned(requirement, version)}{found['quote']}{found['end']}{line[len(body) :]}"
