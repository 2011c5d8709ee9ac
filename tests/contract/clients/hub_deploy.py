"""A plain azure-iot-hub script: devices by pages, a manifest applied, and the module's answer; prints what it saw as JSON.

Reads from stdin `{"image", "credential": {"username", "password", "address"} or null, "request", "port", "module"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import loopback_only

loopback_only.watch()

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager  # noqa: E402
from azure.iot.hub.models import CloudToDeviceMethod, ConfigurationContent, QuerySpecification  # noqa: E402

LIVE = "line1-gateway"
EDGE_DEVICES = "SELECT * FROM devices WHERE capabilities.iotEdge = true"
LIMIT = 120  # seconds
POLL = 0.1


def connected() -> tuple[Any, Any]:
    connection = os.environ["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"]
    return (
        IoTHubRegistryManager.from_connection_string(connection),
        IoTHubConfigurationManager.from_connection_string(connection),
    )


def pages(hub: Any, size: int) -> list[list[str]]:
    """Return the ids of all edge devices, page by page."""
    found, token = [], None
    while True:
        page = hub.query_iot_hub(QuerySpecification(query=EDGE_DEVICES), token, size)
        found.append([twin.device_id for twin in page.items])
        token = page.continuation_token
        if token is None:
            return found


def manifest(image: str, credential: dict[str, str] | None, port: int, module: str = "scorer") -> ConfigurationContent:
    """Return a whole deployment with one module of ours."""

    def system(name: str) -> dict[str, Any]:
        return {"type": "docker", "settings": {"image": f"mcr.microsoft.com/azureiotedge-{name}:1.6"}}

    always = {"status": "running", "restartPolicy": "always"}
    options = {"HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": str(port)}]}}}
    runtime: dict[str, Any] = {"minDockerVersion": "v1.25"}
    if credential:
        runtime["registryCredentials"] = {"edgeacr": credential}
    agent = {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": runtime},
        "systemModules": {"edgeAgent": system("agent"), "edgeHub": {**system("hub"), **always}},
        "modules": {
            module: {
                "version": "1.0",
                "type": "docker",
                **always,
                "settings": {"image": image, "createOptions": json.dumps(options)},
            }
        },
    }
    hub = {"schemaVersion": "1.1", "routes": {}, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}
    return ConfigurationContent(
        modules_content={"$edgeAgent": {"properties.desired": agent}, "$edgeHub": {"properties.desired": hub}}
    )


def agent_twin(hub: Any) -> Any:
    return hub.get_module_twin(LIVE, "$edgeAgent").properties


def deploy(hub: Any, deployments: Any, content: ConfigurationContent) -> dict[str, Any]:
    """Apply the manifest and wait for the agent's verdict on it; return what the agent reports."""
    deployments.apply_configuration_on_edge_device(LIVE, content)
    version = agent_twin(hub).desired["$version"]
    deadline = time.monotonic() + LIMIT
    while True:
        reported: dict[str, Any] = agent_twin(hub).reported
        status = reported.get("lastDesiredStatus", {}).get("code")
        if reported.get("lastDesiredVersion") == version and status in {200, 400, 412, 417, 500}:
            return reported
        assert time.monotonic() < deadline, json.dumps(reported)
        time.sleep(POLL)


def answer(hub: Any, port: int, request: Any) -> Any:
    """Ask the module on its device, as soon as it listens; return what it answers."""
    address = hub.get_twin(LIVE).tags["address"]
    call = urllib.request.Request(
        f"http://{address}:{port}/score", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + LIMIT
    while True:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(call, timeout=30) as reply:  # noqa: S310
            return json.load(reply)
        assert time.monotonic() < deadline
        time.sleep(POLL)


def main(asked: dict[str, Any]) -> dict[str, Any]:
    hub, deployments = connected()
    found = pages(hub, 10)
    saw: dict[str, Any] = {
        "pages": [len(page) for page in found],
        "devices": [device for page in found for device in page],
    }
    saw["before"] = agent_twin(hub).desired["systemModules"]["edgeAgent"]["settings"]["image"]
    name = asked["module"]
    reported = deploy(hub, deployments, manifest(asked["image"], asked["credential"], asked["port"], name))
    saw["status"] = reported["lastDesiredStatus"]
    saw["module"] = reported["modules"].get(name)
    if saw["status"]["code"] == 200:
        saw["answer"] = answer(hub, asked["port"], asked["request"])
        saw["ping"] = hub.invoke_device_module_method(
            LIVE, "$edgeAgent", CloudToDeviceMethod(method_name="ping")
        ).status
        saw["modules"] = sorted(module.module_id for module in hub.get_modules(LIVE))
    return saw


if __name__ == "__main__":
    result = main(json.load(sys.stdin))
    result["left"], result["connections"] = loopback_only.LEFT, len(loopback_only.CALLS)
    print(json.dumps(result))
