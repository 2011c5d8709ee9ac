"""What a script imports against what goes into the image: the environment's packages, and of the script's folder nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from edgetui.core.conda.document import Document, normal
from edgetui.core.conda.document import read as read_environment
from edgetui.core.model_file.fitness import PACKAGES, added, missing
from edgetui.core.models import Problem
from edgetui.core.scoring.packages import BRINGS, BRINGS_SERVER, OF_THE_SERVER, PLAIN, SERVER, STANDARD
from edgetui.core.scoring.reading import NEVER, Script
from edgetui.core.scoring.rules import problem

_PATCHED = ("azureml.contrib.services.aml_request", "azureml.contrib.services.aml_response")
Beside = Callable[[str], bool]
_ELSEWHERE = ("azureml.api", "azureml.assets", "azureml.datacollector", "azureml.monitoring", "azureml.services")


def check(script: Script, environment: str, packages: str, beside: Beside, inside: Beside) -> Iterator[Problem]:
    """Say which modules the image will not have.

    Args:
        script: the script.
        environment: the environment file's name to show.
        packages: the environment file.
        beside: whether a file or folder of that name lies beside the script.
        inside: whether a file or folder of that name goes into the image, where modules are imported from.
    """
    document = read_environment(environment, packages)
    if not document.readable:
        return
    world = _World(document)
    wanted: dict[str, tuple[str, int]] = {}
    told: set[str] = set()
    for line, module in _modules(script):
        top = module.partition(".")[0]
        if top in STANDARD or top in told or world.has(module):
            continue
        names = (f"{top}.py", top)
        there = next((one for one in names if inside(one)), "")
        place = there or next((one for one in names if beside(one)), "")
        if place or top in OF_THE_SERVER:
            told.add(top)
            yield from _own(script, line, top, place, inside=bool(there))
        elif package := world.package(module):
            wanted.setdefault(package, (module, line))
        elif world.all_known:
            told.add(top)
            message = f"the script imports `{top}`; no package of {environment} is known to bring it"
            yield problem(script.file, line, "import-unknown", message)
    lines = packages.splitlines()
    for package, (module, line) in wanted.items():
        if set(_bringing(module)) & (wanted.keys() - {package}):
            continue  # that one will bring it
        message = f"the script imports `{module}`, but {environment} does not name {package}"
        remedy = f"add `- {package}` below `- pip:`"
        fix = added(document, lines, package)
        yield Problem(script.file, line, "warning", message, remedy, "import-package", fix)


def _modules(script: Script) -> Iterator[tuple[int, str]]:
    """The modules that must be there, each with the line that asks for it."""
    for node, full, scope, in_try in script.imports:
        if in_try or scope == NEVER or full.startswith((".", "sklearn.externals", *_ELSEWHERE)):
            continue
        if isinstance(node, ast.ImportFrom):
            # `from azure.storage import blob` asks for azure.storage.blob; `from flask import Flask` for flask alone.
            yield node.lineno, max(node.module or full, _table(full), key=len)
        elif full.startswith(_PATCHED):
            yield node.lineno, "azureml"  # the server puts the module there, but not those above it
        else:
            yield node.lineno, full


def _own(script: Script, line: int, top: str, place: str, *, inside: bool) -> Iterator[Problem]:
    """A module beside the script, or one of the server's own folder, which stands before the script's in the path."""
    if top in OF_THE_SERVER and (inside or not place):
        message = f"`import {top}` finds the inference server's own `{top}`"
        yield problem(script.file, line, "server-module", f"{message}, not {place}" if place else message)
    elif not inside:
        message = f"{place} lies beside the script, but does not go into the image"
        if top in OF_THE_SERVER:
            message += f"; the server has a `{top}` of its own, which would be taken instead"
        yield problem(script.file, line, "sibling", message)


def _table(module: str) -> str:
    """The longest beginning of a module's name that the table knows, or ""."""
    parts = module.split(".")
    return next((name for size in range(len(parts), 0, -1) if (name := ".".join(parts[:size])) in BRINGS), "")


def _bringing(module: str) -> tuple[str, ...]:
    known = _table(module)
    if known:
        return BRINGS[known]
    top = module.partition(".")[0]
    return (PACKAGES[top],) if top in PACKAGES else ()


class _World:
    """The packages of an environment, and what they bring along."""

    def __init__(self, document: Document) -> None:
        entries = [entry for entry in (*document.conda, *document.pip) if not entry.text.lstrip().startswith("--")]
        self._document = document
        self._names = {entry.name for entry in entries}
        if self._names & BRINGS_SERVER:
            self._names.add(SERVER)
        self.all_known = self._names <= PLAIN  # a URL or a path has the name ""

    def has(self, module: str) -> bool:
        """Whether a package of the environment is known to bring the module."""
        bringing = _bringing(module)
        if bringing and (self._names & set(bringing) or not missing([bringing[0]], self._document)):
            return True
        if module.startswith("azureml.") or module == "azureml":
            azureml = any(name.startswith("azureml-") and name != SERVER for name in self._names)
            return azureml and _table(module) == "azureml"
        return bool(self._names & _namesakes(module))

    def package(self, module: str) -> str:
        """The package to name for a module, or "" where that is not known."""
        return next(iter(_bringing(module)), "")


def _namesakes(module: str) -> set[str]:
    """Packages that are named like a module: `azure-iot-device` for azure.iot.device, `python-jose`, `pyserial`."""
    parts = module.split(".")
    found = {normal("-".join(parts[:size])) for size in range(1, len(parts) + 1)}
    top = normal(parts[0])
    return found | {f"python-{top}", f"{top}-python", f"py{top}", f"{top}-cpu", f"{top}-gpu"}
