"""Azure Resource Manager: subscriptions, groups, the list of resources, and workspaces."""

from __future__ import annotations

import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox.arm import hubs as arm_hubs
from edgetui.sandbox.arm import registries as arm_registries
from edgetui.sandbox.arm.paths import GROUP, ArmRoute, Endpoint, guarded, require_names, same
from edgetui.sandbox.world import Document, World

_TYPE_FILTER = re.compile(r"resourceType\s+eq\s+'([^']+)'", re.IGNORECASE)
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


def routes(world: World) -> list[Route]:
    """Return Resource Manager's routes, those of its providers too."""

    def subscription() -> Document:
        return {
            "id": f"/subscriptions/{world.names.subscription}",
            "subscriptionId": world.names.subscription,
            "tenantId": world.names.tenant,
            "displayName": "Edge sandbox",
            "state": "Enabled",
        }

    def subscriptions(_request: Request) -> Response:
        return JSONResponse({"value": [subscription()]})

    def one_subscription(request: Request) -> Response:
        require_names(world, request, "")
        return JSONResponse(subscription())

    def groups(request: Request) -> Response:
        require_names(world, request, "")
        return JSONResponse({"value": [_group(world)]})

    def group(request: Request) -> Response:
        require_names(world, request, "")
        return JSONResponse(_group(world))

    def resources(request: Request) -> Response:
        require_names(world, request, "")
        wanted = _TYPE_FILTER.search(request.query_params.get("$filter", ""))
        registries = [arm_registries.registry(world)] if arm_registries.exists(world) else []
        everything = [workspace(world), *registries, arm_hubs.hub(world)]
        brief = [
            {key: resource[key] for key in ("id", "name", "type", "location", "sku", "tags")}
            for resource in everything
            if wanted is None or same(resource["type"], wanted[1])
        ]
        return JSONResponse({"value": brief})

    def workspaces(request: Request) -> Response:
        require_names(world, request, _WORKSPACES)
        return JSONResponse({"value": [workspace(world)], "nextLink": None})

    def one_workspace(request: Request) -> Response:
        require_names(world, request, _WORKSPACES, world.names.workspace)
        return JSONResponse(workspace(world))

    def workspace_keys(request: Request) -> Response:
        require_names(world, request, _WORKSPACES, world.names.workspace)
        keys: dict[str, Any] = {"userStorageKey": world.secret("storage-key")}
        if arm_registries.admin_enabled(world):
            keys["containerRegistryCredentials"] = {
                "location": world.names.location,
                **arm_registries.credentials(world),
            }
        return JSONResponse(keys)

    here = "/subscriptions/{subscription}"
    spaces = f"/providers/{_WORKSPACES}"
    own: list[tuple[str, str, Endpoint]] = [
        ("GET", "/subscriptions", subscriptions),
        ("GET", here, one_subscription),
        ("GET", f"{here}/resourceGroups", groups),
        ("GET", GROUP, group),
        ("GET", f"{here}/resources", resources),
        ("GET", f"{GROUP}/resources", resources),
        ("GET", f"{here}{spaces}", workspaces),
        ("GET", f"{GROUP}{spaces}", workspaces),
        ("GET", f"{GROUP}{spaces}/{{name}}", one_workspace),
        ("POST", f"{GROUP}{spaces}/{{name}}/listKeys", workspace_keys),
    ]
    table = [*own, *arm_registries.endpoints(world), *arm_hubs.endpoints(world)]

    def unknown(request: Request) -> Response:
        text = f"The sandbox has no resource at '{request.url.path}'."
        raise HTTPException(404, f"ResourceNotFound: {text}")

    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return [
        *(ArmRoute(path, guarded(world, endpoint), [method]) for method, path, endpoint in table),
        ArmRoute("/subscriptions/{rest:path}", guarded(world, unknown), every),
    ]


def seed(world: World) -> None:
    """Put the registry into a new world, unless its scenario has none yet."""
    if not (world.get("setting", "registry") or {}).get("missing"):
        arm_registries.create(world)


def workspace(world: World) -> Document:
    """Return the workspace as Resource Manager shows it."""
    names = world.names
    group_id = f"/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}"
    identity = world.secret("workspace-id").encode().hex()
    # The SDK keeps what it discovers in the home folder under this URL; the fresh part keeps it from using an old port.
    nonce = f"{world.host.rpartition(':')[2]}-{identity[:8]}"
    workspace_id = f"{identity[:8]}-ed9e-4000-8000-{identity[8:20]}"
    registry = {"containerRegistry": arm_registries.registry(world)["id"]} if arm_registries.exists(world) else {}
    return {
        "id": f"{group_id}/providers/{_WORKSPACES}/{names.workspace}",
        "name": names.workspace,
        "type": _WORKSPACES,
        "location": names.location,
        "tags": {},
        "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {"type": "SystemAssigned", "principalId": workspace_id, "tenantId": names.tenant},
        "properties": {
            "friendlyName": names.workspace,
            "description": "The workspace of the edgetui sandbox",
            "workspaceId": workspace_id,
            "creationTime": "2026-01-05T08:00:00.0000000+00:00",
            "provisioningState": "Succeeded",
            **registry,
            "storageAccount": f"{group_id}/providers/Microsoft.Storage/storageAccounts/edgesbx",
            "keyVault": f"{group_id}/providers/Microsoft.KeyVault/vaults/edge-vault",
            "applicationInsights": f"{group_id}/providers/microsoft.insights/components/edge-insights",
            "discoveryUrl": f"{world.base_url}/discovery/workspaces/{workspace_id}?n={nonce}",
            "hbiWorkspace": False,
        },
    }


def _group(world: World) -> Document:
    names = world.names
    return {
        "id": f"/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}",
        "name": names.resource_group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": names.location,
        "properties": {"provisioningState": "Succeeded"},
    }
