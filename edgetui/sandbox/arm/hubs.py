"""Resource Manager's side of the IoT hub: where it answers, and the keys of its shared access policies."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edgetui.sandbox.arm.paths import GROUP, Endpoint, require_names, same
from edgetui.sandbox.world import Document, World

TYPE = "Microsoft.Devices/IotHubs"
_POLICY = "iothubowner"


def hub(world: World) -> Document:
    """Return the hub as Resource Manager shows it."""
    names = world.names
    group_id = f"/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}"
    return {
        "id": f"{group_id}/providers/{TYPE}/{names.hub}",
        "name": names.hub,
        "type": TYPE,
        "location": names.location,
        "resourcegroup": names.resource_group,
        "subscriptionid": names.subscription,
        "etag": "AAAADGk9lHE=",
        "tags": {},
        "sku": {"name": "S1", "tier": "Standard", "capacity": 1},
        "properties": {
            "hostName": world.host,
            "state": "Active",
            "provisioningState": "Succeeded",
            "features": "None",
            "locations": [{"location": names.location, "role": "primary"}],
        },
    }


def endpoints(world: World) -> list[tuple[str, str, Endpoint]]:
    """Return (method, path, endpoint) of everything that this provider answers."""

    def listed(request: Request) -> Response:
        require_names(world, request, TYPE)
        return JSONResponse({"value": [hub(world)]})

    def one(request: Request) -> Response:
        require_names(world, request, TYPE, world.names.hub)
        return JSONResponse(hub(world))

    def policy() -> Document:
        # One key serves as both: the hub's room checks signatures with it.
        key = world.secret("hub-key")
        rights = "RegistryWrite, ServiceConnect, DeviceConnect"
        return {"keyName": _POLICY, "primaryKey": key, "secondaryKey": key, "rights": rights}

    def keys(request: Request) -> Response:
        require_names(world, request, TYPE, world.names.hub)
        return JSONResponse({"value": [policy()]})

    def one_key(request: Request) -> Response:
        require_names(world, request, TYPE, world.names.hub)
        if not same(request.path_params["policy"], _POLICY):
            raise HTTPException(404, f"404001: There is no policy '{request.path_params['policy']}'.")
        return JSONResponse(policy())

    mine = f"{GROUP}/providers/{TYPE}"
    return [
        ("GET", f"/subscriptions/{{subscription}}/providers/{TYPE}", listed),
        ("GET", mine, listed),
        ("GET", f"{mine}/{{name}}", one),
        ("POST", f"{mine}/{{name}}/listkeys", keys),
        ("POST", f"{mine}/{{name}}/IotHubKeys/{{policy}}/listkeys", one_key),
    ]
