"""The reported properties of `$edgeAgent`, in the shape that edge agent 1.6 writes."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field

from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.iot_hub import twins
from edgetui.sandbox.world import Document

AGENT_IMAGE = "mcr.microsoft.com/azureiotedge-agent:1.6"
HUB_IMAGE = "mcr.microsoft.com/azureiotedge-hub:1.6"
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8", "armv7l": "arm32v7"}


@dataclass
class ModuleState:
    """How one module is doing; times are the hub's texts, `twins.NEVER` for not yet."""

    runtime_status: str = "unknown"
    description: str = ""
    exit_code: int = 0
    started: str = twins.NEVER
    exited: str = twins.NEVER
    restarts: int = 0
    restarted: str = twins.NEVER
    image_hash: str = ""


@dataclass
class AgentState:
    """What one agent knows about itself."""

    version: str = "1.6.1"
    architecture: str = field(default_factory=lambda: _ARCHITECTURES.get(platform.machine().lower(), "amd64"))
    docker: str = "28.5.1"
    started: str = field(default_factory=twins.now)
    system_status: str = "running"
    system_description: str = "running"


def agent_report(agent: AgentState, desired_version: int, code: int, description: str, desired: Document) -> Document:
    """Return everything of the report except the modules."""
    status: Document = {"code": code, "description": description}
    runtime = desired.get("runtime") or {"type": "docker", "settings": {"minDockerVersion": "v1.25"}}
    settings = {key: value for key, value in (runtime.get("settings") or {}).items() if key != "registryCredentials"}
    return {
        "schemaVersion": "1.1",
        "version": {"version": agent.version, "build": "", "commit": ""},
        "lastDesiredVersion": desired_version,
        "lastDesiredStatus": status,
        "runtime": {
            "type": "docker",
            "settings": {"minDockerVersion": "v1.25", "loggingOptions": "", **settings, "registryCredentials": {}},
            "platform": {"os": "linux", "architecture": agent.architecture, "version": agent.docker},
        },
        "systemModules": {
            name: _system_module(agent, (desired.get("systemModules") or {}).get(name) or {}, image)
            for name, image in (("edgeAgent", AGENT_IMAGE), ("edgeHub", HUB_IMAGE))
        },
    }


def module_report(desired: Document, state: ModuleState) -> Document:
    """Return the report of one module."""
    settings = desired.get("settings") or {}
    report: Document = {
        "version": desired.get("version", ""),
        "type": "docker",
        "status": desired.get("status", "running"),
        "restartPolicy": desired.get("restartPolicy", "always"),
        "imagePullPolicy": desired.get("imagePullPolicy", "on-create"),
        "startupOrder": desired.get("startupOrder", 2**32 - 1),
        "exitCode": state.exit_code,
        "runtimeStatus": state.runtime_status,
        "statusDescription": state.description,
        "lastStartTimeUtc": state.started,
        "lastExitTimeUtc": state.exited,
        "restartCount": state.restarts,
        "lastRestartTimeUtc": state.restarted,
        "settings": {
            "image": settings.get("image", ""),
            "imageHash": state.image_hash,
            **deployment.options_chunks(deployment.options_text(settings)),
        },
        "env": desired.get("env") or {},
    }
    return report


def difference(before: Document, after: Document) -> Document:
    """Return the merge patch that makes `after` out of `before`: null for what is gone."""
    patch: Document = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := difference(old, value):
                patch[key] = inner
        elif key not in before or value != old or type(value) is not type(old):
            patch[key] = value
    return patch


def _system_module(agent: AgentState, desired: Document, image: str) -> Document:
    settings = desired.get("settings") or {}
    report: Document = {
        "type": "docker",
        "exitCode": 0,
        "runtimeStatus": agent.system_status,
        "statusDescription": agent.system_description,
        "lastStartTimeUtc": agent.started,
        "lastExitTimeUtc": twins.NEVER,
        "settings": {
            "image": settings.get("image", image),
            "imageHash": "",
            **deployment.options_chunks(deployment.options_text(settings)),
        },
        "env": desired.get("env") or {},
    }
    for name in ("status", "restartPolicy", "startupOrder"):
        if name in desired:
            report[name] = desired[name]
    return report
