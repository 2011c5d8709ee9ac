"""The fleet of a new hub: one live device, and plausible others that only report (tag `simulated`)."""

from __future__ import annotations

import random
import secrets
import socket
import sys
from datetime import datetime, timedelta, timezone

from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.edge_device import reports as edge_reports
from edgetui.sandbox.fleet import simulated_devices
from edgetui.sandbox.fleet.devices import CAMERA, FLEET, OPC, PROBE, STORE, Seed, more
from edgetui.sandbox.iot_hub import identities, twins
from edgetui.sandbox.world import Document, World

_EPOCH = datetime(2026, 11, 2, 6, 0, tzinfo=timezone.utc)


_OPTIONS = {
    OPC: '{"Hostname":"opc-publisher","Cmd":["--pf=/appdata/pn.json","--aa"],"HostConfig":{"Binds":["/iiotedge:/appdata"],'
    '"PortBindings":{"62222/tcp":[{"HostPort":"62222"}]},"CapDrop":["CHOWN","SETUID"]}}',
    STORE: '{"HostConfig":{"Binds":["blob-data:/blobroot"],"PortBindings":{"11002/tcp":[{"HostPort":"11002"}]}}}',
    CAMERA: '{"HostConfig":{"Privileged":true,"Devices":[{"PathOnHost":"/dev/video0","PathInContainer":"/dev/video0",'
    '"CgroupPermissions":"rwm"}],"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3"}},"Binds":['
    + ",".join(f'"/data/camera/{n:02}:/frames/{n:02}:rw"' for n in range(24))
    + "]}}",
}
_IMAGES = {
    PROBE: "mcr.microsoft.com/azureiotedge-simulated-temperature-sensor:1.5",
    OPC: "mcr.microsoft.com/iotedge/opc-publisher:2.9.11",
    CAMERA: "plantvision.azurecr.io/inspector:4.2.0-arm64v8",
    STORE: "mcr.microsoft.com/azure-blob-storage:1.4.7",
}
_HUB_OPTIONS = (
    '{"HostConfig":{"PortBindings":{"443/tcp":[{"HostPort":"443"}],"5671/tcp":[{"HostPort":"5671"}],'
    '"8883/tcp":[{"HostPort":"8883"}]}}}'
)


def seed(world: World) -> None:
    """Register the fleet in an empty hub."""
    with world.transaction():
        _live(world)
        for one in (*FLEET, *more(int((world.get("setting", "fleet") or {}).get("more", 0)))):
            _simulated(world, one)


def _live(world: World) -> None:
    device = world.names.live_device
    identities.put_device(world, device, {"capabilities": {"iotEdge": True}})
    tags = {"site": "eindhoven", "line": "line1", "environment": "production", "live": True, "address": _own_address()}
    twins.change(world, device, None, {"tags": tags}, replace=False)
    agent = _agent_desired("1.6", "amd64", ())
    twins.set_desired(world, device, "$edgeAgent", agent)
    hub = _hub_desired()
    hub["routes"] = {"telemetryToCloud": "FROM /messages/modules/line-monitor/outputs/* INTO $upstream"}
    twins.set_desired(world, device, "$edgeHub", hub)
    if (world.get("setting", "edge") or {}).get("off"):
        _history(world, Seed(device, "eindhoven", "line1", "production", online=False))


def _simulated(world: World, one: Seed) -> None:
    chance = random.Random(one.device)  # noqa: S311 -- plausible times, the same in every sandbox
    identities.put_device(world, one.device, {"capabilities": {"iotEdge": True}})
    tags = {"site": one.site, "line": one.line, "environment": one.environment, "simulated": True, **one.tags}
    twins.change(world, one.device, None, {"tags": tags}, replace=False)
    if one.trouble != "empty":
        agent = _agent_desired(".".join(one.agent.split(".")[:2]), one.platform, one.modules)
        if one.trouble == "schema":
            agent["schemaVersion"] = "1.2"
        twins.set_desired(world, one.device, "$edgeAgent", agent)
        twins.set_desired(world, one.device, "$edgeHub", _hub_desired())
    for name in one.modules:
        identities.put_module(world, one.device, name, {"managedBy": "iotEdge"})
        if name == PROBE:
            twins.set_desired(world, one.device, name, {"SendInterval": chance.choice((5, 15, 60)), "SendData": True})
    _history(world, one)


def _history(world: World, one: Seed) -> None:
    """Let the device have been there for a while: what it reported, and when it was last seen."""
    chance = random.Random(f"history of {one.device}")  # noqa: S311 -- as above
    began = _EPOCH + timedelta(minutes=chance.randrange(20_000))
    _first_report(world, one, began)
    seen = began + timedelta(minutes=chance.randrange(1, 9_000))
    for kind, key in (("device", one.device), ("module", f"{one.device}/$edgeAgent")):
        identity = world.get(kind, key) or {}
        moment = seen.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
        state = "Connected" if one.online else "Disconnected"
        identity.update(connectionState=state, connectionStateUpdatedTime=moment, lastActivityTime=moment)
        world.put(kind, key, identity)


