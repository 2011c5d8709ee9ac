"""IoT Hub by the unmodified azure-iot-hub: devices by pages, live twins, deployment manifests, module logs."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from collections.abc import Iterator
from typing import Any

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, ConfigurationContent, QuerySpecification

from edgetui.adapters.context import Context
from edgetui.adapters.edge.hub_calls import HubCalls, without_system_keys
from edgetui.core.errors import EdgeError
from edgetui.core.models import Deployed, Device, HubInfo

PAGE = 1000  # the service gives fewer at a time where it likes; queries are what it throttles, so ask for many
_API_VERSION = "2023-06-30"
_DEVICES = "SELECT * FROM devices WHERE capabilities.iotEdge = true"
_AGENTS = (
    "SELECT deviceId, properties.reported.runtime.platform AS platform, properties.reported.version.version AS agent, "
    "properties.reported.modules AS modules, properties.reported.lastDesiredStatus.code AS code "
    "FROM devices.modules WHERE moduleId = '$edgeAgent'"
)
_LOG_LINES = 500  # an answer has at most 128 KB


class IotHub:
    """The Hub port over one Azure; `page` is how many rows a query asks for at a time."""

    def __init__(self, context: Context, page: int = PAGE) -> None:
        self._calls = HubCalls(context, IoTHubRegistryManager, IoTHubConfigurationManager)
        self._page = page

    def hubs(self, subscription: str) -> list[HubInfo]:
        """The IoT Hubs of a subscription, by name."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Devices/IotHubs"
        found = self._calls.arm.list(path, _API_VERSION, f"list the IoT Hubs of subscription {subscription}")
        hubs = [
            HubInfo(
                one["name"],
                (one.get("properties") or {}).get("hostName", ""),
                subscription,
                one.get("resourcegroup") or _group(one.get("id", "")),
                (one.get("sku") or {}).get("name", ""),
            )
            for one in found
        ]
        return sorted(hubs, key=lambda hub: hub.name.lower())

    def devices(self, hub: HubInfo) -> Iterator[list[Device]]:
        """The hub's IoT Edge devices, page by page; two queries a page at most, never one for a device."""
        agents: dict[str, dict[str, Any]] = {}
        more = self._query(hub, _AGENTS)
        for page in self._query(hub, _DEVICES):
            # Both queries come in about the same order: read on until the page's devices are known.
            while not all(twin.device_id in agents for twin in page):
                rows = next(more, None)
                if rows is None:
                    break
                agents.update({row.device_id: row.additional_properties or {} for row in rows})
            yield [_device(twin, agents.pop(twin.device_id, {})) for twin in page]

    def _query(self, hub: HubInfo, text: str) -> Iterator[list[Any]]:
        query, doing, token = QuerySpecification(query=text), f"list the devices of {hub.name}", None

        def ask(registry: Any, _: Any) -> Any:
            return registry.query_iot_hub(query, token, self._page)

        while True:
            answer = self._calls.read(hub, doing, ask)
            yield answer.items or []
            token = answer.continuation_token
            if not token:
                return

    def deployed(self, hub: HubInfo, device: str) -> Deployed:
        """The live twins of one device: what it was told and what it answered."""
        doing = f"read the twins of device {device}"
        field = "target.devices"
        own = self._calls.read(hub, doing, lambda registry, _: registry.get_twin(device), field)
        if not (own.capabilities and own.capabilities.iot_edge):
            title = f"Device {device} of {hub.name} is no IoT Edge device"
            raise EdgeError(
                title, remedy="Choose a device that was registered for IoT Edge.", field=field, kind="input"
            )
        agent = self._calls.read(hub, doing, lambda registry, _: registry.get_module_twin(device, "$edgeAgent"), field)
        edge_hub = self._calls.read(hub, doing, lambda registry, _: registry.get_module_twin(device, "$edgeHub"), field)
        applied = (agent.additional_properties or {}).get("configurations") or {}
        return Deployed(
            device,
            without_system_keys(agent.properties.desired),
            without_system_keys(edge_hub.properties.desired),
            _version(agent.properties.desired),
            _version(edge_hub.properties.desired),
            without_system_keys(agent.properties.reported),
            # The agent's own connection is the truth; the device's comes through edgeHub, where that runs.
            "Connected" in {agent.connection_state, own.connection_state},
            own.tags or {},
            {name: str((one or {}).get("status", "")) for name, one in applied.items()},
        )

    def apply(self, hub: HubInfo, device: str, modules_content: dict[str, Any]) -> None:
        """Apply a deployment manifest's modulesContent to one device. Last writer wins: look before."""
        content = ConfigurationContent(modules_content=modules_content)
        self._calls.write(
            hub,
            f"set the modules of device {device}",
            lambda _, deployments: deployments.apply_configuration_on_edge_device(device, content),
            "target.devices",
        )

    def module_log(self, hub: HubInfo, device: str, module: str, lines: int = 100) -> str:
        """The last lines of a module's log, asked of the device's agent by a direct method; it must be connected."""
        wanted = {"id": f"^{re.escape(module)}$", "filter": {"tail": max(1, min(lines, _LOG_LINES))}}
        payload = {"schemaVersion": "1.0", "items": [wanted], "encoding": "gzip", "contentType": "text"}
        method = CloudToDeviceMethod(
            method_name="GetModuleLogs", payload=payload, response_timeout_in_seconds=30, connect_timeout_in_seconds=10
        )
        doing = f"read the log of module {module} on {device}"
        answer = self._calls.read(
            hub, doing, lambda registry, _: registry.invoke_device_module_method(device, "$edgeAgent", method)
        )
        if answer.status != 200 or not isinstance(answer.payload, list):
            detail = str((answer.payload or {}).get("message", "")) if isinstance(answer.payload, dict) else ""
            remedy = "The edge agent answered, but without a log: it may be older than 1.0.10, or have no such module."
            raise EdgeError(f"Could not {doing}", detail or f"The agent's status is {answer.status}.", remedy)
        if not answer.payload:
            remedy = "Wait until the device has created it, or check the module's name."
            raise EdgeError(f"Device {device} has no module {module} yet", remedy=remedy, retryable=True)
        return "".join(_log_text(one, doing) for one in answer.payload)


