"""A conda file as data, each entry with its line. Reading never fails: what cannot be read is among the problems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edgetui.core import parser_words, pythons
from edgetui.core.conda.rules import problem
from edgetui.core.errors import bad_input
from edgetui.core.models import Problem

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FOR_PIP = re.compile(r"(?:-|git\+|https?://).*|[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*(?:(?:[=<>~!]|@\s|;).*)?")
NO_NAME = ("-", "git+", "hg+", "svn+", "http://", "https://", "file:", ".", "/")


class Entry(NamedTuple):
    """One line below `dependencies:` or `- pip:`."""

    text: str
    line: int

    @property
    def name(self) -> str:
        """The package's name as indexes compare it; "" for an option, a URL or a path."""
        text = self.text.strip()
        if text.startswith(NO_NAME):
            return ""
        found = _NAME.match(text.rpartition("::")[2])
        return normal(found.group()) if found else ""


@dataclass
class Document:
    """What a conda file holds."""

    file: str
    conda: list[Entry] = field(default_factory=list)
    pip: list[Entry] = field(default_factory=list)
    channels: list[Entry] = field(default_factory=list)
    prefix: int = 0  # its line
    variables: int = 0  # its line
    has_pip_section: bool = False
    problems: list[Problem] = field(default_factory=list)
    readable: bool = False


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(file: str, text: str) -> Document:
    """Read a conda file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    document = Document(file)
    try:
        loaded = YAML(typ="rt").load(text)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        message = f"this is not YAML: {parser_words.yaml(wrong)}"
        document.problems.append(problem(file, mark.line + 1 if mark else 0, "yaml", message))
    except (YAMLError, ValueError, RecursionError) as wrong:
        document.problems.append(problem(file, 0, "yaml", f"this is not YAML: {parser_words.yaml(wrong)}"))
    else:
        document.problems += _fill(document, loaded)
    if not document.readable and _for_pip(file, text):
        message = "this is a list for pip, not a conda environment"
        remedy = "put its lines below `dependencies:` and `- pip:` of a file such as myenv.yml"
        document.problems = [problem(file, 0, "shape", message, remedy)]
    return document


def _for_pip(file: str, text: str) -> bool:
    """Whether a text is a requirements.txt."""
    lines = [line.partition(" #")[0].strip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    lines = [line for line in lines if line]
    pinned = any(re.match(r"[\w.-]+(\[[^\]]*\])?\s*[=<>~!]=?", line) for line in lines)
    return (pinned or (bool(lines) and file.lower().endswith(".txt"))) and all(map(_FOR_PIP.fullmatch, lines))


def _fill(document: Document, loaded: Any) -> Iterator[Problem]:
    file = document.file
    if not isinstance(loaded, dict):
        yield problem(file, 0, "shape", "this is not a conda environment")
        return
    listed = loaded.get("dependencies")
    if not isinstance(listed, list):
        yield problem(file, _line(loaded, "dependencies"), "dependencies", "there is no list of dependencies")
        return
    document.readable = True
    document.prefix = _line(loaded, "prefix") if "prefix" in loaded else 0
    document.variables = _line(loaded, "variables") if loaded.get("variables") else 0
    channels = loaded.get("channels")
    if isinstance(channels, list):
        document.channels = [Entry(str(one), _item_line(channels, place)) for place, one in enumerate(channels)]
    for place, entry in enumerate(listed):
        line = _item_line(listed, place)
        if isinstance(entry, str):
            document.conda.append(Entry(entry, line))
        elif not isinstance(entry, dict):
            yield problem(file, line, "entry", f"{entry!r} is not a package")
        elif not isinstance(packages := entry.get("pip"), list):
            yield _no_section(file, line, entry)
        else:
            document.has_pip_section = True
            for number, one in enumerate(packages):
                line = _item_line(packages, number)
                if isinstance(one, str):
                    document.pip.append(Entry(one, line))
                else:  # such as `--no-binary :all:`, whose colon makes it a mapping
                    message = "this is no text: YAML reads it as something else"
                    yield problem(file, line, "entry", message, "put the line in quotes")


def _no_section(file: str, line: int, entry: dict[str, Any]) -> Problem:
    """What is wrong with an entry that YAML reads as a mapping."""
    key, value = next(iter(entry.items()), ("", None))
    if key == "pip" and value in (None, ""):
        message = "`- pip:` has no list below it"
        return problem(file, line, "section", message, "write the packages below it, or delete the colon")
    if key == "pip":
        return problem(file, line, "section", "`- pip:` has no list below it", f"write `- {value}` in a line below it")
    if isinstance(value, (str, int, float)):
        message = f"`{key}: {value}` is no package: the colon makes it something else"
        return problem(file, line, "section", message, f"write {key}={value}")
    return problem(file, line, "section", f"{key or 'this entry'!r} is not a package")


def is_local(requirement: str) -> bool:
    """Whether a line of the pip part names a file or folder of this machine. `-e git+https://` does not."""
    text = re.sub(r"^(?:-e|--editable)[\s=]+", "", requirement.partition(" #")[0].strip())
    if re.match(r"(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?(?:(?:git|hg|svn|bzr)\+(?!file:)|https?://)", text):
        return False
    named = text != requirement.partition(" #")[0].strip() or text.startswith((".", "/", "file:", "~"))
    wheel = re.search(r"\.(?:whl|tar\.gz|zip)(?:\[[^\]]*\])?\s*(?:;.*)?$", text)
    return named or "@ file:" in text or "+file:" in text or (wheel is not None and not text.startswith("-"))


def pip_requirements(text: str) -> list[Entry]:
    """What the file's pip part asks for: requirements and pip's options, with their lines."""
    return read("", text).pip


def conda_packages(text: str) -> list[Entry]:
    """The packages that conda itself is to bring, without Python and pip."""
    return [entry for entry in read("", text).conda if entry.name not in {"python", "pip"}]


def python_version(text: str) -> str:
    """The Python that the file comes to, as `3.11` or `3.11.4`: what it names, or what fits and we take; "" where none does."""
    wanted = _wanted_python(text)
    return "" if wanted is None else pythons.named(wanted) or pythons.chosen(wanted)


def needed_python(text: str) -> str:
    """As `python_version`, for those who cannot go on without one.

    Raises:
        EdgeError: (input, field `scoring.environment`) none fits what it asks for.
    """
    return python_version(text) or fitting_python(_wanted_python(text))


def _wanted_python(text: str) -> str | None:
    return next((pythons.bounds(entry.text) for entry in read("", text).conda if entry.name == "python"), "")


def fitting_python(wanted: str | None) -> str:
    """The Python (`3.11`) for bounds as `pythons.bounds` gives them.

    Raises:
        EdgeError: (input, field `scoring.environment`) none fits, or they cannot be read.
    """
    version = pythons.chosen(wanted) if wanted is not None else ""
    if not version:
        title = f"No Python fits `python{wanted}`" if wanted else "What is asked of Python cannot be read"
        raise bad_input("scoring.environment", title, f"Write python={pythons.DEFAULT}")
    return version


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
