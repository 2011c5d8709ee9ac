"""What a device reads out of its `$edgeAgent` desired properties, by the edge agent's own rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetui.sandbox.iot_hub import twins
from edgetui.sandbox.world import Document

SCHEMA = (1, 1)  # the newest major and minor that edge agent 1.6 takes
CHUNK = 512  # characters; the agent writes longer createOptions in pieces
SCORING_PORT = "5001/tcp"  # where azureml-inference-server-http listens inside a container
# The device's architecture as the agent names it, and how images name those that it runs; "" is an image that does not say.
ARCHITECTURES = {"amd64": {"amd64", ""}, "arm64v8": {"arm64", ""}, "arm32v7": {"arm", ""}}
_DOCKER_HUB = "https://index.docker.io/v1/"


class ConfigError(Exception):
    """The agent does not take the configuration: code 400, 412 or 417 of `lastDesiredStatus`, and a description."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True)
class ModuleSpec:
    """One module as desired."""

    name: str
    desired: Document
    image: str
    create_options: Document

    @property
    def stopped(self) -> bool:
        """The operator wants it there but not running."""
        return self.desired.get("status") == "stopped"

    @property
    def restart_policy(self) -> str:
        """When it is started again: never, on-failure, on-unhealthy or always."""
        return str(self.desired.get("restartPolicy", "always"))

    @property
    def order(self) -> tuple[int, str]:
        """Modules start from the smallest to the largest."""
        return int(self.desired.get("startupOrder", 2**32 - 1)), self.name

    @property
    def fingerprint(self) -> str:
        """Changes when the container must be made again: image, options, variables or version."""
        parts = [self.desired.get(key) for key in ("settings", "env", "version", "type")]
        return json.dumps(parts, sort_keys=True)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of createOptions, and over them those of the module."""
        pairs = [str(line).partition("=") for line in self.create_options.get("Env") or []]
        values = {name: value for name, _, value in pairs}
        for name, entry in (self.desired.get("env") or {}).items():
            value = entry.get("value") if isinstance(entry, dict) else entry
            values[name] = json.dumps(value) if isinstance(value, bool) else str(value)
        return values

    @property
    def host_port(self) -> int | None:
        """The host's port that the scoring port is bound to; None when it is not, or when the engine may choose."""
        host = self.create_options.get("HostConfig") or {}
        for binding in (host.get("PortBindings") or {}).get(SCORING_PORT) or []:
            port = str(binding.get("HostPort") or "0")
            if port != "0":
                return int(port)
        return None


@dataclass(frozen=True)
class Deployment:
    """A configuration that the agent takes."""

    modules: dict[str, ModuleSpec]
    credentials: dict[str, Document]
    desired: Document


def read(section: Document) -> Deployment:
    """Return the deployment in the desired properties.

    Raises:
        ConfigError: as the agent reports it.
    """
    desired = twins.content(section)
    if not desired:
        raise ConfigError(417, "The device's deployment configuration is not set")
    _check_schema(desired.get("schemaVersion"))
    try:
        credentials = dict(((desired["runtime"].get("settings") or {}).get("registryCredentials")) or {})
        modules = {name: _module(name, one) for name, one in (desired.get("modules") or {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ConfigError(400, f"Error while parsing the deployment configuration: {problem}") from None
    return Deployment(modules, credentials, desired)


def registry_credential(image: str, credentials: Mapping[str, Document]) -> tuple[str, str] | None:
    """Return user name and password for an image, by the agent's rule.

    The text before the first `/` is the host if it has a `.` or `:`; it must equal an entry's whole address, case aside; the
    first entry wins. `a/b` without a host is Docker Hub; a bare name has no credential.
    (edge-agent, DockerUtil.cs)
    """
    first, slash, _ = image.partition("/")
    if not slash:
        return None
    host = first if "." in first or ":" in first else _DOCKER_HUB
    for entry in credentials.values():
        if str(entry.get("address", "")).lower() == host.lower():
            return str(entry.get("username", "")), str(entry.get("password", ""))
    return None


def options_chunks(text: str) -> dict[str, str]:
    """Return createOptions as the agent reports them, in pieces of 512 characters."""
    pieces = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)] or [""]
    return {f"createOptions{number:02}" if number else "createOptions": piece for number, piece in enumerate(pieces)}


def options_text(settings: Document) -> str:
    """Return createOptions joined from their pieces."""
    text, number = str(settings.get("createOptions") or ""), 1
    while (piece := settings.get(f"createOptions{number:02}")) is not None:
        text, number = text + piece, number + 1
    return text


def _module(name: str, desired: Document) -> ModuleSpec:
    settings = desired["settings"]
    text = options_text(settings)
    options = json.loads(text) if text.strip() else {}
    if not isinstance(options, dict):
        raise TypeError(f"createOptions of {name} must be a JSON object")
    spec = ModuleSpec(name, desired, settings["image"].strip(), options)
    _ = spec.host_port, spec.environment, spec.order  # a wrong shape must show here, not while running
    return spec


def _check_schema(version: Any) -> None:
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:\.\d+)?", str(version or ""))
    if not found:
        raise ConfigError(412, f"Invalid desired properties schema version {version!r}")
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    if major != SCHEMA[0] or (minor, patch) > (SCHEMA[1], 0):
        raise ConfigError(412, f"The deployment schema version {version} is not compatible with the expected 1.1.0")
