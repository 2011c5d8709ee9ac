"""What is wrong with an environment file: what fails in the build, on the device, or on another day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from edgetui.core import pythons
from edgetui.core.conda import requirements
from edgetui.core.conda.document import Document, Entry, read
from edgetui.core.conda.rules import (
    LICENSED_CHANNELS,
    NOT_LINUX,
    PIP_ONLY,
    SERVERS,
    WRONG_NAMES,
    problem,
)
from edgetui.core.models import Problem

# `name=1.2=py36h1234567_0`: a build of one Python, one platform, one day. `name=1.2=*_cpu` chooses a variant.
_BUILD = re.compile(r"^[^=\s\[]+=[^=\s\[]+=(?P<build>[^=\s*]+)$")
_ANY_PLATFORM = re.compile(r"(?:pyh?(?:[0-9a-f]{7})?|h?d8ed1ab|pyhd8ed1ab)_\d+")  # what conda calls noarch
_CREDENTIAL = re.compile(r"://[^/\s@:]*:?[^/\s@]+@|/t/[A-Za-z0-9-]{6,}/")


def check(file: str, text: str, today: str = pythons.TABLE_DATE, *, has_git: bool = True) -> list[Problem]:
    """Return what is wrong with the conda environment `text`, by line; `file` is the name to show. Never raises.

    Args:
        file: the name to show.
        text: the environment.
        today: the day that Python versions are judged for, ISO 8601.
        has_git: whether the image in which the packages are installed has git.
    """
    document = read(file, text)
    found = list(document.problems)
    if document.readable:
        found += _document(document, today, has_git=has_git)
    return sorted(found, key=lambda one: (one.line, one.rule))


def _document(document: Document, today: str, *, has_git: bool) -> Iterator[Problem]:
    file = document.file
    if document.prefix:
        message = "`prefix:` names a folder of one machine and is ignored by the build"
        yield problem(file, document.prefix, "prefix", message)
    if document.variables:
        message = "`variables:` are not set in the image"
        yield problem(file, document.variables, "variables", message)
    yield from _channels(document)
    names = {entry.name for entry in (*document.conda, *document.pip)}
    if document.pip and "pip" not in {entry.name for entry in document.conda}:
        message = "`pip:` is used, but `pip` is not among the dependencies"
        yield problem(file, document.pip[0].line, "no-pip", message)
    if not names & SERVERS:
        message = "the inference server is missing: the image would have nothing that answers"
        yield problem(file, 0, "no-server", message)
    yield from _python(document, today)
    yield from _twice(document)
    for entry in document.conda:
        yield from _conda_entry(file, entry)
    yield from _builds(document)
    has_git = has_git or "git" in {entry.name for entry in document.conda}
    for entry in document.pip:
        yield from requirements.check(file, entry, has_git=has_git)
    yield from requirements.hashes(file, document.pip)
    for entry in (*document.conda, *document.pip):
        yield from _names(file, entry)


def _channels(document: Document) -> Iterator[Problem]:
    for channel in document.channels:
        if has_credential(channel.text):
            yield problem(document.file, channel.line, "secret", "a password or token stands in a channel's address")
        elif channel.text.strip().lower() in LICENSED_CHANNELS:
            message = f"the channel `{channel.text}` needs a licence in larger organisations"
            yield problem(document.file, channel.line, "licence", message)
        elif "://" in channel.text:
            yield problem(document.file, channel.line, "private-index", "the build must reach this channel")


def has_credential(text: str) -> bool:
    """Whether a URL holds a user's name with a password, or a token. `ssh://git@host` does not."""
    if "${" in text or re.search(r"://git@", text):
        return False
    return _CREDENTIAL.search(text) is not None


def _python(document: Document, today: str) -> Iterator[Problem]:
    entry = next((entry for entry in document.conda if entry.name == "python"), None)
    wanted = pythons.bounds(entry.text) if entry is not None else ""
    if entry is None or wanted == "":
        message = "no Python version is named; the build takes whatever is the newest"
        yield problem(document.file, entry.line if entry else 0, "no-python", message)
        return
    line, use = entry.line, f"use one of {', '.join(pythons.supported(today))}"
    if wanted is None:
        yield problem(document.file, line, "malformed", f"conda cannot read {entry.text!r}", "write python=VERSION")
        return
    version = pythons.chosen(wanted)
    if not version and pythons.allowed(wanted, old=True):
        message = f"the inference server runs on no Python that is {wanted}"
        yield problem(document.file, line, "python-too-old", message, use)
    elif not version:
        yield problem(document.file, line, "contradiction", f"no Python that is known here is {wanted}", use)
    elif tuple(map(int, version.split("."))) < pythons.OLDEST:
        message = f"the inference server does not run on Python {version}"
        yield problem(document.file, line, "python-too-old", message, use)
    elif (end := pythons.END_OF_SUPPORT.get(version)) is None:
        yield problem(document.file, line, "python-version", f"Python {version} is not known here", use)
    elif end <= today:
        message = f"Python {version} has had no security fixes since {end}"
        yield problem(document.file, line, "python-version", message, use)


