"""Resource Manager's side of the container registry: the resource, its admin user, and that user's passwords."""

from __future__ import annotations

import base64
import secrets
import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edgetui.sandbox import wire
from edgetui.sandbox.arm.paths import GROUP, Endpoint, require_names
from edgetui.sandbox.world import Document, World

TYPE = "Microsoft.ContainerRegistry/registries"
_PASSWORDS = {"password": "registry-password", "password2": "registry-password2"}  # wire name -> name of the secret


def registry(world: World) -> Document:
    """Return the registry as Resource Manager shows it."""
    names = world.names
    group_id = f"/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}"
    return {
        "id": f"{group_id}/providers/{TYPE}/{names.registry}",
        "name": names.registry,
        "type": TYPE,
        "location": names.location,
        "tags": {},
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "loginServer": world.host,
            "creationDate": "2026-01-05T08:00:00.0000000Z",
            "provisioningState": "Succeeded",
            "adminUserEnabled": admin_enabled(world),
            "publicNetworkAccess": "Enabled",
            "anonymousPullEnabled": False,
        },
    }


def exists(world: World) -> bool:
    """Say whether the workspace has its registry; Azure ML makes one for the first image that it builds."""
    return world.get("registry", world.names.registry) is not None


def create(world: World) -> None:
    """Make the registry unless it is there; its admin user is off, as in a new registry on Azure."""
    with world.transaction():
        if not exists(world):
            world.put("registry", world.names.registry, {"adminUserEnabled": False})


def admin_enabled(world: World) -> bool:
    """Say whether the admin user may sign in."""
    return bool((world.get("registry", world.names.registry) or {}).get("adminUserEnabled"))


def credentials(world: World) -> Document:
    """Return the admin user's name and both passwords."""
    passwords = [{"name": name, "value": world.secret(secret)} for name, secret in _PASSWORDS.items()]
    return {"username": world.names.registry, "passwords": passwords}


def endpoints(world: World) -> list[tuple[str, str, Endpoint]]:
    """Return (method, path, endpoint) of everything that this provider answers."""

    def listed(request: Request) -> Response:
        require_names(world, request, TYPE)
        return JSONResponse({"value": [registry(world)] if exists(world) else []})

    def require(request: Request) -> None:
        # Without a registry no name is its name, and the miss is worded as for any other.
        require_names(world, request, TYPE, world.names.registry if exists(world) else "")

    def one(request: Request) -> Response:
        require(request)
        return JSONResponse(registry(world))

    def update(request: Request) -> Response:
        require(request)
        properties = wire.json_object(request).get("properties") or {}
        enabled = properties.get("adminUserEnabled")
        if not isinstance(enabled, bool) or set(properties) != {"adminUserEnabled"}:
            raise HTTPException(400, "InvalidRequestContent: The sandbox's registry can only change adminUserEnabled.")
        operation = uuid.uuid4().hex
        with world.transaction():
            known = world.get("registry", world.names.registry) or {}
            world.put("registry", world.names.registry, {**known, "adminUserEnabled": enabled})
            world.put("arm-operation", operation, {"polls": 0})
        place = f"/subscriptions/{world.names.subscription}/providers/Microsoft.ContainerRegistry/locations"
        link = f"{world.base_url}{place}/{world.names.location}/operationResults/{operation}?api-version=2025-04-01"
        pending = registry(world)
        pending["properties"]["provisioningState"] = "Updating"
        return JSONResponse(pending, 201, {"Azure-AsyncOperation": link, "Retry-After": "1"})

    def operation_result(request: Request) -> Response:
        operation = request.path_params["operation"]
        with world.transaction():
            known = world.get("arm-operation", operation)
            if known is None:
                raise HTTPException(404, f"OperationNotFound: There is no operation '{operation}'.")
            world.put("arm-operation", operation, {"polls": known["polls"] + 1})
        if known["polls"] == 0:
            return JSONResponse({"status": "InProgress"}, headers={"Retry-After": "1"})
        return JSONResponse({"status": "Succeeded"})

    def list_credentials(request: Request) -> Response:
        require(request)
        _require_admin(world)
        return JSONResponse(credentials(world))

    def regenerate(request: Request) -> Response:
        require(request)
        _require_admin(world)
        name = wire.json_object(request).get("name")
        if name not in _PASSWORDS:
            raise HTTPException(400, f"InvalidPasswordName: There is no password {name!r}; use password or password2.")
        fresh = base64.b64encode(secrets.token_bytes(32)).decode()
        world.put("secret", _PASSWORDS[name], {"value": fresh})
        return JSONResponse(credentials(world))

    everywhere = f"/subscriptions/{{subscription}}/providers/{TYPE}"
    mine = f"{GROUP}/providers/{TYPE}"
    results = (
        "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/locations/{location}/operationResults"
    )
    return [
        ("GET", everywhere, listed),
        ("GET", mine, listed),
        ("GET", f"{mine}/{{name}}", one),
        ("PATCH", f"{mine}/{{name}}", update),
        ("POST", f"{mine}/{{name}}/listCredentials", list_credentials),
        ("POST", f"{mine}/{{name}}/regenerateCredential", regenerate),
        ("GET", f"{results}/{{operation}}", operation_result),
    ]


def _require_admin(world: World) -> None:
    if not admin_enabled(world):
        raise HTTPException(
            400,
            "UnAuthorizedForCredentialOperations: Cannot perform credential operations for "
            f"{registry(world)['id']} as admin user is disabled. Kindly enable admin user as per docs: "
            "https://docs.microsoft.com/en-us/azure/container-registry/container-registry-authentication#admin-account",
        )
