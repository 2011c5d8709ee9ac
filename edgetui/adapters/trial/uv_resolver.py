"""Resolving without installing: the pip part by `uv pip compile` for the target, the conda part by `conda_resolver`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from edgetui.adapters.files.own_folder import claimed
from edgetui.adapters.trial import conda_resolver, uv_program
from edgetui.adapters.trial.supervised import Ended, Limits, Supervised
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine, Progress, Resolved
from edgetui.core.models import Problem, ResolveRequest
from edgetui.core.redact import redacted

SECONDS = 120.0
_UV_PLATFORMS = {
    "linux/amd64": "x86_64-manylinux_2_28",
    "linux/arm64": "aarch64-manylinux_2_28",
}
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)")
_DROPPED = re.compile(r"^(?:warning: )?(?:Using |Resolved |Downloading |\s*$)")


class UvResolver:
    """The Resolver port; `cache` is edgetui's cache folder."""

    def __init__(self, cache: Path, seconds: float = SECONDS) -> None:
        self._cache, self._seconds = cache, seconds

    def resolve(self, request: ResolveRequest) -> Iterator[Event]:
        """Resolve both parts; what cannot be is told with the resolver's words at the line that it is about."""
        if request.platform not in _UV_PLATFORMS:
            raise EdgeError(
                f"The resolver knows no packages for {request.platform}",
                remedy="Choose linux/amd64 or linux/arm64, or go on without resolving",
                field="image.platform",
                kind="input",
            )
        problems: list[Problem] = []
        pins: dict[str, str] = {}
        with claimed(self._cache / "trials", "resolve") as here:
            if request.requirements:
                yield Progress("script", f"resolving {_packages(request.requirements)} for {request.platform}")
                yield from self._pip(request, here, pins, problems)
            conda = conda_resolver.CondaResolved()
            if request.conda:
                yield Progress("script", f"resolving {_packages(request.conda)} of conda for {request.platform}")
                conda = conda_resolver.resolved(request, here, self._cache, self._seconds)
                problems += conda.problems
        unchecked = tuple(text for text, _ in request.conda) if conda.unchecked else ()
        yield Resolved(
            not problems, pins, tuple(problems), unchecked, why_unchecked=conda.unchecked, conda_pins=conda.pins
        )

    def _pip(
        self, request: ResolveRequest, here: Path, pins: dict[str, str], problems: list[Problem]
    ) -> Iterator[Event]:
        # Each requirement stands in the line that it has in the conda file, so the resolver's line numbers are ours.
        lines = [""] * max(line for _, line in request.requirements)
        for text, line in request.requirements:
            lines[line - 1] = text
        wanted = here / "requirements.in"
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [
            uv_program.program(),
            "pip",
            "compile",
            str(wanted),
            "--no-header",
            "--no-annotate",
            "--no-strip-extras",
        ]
        command += ["--python", sys.executable, "--python-platform", _UV_PLATFORMS[request.platform]]
        command += ["--output-file", str(here / "requirements.txt")]
        if request.python:
            command += ["--python-version", request.python]
        said: list[str] = []
        ended: Ended | None = None
        environment = uv_program.environment(self._cache / "uv", index=request.index)
        with Supervised(command, environment, here, Limits(self._seconds)) as running:
            for one in running.happenings():
                if isinstance(one, str):
                    said.append(one.replace(str(wanted), request.file))
                    yield LogLine("script", said[-1])
                else:
                    ended = one
        if ended is None or ended.why == "deadline":
            raise EdgeError(
                f"Resolving took longer than {self._seconds:.0f} s",
                "\n".join(said[-5:]),
                "Pin more packages, check the network, or go on without resolving",
                retryable=True,
            )
        if ended.code == 0:
            found = (here / "requirements.txt").read_text(encoding="utf-8")
            pins.update((match[1], match[2]) for line in found.splitlines() if (match := _PIN.match(line)))
            return
        problems.append(_explained(request, said))


def _packages(listed: tuple[tuple[str, int], ...]) -> str:
    return f"{len(listed)} package{'' if len(listed) == 1 else 's'}"


def _explained(request: ResolveRequest, said: list[str]) -> Problem:
    """The resolver's words as a problem at the line of the first requirement that they name."""
    lines = [line for line in said if not _DROPPED.match(line)]
    text = " ".join(" ".join(lines).replace("\u00d7", "").replace("╰─▶", "").split())
    text = redacted(re.sub(r"^error:\s*", "", text)).replace("dependencies cause: ", "dependencies: ")
    text = text.replace("`requirements.in`", request.file)
    if re.search(r"dns error|error sending request|timed out|certificate", text, re.IGNORECASE):
        remedy = "Check the network and pip's index"
        raise EdgeError("The package index cannot be reached", text[:1000], remedy, retryable=True)
    remedy = "ask for versions that exist for this Python and platform, and that go together"
    return Problem(request.file, _line(request, text), "error", text[:1000], remedy, "unresolvable")


def _line(request: ResolveRequest, text: str) -> int:
    """The line that the words end with (`you require numpy==1.20`), else the first one that they name."""
    places = [
        (found.start(), number)
        for requirement, number in request.requirements
        for found in re.finditer(rf"(?<![\w.-]){re.escape(_name(requirement))}(?![\w-])", text, re.IGNORECASE)
    ]
    required = [(place, number) for place, number in places if text[:place].endswith("you require ")]
    return max(required)[1] if required else min(places)[1] if places else 0


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement.rpartition("::")[2])
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else requirement
