"""The local container engine through the Docker API: whether one answers, and what to do where none does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from edgetui.adapters.context import Context
from edgetui.adapters.errors import short
from edgetui.core.errors import EdgeError
from edgetui.core.models import EngineState

SECONDS = 5
_ERRNO = re.compile(r"(?:\[Errno \d+\] |Error\(\d+, ')([A-Z][^\"')]+)")
_DEFAULT = "unix:///var/run/docker.sock"
_BROKEN = (DockerException, APIError, requests.RequestException, OSError, ValueError)


class DockerEngine:
    """The Engine port over docker-py."""

    def state(self) -> EngineState:
        """Whether an engine answers, its version and platform; else why not, and the remedy."""
        first: EngineState | None = None
        for host in _hosts():
            found = _state_at(host)
            if found.reachable:
                return found
            # The first place is the one that a person means; the others are guesses.
            first = first or found
        return first or EngineState(reachable=False)


def _state_at(host: str) -> EngineState:
    try:
        return _ask(host)
    except _BROKEN as problem:
        why, remedy = _explain(host, problem)
        return EngineState(reachable=False, why=why, remedy=remedy)


def connect(seconds: float) -> Any:
    """A docker.APIClient of the engine that answers; `seconds` without a byte end a pull or push.

    Raises:
        EdgeError: none answers; with what to do about it.
    """
    first: EngineState | None = None
    for host in _hosts():
        found = _attempt(host, seconds)
        if not isinstance(found, EngineState):
            return found
        first = first or found
    why, remedy = (first.why, first.remedy) if first else ("", "")
    raise EdgeError(why, remedy=remedy, field="image.builder", kind="unreachable", retryable=True)


def _attempt(host: str, seconds: float) -> Any:
    """A client of the engine at `host`, or the state that says why there is none."""
    try:
        return _client(host, seconds)
    except _BROKEN as problem:
        why, remedy = _explain(host, problem)
        return EngineState(reachable=False, why=why, remedy=remedy)


def _client(host: str, seconds: float) -> Any:
    tls = None
    if os.environ.get("DOCKER_TLS_VERIFY") or (host.startswith("tcp://") and os.environ.get("DOCKER_CERT_PATH")):
        folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path("~/.docker").expanduser())
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        tls = docker.tls.TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)
    # The constructor asks for the API version, and fails where nothing answers.
    return docker.APIClient(base_url=host, version="auto", timeout=seconds, tls=tls or False)


def _ask(host: str) -> EngineState:
    client = _client(host, SECONDS)
    try:
        found = client.version()
    finally:
        client.close()
    return EngineState(
        reachable=True, version=found.get("Version", ""), platform=f"{found.get('Os')}/{found.get('Arch')}"
    )


def _hosts() -> Iterator[str]:
    """Where to ask: DOCKER_HOST alone, else the command line's current context, else the usual sockets."""
    given = os.environ.get("DOCKER_HOST", "").strip()
    if given:
        yield given
        return
    context = _context_host()
    if context and context != _DEFAULT:
        yield context
        return
    yield "npipe:////./pipe/docker_engine" if os.name == "nt" else _DEFAULT
    runtime = os.environ.get("XDG_RUNTIME_DIR") or ""
    for socket in (
        Path(runtime, "docker.sock"),
        Path("~/.docker/run/docker.sock").expanduser(),
        Path(runtime, "podman/podman.sock"),
    ):
        if socket.is_absolute() and socket.exists():
            yield f"unix://{socket}"


def _context_host() -> str:
    """The address of `docker context`'s current one, or "" where there is none or its file is damaged."""
    from docker.context import ContextAPI
    from docker.errors import ContextException

    try:
        current = ContextAPI.get_current_context()
    except (ContextException, OSError, ValueError, KeyError):
        return ""
    return str(current.Host) if current is not None and current.name != "default" else ""


def _explain(host: str, problem: Exception) -> tuple[str, str]:
    """Why nothing answered at `host`, and what to do."""
    text = str(problem).removeprefix("Error while fetching server API version: ")
    if system := _ERRNO.search(text):  # the rest is the HTTP library's own wrapping
        text = system[1]
    where = f"DOCKER_HOST={host}" if os.environ.get("DOCKER_HOST") else host
    if isinstance(problem, APIError):
        return (
            f"{where} answers, but refuses: {short(str(problem.explanation or text))}",
            "Update the engine, or set DOCKER_API_VERSION.",
        )
    if "timed out" in text:
        why = f"The container engine at {where} does not answer within {SECONDS} s"
        return why, "It may be starting; try again, then look at it: `sudo systemctl status docker`."
    if "Permission denied" in text:
        remedy = "Add yourself to the group docker: `sudo usermod -aG docker $USER`, then log in again."
        return f"No permission to use {where}", remedy
    if os.environ.get("DOCKER_HOST") and ("Connection refused" not in text or not host.startswith("unix")):
        return f"Nothing answers at {where}: {short(text)}", "Correct DOCKER_HOST, or unset it to use the local engine."
    if "No such file" in text or "FileNotFoundError" in text or "cannot find the file" in text:
        remedy = "Install Docker or Podman, or start it: `sudo systemctl start docker`. Building in Azure needs none."
        return f"There is no container engine here ({where})", remedy
    if "Connection refused" in text:
        return f"The container engine is not running ({where})", "Start it: `sudo systemctl start docker`."
    return (
        f"The container engine at {where} does not answer: {short(text)}",
        "Look at it: `sudo systemctl status docker`.",
    )


def create(_context: Context) -> DockerEngine:
    """Make the adapter in the process that hosts it."""
    return DockerEngine()