def _log_text(one: dict[str, Any], doing: str) -> str:
    """One log of the answer: gzip in base64, or plain."""
    packed = one.get("payloadBytes")
    if not packed:
        return str(one.get("payload") or "")
    try:
        return gzip.decompress(base64.b64decode(packed)).decode("utf-8", "replace")
    except (binascii.Error, OSError, EOFError) as problem:
        raise EdgeError(f"Could not {doing}: the log is damaged", str(problem), "Try again.", retryable=True) from None


def _group(resource_id: str) -> str:
    found = re.search(r"/resourceGroups/([^/]+)/", resource_id, re.IGNORECASE)
    return found[1] if found else ""


def _version(properties: dict[str, Any] | None) -> int:
    return int((properties or {}).get("$version", 0))


def _device(twin: Any, agent: dict[str, Any]) -> Device:
    platform = agent.get("platform") or {}
    modules = agent.get("modules")
    seen = twin.last_activity_time
    code = agent.get("code")
    return Device(
        twin.device_id,
        twin.status or "enabled",
        twin.connection_state == "Connected",
        _platform(platform) if isinstance(platform, dict) else "",
        str(agent.get("agent") or ""),
        tuple(sorted(modules)) if isinstance(modules, dict) else (),
        twin.tags or {},
        # The service says year 1 for never.
        seen.isoformat() if seen and seen.year > 1 else "",
        code if isinstance(code, int) else None,
    )


_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "arm64v8": "arm64",
    "arm32v7": "arm/v7",
    "armv7l": "arm/v7",
    "arm": "arm/v7",
}


def _platform(reported: dict[str, Any]) -> str:
    """What the agent says of its machine, in the container world's words: `linux/amd64`."""
    system, machine = str(reported.get("os") or "").lower(), str(reported.get("architecture") or "").lower()
    return f"{system}/{_MACHINES.get(machine, machine)}" if system and machine else ""


def create(context: Context) -> IotHub:
    """Make the adapter in the process that hosts it."""
    return IotHub(context)