def _first_report(world: World, one: Seed, began: datetime) -> None:
    twin = twins.get(world, one.device, "$edgeAgent") or {}
    moment = began.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    state = edge_reports.AgentState(version=one.agent, architecture=one.platform, started=moment)
    state.docker = "20.10.24" if one.agent.startswith("1.4") else "27.3.1"
    report = simulated_devices.plausible(state, twin["properties"]["desired"], {})
    report["version"]["build"] = "104850021" if one.agent.startswith("1.5") else ""
    for module in report["modules"].values():
        module["lastStartTimeUtc"] = moment
    _troubled(one, report, moment)
    if not one.online:
        report["lastDesiredVersion"] = max(1, report["lastDesiredVersion"] - 1)
        report["lastDesiredStatus"] = {"code": 406, "description": ""}
        for module in [*report["modules"].values(), *report["systemModules"].values()]:
            module["runtimeStatus"] = "unknown"
    twins.report(world, one.device, "$edgeAgent", report)


def _troubled(one: Seed, report: Document, moment: str) -> None:
    modules = report["modules"]
    if one.trouble in {"backoff", "failed"}:
        modules[one.modules[0]].update(
            runtimeStatus=one.trouble,
            exitCode=139 if one.trouble == "backoff" else 1,
            restartCount=7 if one.trouble == "backoff" else 20,
            lastExitTimeUtc=moment,
            lastRestartTimeUtc=moment,
        )
    elif one.trouble == "stopped":
        modules[one.modules[0]].update(runtimeStatus="stopped", lastExitTimeUtc=moment)
    elif one.trouble == "pull":
        name = one.modules[-1]
        image = modules.pop(name)["settings"]["image"]
        registry, _, rest = image.partition("/")
        repository, _, tag = rest.partition(":")
        report["lastDesiredStatus"] = {
            "code": 500,
            "description": f"One or more errors occurred. (Error calling prepare update for module {name}: Could not "
            f'prepare update for module "{name}"\n\tcaused by: Could not pull image {image}\n\tcaused by: Head '
            f'"https://{registry}/v2/{repository}/manifests/{tag}": unauthorized: authentication required)',
        }


def _agent_desired(minor: str, platform: str, names: tuple[str, ...]) -> Document:
    settings: Document = {"minDockerVersion": "v1.25", "loggingOptions": ""}
    if CAMERA in names:
        settings["registryCredentials"] = {
            "plantvision": {
                "username": "plantvision-pull",
                "password": secrets.token_urlsafe(24),
                "address": "plantvision.azurecr.io",
            }
        }
    hub_settings = {"image": f"mcr.microsoft.com/azureiotedge-hub:{minor}", "createOptions": _HUB_OPTIONS}
    edge_hub: Document = {"type": "docker", "status": "running", "restartPolicy": "always", "settings": hub_settings}
    if platform == "arm32v7":
        edge_hub["env"] = {"OptimizeForPerformance": {"value": False}}
    return {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": settings},
        "systemModules": {
            "edgeAgent": {
                "type": "docker",
                "settings": {"image": f"mcr.microsoft.com/azureiotedge-agent:{minor}", "createOptions": "{}"},
                "env": {"UpstreamProtocol": {"value": "AmqpWs"}, "SendRuntimeQualityTelemetry": {"value": False}},
            },
            "edgeHub": edge_hub,
        },
        "modules": {name: _module_desired(name) for name in names},
    }


def _module_desired(name: str) -> Document:
    module: Document = {
        "version": "1.0",
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": _IMAGES[name], **deployment.options_chunks(_OPTIONS.get(name, "{}"))},
    }
    if name == OPC:
        module.update(startupOrder=1, env={"LogLevel": {"value": "Information"}, "Batch": {"value": 50}})
    if name == CAMERA:
        module.update(
            imagePullPolicy="on-create", restartPolicy="on-failure", startupOrder=2, vendorNote={"sla": "gold"}
        )
    if name == STORE:
        module["env"] = {"LOCAL_STORAGE_ACCOUNT_NAME": {"value": "plant"}, "CLEANUP": {"value": True}}
    return module


def _hub_desired() -> Document:
    return {
        "schemaVersion": "1.1",
        "routes": {
            "sensorToCloud": f"FROM /messages/modules/{PROBE}/outputs/temperatureOutput INTO $upstream",
            "opcToCloud": {
                "route": f"FROM /messages/modules/{OPC}/* INTO $upstream",
                "priority": 2,
                "timeToLiveSecs": 7200,
            },
        },
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    }


def _own_address() -> str:
    """Return a loopback address for the live device alone, so that its ports are not this machine's."""
    if sys.platform == "linux":
        for _ in range(8):
            address = f"127.{secrets.randbelow(190) + 32}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
            with socket.socket() as probe:
                try:
                    probe.bind((address, 0))
                except OSError:
                    continue
                return address
    return "127.0.0.1"
