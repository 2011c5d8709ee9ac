"""One line of the pip part: a requirement, an option of pip, a URL or a path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from edgetui.core.conda.document import Entry, is_local
from edgetui.core.conda.rules import DISPLAY, problem
from edgetui.core.models import Problem

_INDEX = ("--index-url", "--extra-index-url", "-i ", "--find-links", "-f ", "--trusted-host")
_REMOTE = re.compile(r"^(?:(?:-e|--editable)[\s=]+)?(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?(?:(?:git|hg|svn)\+|https?://)")
_OPTIONS = re.compile(r"\s+--(?:hash|config-settings|global-option)\b.*")  # pip takes these behind a requirement
_COMMIT = re.compile(r"@[0-9a-fA-F]{7,40}(?:#|$)|@v?\d[\w.]*(?:#|$)")
_CREDENTIAL = re.compile(r"://(?!git@)[^/\s@]+@|/t/[A-Za-z0-9-]{6,}/")


def check(file: str, entry: Entry, *, has_git: bool = True) -> Iterator[Problem]:
    """Say what is wrong with one entry of the pip part; `has_git` tells whether the image in which it is installed has git."""
    text = entry.text.partition(" #")[0].strip()
    line = entry.line
    if _CREDENTIAL.search(text) and "${" not in text:
        yield problem(file, line, "secret", "a password or token stands in an address")
    if text.startswith(_INDEX):
        if not text.startswith("--trusted-host"):
            yield problem(file, line, "private-index", "the build must reach this index")
    elif text.startswith(("-r", "--requirement", "-c ", "--constraint")):
        yield problem(file, line, "requirements-file", "another file is named, which the build does not get")
    elif is_local(text):
        message, remedy = "a file of this machine is named, which the build does not get", ""
        if entry.name and "@ file:" in text:
            remedy = f"write {entry.name}==VERSION (`pip freeze` in a conda environment writes such lines)"
        yield problem(file, line, "local-file", message, remedy)
    elif _REMOTE.search(text):
        if "git+" in text and not _COMMIT.search(text):
            message = "the newest commit is taken: the next build may get another one"
            yield problem(file, line, "unpinned", message, "add `@` and a tag or commit")
        if "git+" in text and not has_git:
            message = "it is fetched by git, which Python's own slim image has not"
            yield problem(file, line, "needs-git", message)
    elif not text.startswith("-"):
        yield from _requirement(file, entry, _OPTIONS.sub("", text))


def hashes(file: str, entries: list[Entry]) -> Iterator[Problem]:
    """Say which requirement has no hash where another one has."""
    listed = [entry for entry in entries if not entry.text.strip().startswith("-")]
    without = [entry for entry in listed if "--hash" not in entry.text]
    if without and len(without) < len(listed):
        message = f"{without[0].name or without[0].text} has no --hash, and another requirement has: pip refuses that"
        yield problem(file, without[0].line, "hashes", message)


def _requirement(file: str, entry: Entry, text: str) -> Iterator[Problem]:
    try:
        wanted = Requirement(text)
    except InvalidRequirement as wrong:
        single = re.fullmatch(r"([\w.-]+(?:\[[\w,.-]+\])?)\s*=\s*([\w.*+!]+)(?:=\S+)?", text)
        spaced = re.fullmatch(r"([\w.-]+)\s+v?(\d[\w.]*)", text)
        mended = single or spaced
        remedy = f"write {mended[1]}=={mended[2]}" if mended else ""
        what = "pip wants `==`" if single else str(wrong).splitlines()[0]
        yield problem(file, entry.line, "malformed", f"pip cannot read {text!r}: {what}", remedy)
        return
    if why := contradiction(str(wanted.specifier)):
        yield problem(file, entry.line, "contradiction", f"no version of {entry.name} is {why}")
    elif not wanted.url and not pinned(wanted.specifier):
        message = f"{entry.name} has no version: the next build may get another one"
        yield problem(file, entry.line, "unpinned", message, f"write {entry.name}==VERSION")
    if entry.name in DISPLAY:
        message = f"{entry.name} needs libraries of a screen (libGL), which the image has not"
        yield problem(file, entry.line, "needs-display", message, f"write {DISPLAY[entry.name]}")


def pinned(specifier: SpecifierSet) -> bool:
    """Whether newer releases are kept out: by `==`, `===`, `~=`, or an upper bound."""
    return any(one.operator in {"==", "===", "~=", "<", "<="} for one in specifier)


def contradiction(text: str) -> str:
    """Words for version bounds that no version meets (`>=2 and <1`), or ""."""
    try:
        bounds = list(SpecifierSet(text))
    except InvalidSpecifier:
        return ""
    exact = [one for one in bounds if one.operator == "==" and not one.version.endswith(".*")]
    if exact:
        others = [one for one in bounds if one is not exact[0]]
        clash = next((one for one in others if not one.contains(exact[0].version, prereleases=True)), None)
        return f"{exact[0]} and {clash}" if clash else ""
    lower = [one for one in bounds if one.operator in {">", ">=", "~="}]
    upper = [one for one in bounds if one.operator in {"<", "<="}]
    for low in lower:
        for high in upper:
            if _apart(low, high):
                return f"{low} and {high}"
    return ""


def _apart(low: Specifier, high: Specifier) -> bool:
    try:
        bottom, top = Version(low.version), Version(high.version)
    except InvalidVersion:
        return False
    return bottom > top or (bottom == top and (low.operator == ">" or high.operator == "<"))