def _twice(document: Document) -> Iterator[Problem]:
    for place, entries in (("conda", document.conda), ("pip", document.pip)):
        seen: dict[str, Entry] = {}
        for entry in entries:
            name = entry.name
            if not name:
                continue
            # Lines for different platforms or Pythons exclude each other by their markers.
            if name in seen and not (";" in entry.text and ";" in seen[name].text):
                message = f"{name} is listed twice, first in line {seen[name].line}"
                yield problem(document.file, entry.line, "twice", message)
            seen.setdefault(name, entry)
        if place == "conda":
            from_conda = seen
    for entry in document.pip:
        if entry.name in from_conda and entry.name not in {"", "pip"}:
            message = f"{entry.name} comes from conda (line {from_conda[entry.name].line}) and from pip: pip overwrites conda's"
            yield problem(document.file, entry.line, "twice", message)


def _builds(document: Document) -> Iterator[Problem]:
    """An export names a build in every line: that is told once."""
    found = [(entry, build) for entry in document.conda if (build := _platform_build(entry.text.strip()))]
    if found:
        (entry, build), more = found[0], len(found) - 1
        also = f" (and {more} more line{'' if more == 1 else 's'})" if more else ""
        message = f"the build {build!r} is a file of one platform{also}; on another one it is not found"
        yield problem(document.file, entry.line, "build-string", message)


def _platform_build(text: str) -> str:
    """The build that a conda entry names, where it is one of a platform."""
    found = _BUILD.match(text)
    if found is None or _ANY_PLATFORM.fullmatch(found["build"]):
        return ""
    return found["build"] if re.search(r"\d|h[0-9a-f]{7}", found["build"]) else ""


def _conda_entry(file: str, entry: Entry) -> Iterator[Problem]:
    text = entry.text.strip()
    if has_credential(text):
        yield problem(file, entry.line, "secret", "a password or token stands in an address")
        return
    if entry.name in PIP_ONLY:
        yield problem(file, entry.line, "pip-only", f"{entry.name} is no conda package")
        return
    if entry.name != "python" and not re.fullmatch(
        r"(?:\S+::)?[A-Za-z0-9_][\w.-]*(?:\s*[=<>!~].*|\s+[\d*].*|\[.*\])?", text
    ):
        yield problem(file, entry.line, "malformed", f"conda cannot read {text!r}", "write name=version")
        return
    if entry.name not in {"pip", "python"} and re.fullmatch(r"(?:\S+::)?[\w.-]+", text):
        message = f"{entry.name} has no version: the next build may get another one"
        yield problem(file, entry.line, "unpinned", message, f"write {entry.name}=VERSION")
    wanted = text.rpartition("::")[2][len(entry.name) :].strip()
    if (
        entry.name != "python"
        and re.match(r"[<>!]", wanted)
        and (why := requirements.contradiction(wanted.partition(" ")[0]))
    ):
        yield problem(file, entry.line, "contradiction", f"no version of {entry.name} is {why}")


def _names(file: str, entry: Entry) -> Iterator[Problem]:
    marked = ";" in entry.text and re.search(r"platform|os_name", entry.text.partition(";")[2])
    if entry.name in NOT_LINUX and not marked:
        yield problem(file, entry.line, "platform-only", f"{entry.name} does not exist for Linux")
    elif entry.name in WRONG_NAMES and not _existed(entry):
        right = WRONG_NAMES[entry.name]
        message = f"{entry.name} is not the package: it is called {right}"
        yield problem(file, entry.line, "wrong-name", message, f"write {right}")


def _existed(entry: Entry) -> bool:
    """Whether a package is asked for in a version that was released by that name: tensorflow-gpu ends with 2.11."""
    found = re.match(r"tensorflow[-_]gpu\s*(=?[=<~].*)", entry.text.strip().rpartition("::")[2].partition(";")[0])
    if entry.name != "tensorflow-gpu" or found is None:
        return False
    try:
        return not SpecifierSet(re.sub(r"^=(?!=)", "==", found[1].partition(" ")[0])).contains("2.12.0")
    except InvalidSpecifier:
        return False
