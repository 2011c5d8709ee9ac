"""What all services of Azure ML share: the workspace in the path, and the check of who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgetui.sandbox import tokens
from edgetui.sandbox.arm.paths import require_names
from edgetui.sandbox.world import World

Endpoint = Callable[[Request], Response]
_WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}"
)
ARTIFACTS = f"/artifact/v2.0{_WORKSPACE}/artifacts"
MODELS = f"/modelmanagement/v1.0{_WORKSPACE}"


def route(world: World, method: str, path: str, endpoint: Endpoint) -> Route:
    """Return a route behind the bearer check, for this world's workspace only."""

    def checked(request: Request) -> Response:
        tokens.require_bearer(world, request)
        require_names(world, request, "Microsoft.MachineLearningServices/workspaces", world.names.workspace)
        return endpoint(request)

    return Route(path, checked, methods=[method])


def base(world: World) -> str:
    """Return the address of this workspace's model management."""
    names = world.names
    filled = MODELS.format(subscription=names.subscription, group=names.resource_group, name=names.workspace)
    return world.base_url + filled


def now() -> str:
    """Return the time as the service writes it."""
    return datetime.now(timezone.utc).isoformat()


def bad_request(message: str) -> HTTPException:
    """Return a 400 to raise."""
    return HTTPException(400, f"BadRequest: {message}")
