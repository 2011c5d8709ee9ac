"""Resolving the conda part: by py-rattler where that is installed, else by micromamba where there is one."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.adapters.trial import uv_program
from edgetui.adapters.trial.supervised import Ended, Limits, Supervised
from edgetui.core.models import Problem, ResolveRequest
from edgetui.core.redact import redacted

GLIBC = "2.28"  # of the images that models are put into, and of the wheels that pip takes for them
NOBODY = "no conda solver: pip install py-rattler"
_PLATFORMS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_TOKEN = re.compile(r"/t/[^/\s]+/")


@dataclass(frozen=True)
class CondaResolved:
    """What it came to: versions by name, problems, and why nothing was checked ("" where it was)."""

    pins: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unchecked: str = ""


def resolved(request: ResolveRequest, here: Path, cache: Path, seconds: float) -> CondaResolved:
    """Resolve the conda part, Python with it; blocks, `seconds` at most.

    Args:
        request: what to resolve.
        here: a private folder to work in.
        cache: edgetui's cache folder.
        seconds: how long it may take.

    Raises:
        EdgeError: (cancelled) the job was cancelled.
    """
    specs = [_as_conda_reads(text) for text, _ in request.conda]
    if request.python:
        specs.append(f"python={request.python}")
    if importlib.util.find_spec("rattler"):
        return _by_rattler(request, specs, here, cache, seconds)
    program = shutil.which("micromamba")
    return _by_micromamba(program, request, specs, cache, seconds) if program else CondaResolved(unchecked=NOBODY)


def _by_rattler(
    request: ResolveRequest, specs: Sequence[str], here: Path, cache: Path, seconds: float
) -> CondaResolved:
    order, answer = here / "conda-order.json", here / "conda-answer.json"
    order.write_text(
        json.dumps(
            {
                "channels": [
                    url for name in _channels(request) for url in (_DEFAULTS if name == "defaults" else (name,))
                ],
                "specs": specs,
                "platform": _PLATFORMS[request.platform],
                "glibc": GLIBC,
                "cache": str(cache / "conda"),
            }
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-I", str(Path(__file__).with_name("conda_solve.py")), str(order), str(answer)]
    ended, said = _run(command, here, cache, seconds)
    if ended.why == "deadline":
        return CondaResolved(unchecked=f"it took longer than {seconds:.0f} s")
    if ended.code != 0 or not answer.exists():
        return CondaResolved(unchecked=f"the solver failed: {_clean(said[-1] if said else f'code {ended.code}')}")
    return _judged(request, json.loads(answer.read_text(encoding="utf-8")))


def _judged(request: ResolveRequest, answer: dict[str, Any]) -> CondaResolved:
    if "packages" in answer:
        return CondaResolved(answer["packages"])
    words = _clean(answer["words"])
    match answer["kind"]:
        case "spec":
            place = answer["place"]
            line = request.conda[place][1] if place < len(request.conda) else 0
            return CondaResolved(problems=(_problem(request, line, f"conda cannot read this: {words}"),))
        case "channel":
            remedy = "correct the name of the channel"
            return CondaResolved(problems=(_problem(request, 0, f"there is no such channel: {words}", remedy),))
        case "network":
            return CondaResolved(unchecked=_unreached(answer["words"]))
        case _:
            words = words.removeprefix("Cannot solve the request because of: ")
            return CondaResolved(problems=(_problem(request, _line(request, words), f"conda: {words}"),))


def _by_micromamba(
    program: str, request: ResolveRequest, specs: Sequence[str], cache: Path, seconds: float
) -> CondaResolved:
    root = cache / "micromamba"
    root.mkdir(parents=True, exist_ok=True)
    command = [program, "create", "--dry-run", "--json", "--yes", "--name", "edgetui-dry-run"]
    command += ["--root-prefix", str(root), "--platform", _PLATFORMS[request.platform]]
    for channel in _channels(request):
        command += ["--channel", channel]
    ended, said = _run([*command, *specs], root, cache, seconds, {"CONDA_OVERRIDE_GLIBC": GLIBC})
    if ended.why == "deadline":
        return CondaResolved(unchecked=f"it took longer than {seconds:.0f} s")
    if ended.code == 0:
        return CondaResolved()
    words = _clean(_solver_problems(said))
    if re.search(r"download error|could not resolve|timeout was reached|couldn't connect", words, re.IGNORECASE):
        return CondaResolved(unchecked=_unreached("\n".join(said)))
    return CondaResolved(problems=(_problem(request, _line(request, words), f"conda: {words}"),))


def _run(
    command: list[str], folder: Path, cache: Path, seconds: float, more: dict[str, str] | None = None
) -> tuple[Ended, list[str]]:
    environment = {**uv_program.environment(cache / "uv"), **(more or {})}
    with Supervised(command, environment, folder, Limits(seconds)) as running:
        ended = running.wait()
        return ended, list(running.output.tail)


def _channels(request: ResolveRequest) -> list[str]:
    return [name for name in request.channels if name != "nodefaults"] or ["conda-forge"]


def _solver_problems(said: Sequence[str]) -> str:
    """Micromamba's own list of what is wrong: JSON, with lines for people before and after; else its last lines."""
    text = "\n".join(said)
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return "; ".join(map(str, found["solver_problems"]))
    except (ValueError, KeyError, TypeError):
        return " ".join(said[-5:])


def _unreached(words: str) -> str:
    """Which host does not answer, and the innermost reason: what stands around them says nothing more to a person."""
    host = re.search(r"https?://(?:[^/\s@]*@)?([^/\s)\]]+)", words)
    reason = re.search(r"Download error \(\d+\) ([^\[\n]+)", words)
    last = reason[1] if reason else words.strip().rpartition("\n")[2].rpartition("Caused by: ")[2]
    last = re.sub(r"^failed to lookup address information: | \(os error \d+\)$", "", last)
    return f"{host[1] if host else 'a channel'} cannot be reached: {_clean(last)[:200]}"


def _as_conda_reads(text: str) -> str:
    return text.partition(" #")[0].strip()


def _clean(words: str) -> str:
    """The words in one line, without the drawing of a tree around them and without a channel's secret."""
    line = " ".join(re.sub(r"[├└│─]+", " ", words).split()).replace(" *", "")
    return _TOKEN.sub("/t/•••/", redacted(line))[:600]


def _line(request: ResolveRequest, words: str) -> int:
    """The line of the first package that the words name."""
    places = [
        (found.start(), line)
        for text, line in request.conda
        if (found := re.search(rf"(?<![\w.-]){re.escape(_name(text))}(?![\w-])", words, re.IGNORECASE))
    ]
    return min(places)[1] if places else 0


def _name(text: str) -> str:
    found = re.match(r"[\w.-]+", text.strip().rpartition("::")[2])
    return found.group() if found else text


def _problem(request: ResolveRequest, line: int, message: str, remedy: str = "") -> Problem:
    remedy = remedy or "ask for versions that exist for this platform and Python, and that go together"
    return Problem(request.file, line, "error", message, remedy, "unresolvable")
