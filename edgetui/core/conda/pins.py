"""Writing into an environment file what was resolved, and nothing else: comments, quotes, order and line ends stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile

from packaging.requirements import InvalidRequirement, Requirement

from edgetui.core.conda.document import Document, Entry, normal, read

_ITEM = re.compile(r"^(?P<start>\s*-\s+)(?P<quote>[\"']?)(?P<text>.*?)(?P=quote)(?P<end>\s*(?:\s#.*)?)$")
_CONDA = re.compile(r"(?P<name>(?:[\w./-]+::)?[\w.-]+?)(?:\s*(?:[<>!~]=?|={1,2})\s*[^=\s\[]+|\s+[\d.*]+)?")
# What stands behind the bounds (a marker, a comment) is never taken apart: it stays as it was written.
_PIP = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*\w)?(?:\s*\[[^\]]*\])?)(?P<bounds>[^;#@]*?)(?P<rest>\s*;.*|\s+#.*|\s*)"
)


def with_pins(text: str, versions: Mapping[str, str], conda: Mapping[str, str] | None = None) -> str:
    """Return the environment with `name==version` for each pip requirement that `versions` knows.

    Extras and markers stay; a requirement that is exactly that already, a URL, a path or an option is left alone. Of conda's
    packages, those that `conda` knows become `name=version`; one with a build or in brackets is left alone, and Python too.
    Whatever would not be read again as it was meant is left alone as well.
    """
    document = read("", text)
    packages = [entry for entry in document.conda if entry.name not in {"python", "pip"}]
    lines = text.splitlines(keepends=True)
    new: dict[Entry, str] = {}
    for entries, known, write in ((document.pip, versions, pinned), (packages, conda or {}, conda_pinned)):
        wanted = {normal(name): version for name, version in known.items()}
        for entry in entries:
            if entry.name not in wanted or not 0 < entry.line <= len(lines):
                continue
            meant = write(entry.text, wanted[entry.name])
            line = rewritten(lines[entry.line - 1], entry.text, meant) if meant != entry.text else None
            if line is not None:
                lines[entry.line - 1], new[entry] = line, meant
    changed = "".join(lines)
    return changed if new and _listed(read("", changed)) == _listed(document, new) else text


def conda_pinned(package: str, version: str) -> str:
    """`channel::name=version` of a conda package; itself where it names a build or more than a version."""
    found = _CONDA.fullmatch(package.strip())
    exact = found is not None and re.fullmatch(rf"\s*==\s*{re.escape(version)}", package.strip()[found.end("name") :])
    return f"{found['name']}={version}" if found and not exact else package


def pinned(requirement: str, version: str) -> str:
    """`name[extra]==version; marker` of a requirement; itself where it is that already, or cannot have another version."""
    return bounded(requirement, f"=={version}")


def bounded(requirement: str, bounds: str) -> str:
    """A requirement with other bounds, the rest as it is written; itself where it is a URL, has hashes or cannot be read."""
    found = _PIP.fullmatch(requirement.strip())
    if found is None:
        return requirement
    try:
        same = str(Requirement(re.sub(r"\s#.*", "", requirement)).specifier) == bounds
    except InvalidRequirement:
        return requirement
    return requirement if same else f"{found['name']}{bounds}{found['rest']}"


def rewritten(line: str, before: str, after: str) -> str | None:
    """The line of a YAML list whose item reads `before`, changed so that it reads `after`; None where that cannot be done.

    Only what differs is touched, so quotes and escapes in the rest stay as they are.
    """
    body = line.rstrip("\r\n")
    found = _ITEM.match(body)
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(reversed(before), reversed(after), strict=False))
    same = sum(1 for _ in alike)
    old, new = before[: len(before) - same], after[: len(after) - same]
    if found is None or not found["text"].startswith(old):
        return None  # a form of YAML that is not one item on one line
    text = f"{found['quote']}{new}{found['text'][len(old) :]}{found['quote']}"
    changed = f"{found['start']}{text}{found['end']}{line[len(body) :]}"
    return changed if read("", f"dependencies:\n{changed}").conda == [Entry(after, 2)] else None


def _listed(document: Document, new: Mapping[Entry, str] | None = None) -> list[tuple[str, int]]:
    """What a document lists, and where; with `new` texts in place of what entries say."""
    entries = (*document.conda, *document.pip, *document.channels)
    return [((new or {}).get(entry, entry.text), entry.line) for entry in entries]
