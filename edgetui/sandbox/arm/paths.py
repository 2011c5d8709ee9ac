"""What all parts of Resource Manager share: how paths are matched, what a request must carry, how a miss is worded."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgetui.sandbox import tokens
from edgetui.sandbox.world import World

Endpoint = Callable[[Request], Response]
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"


class ArmRoute(Route):
    """A route whose fixed words match in any case, as Resource Manager's do."""

    def __init__(self, path: str, endpoint: Endpoint, methods: list[str] | None = None) -> None:
        super().__init__(path, endpoint, methods=methods or ["GET"])
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


def same(one: str, other: str) -> bool:
    """Compare names as Azure does: in any case."""
    return one.casefold() == other.casefold()


def require_names(world: World, request: Request, kind: str, name: str | None = None) -> None:
    """Check the subscription and the group in the path, and that `{name}` in it is `name`.

    Raises:
        HTTPException: 404, worded as Resource Manager does.
    """
    asked = request.path_params
    names = world.names
    if not same(asked["subscription"], names.subscription):
        raise HTTPException(
            404, f"SubscriptionNotFound: The subscription '{asked['subscription']}' could not be found."
        )
    if "group" in asked and not same(asked["group"], names.resource_group):
        raise HTTPException(404, f"ResourceGroupNotFound: Resource group '{asked['group']}' could not be found.")
    if name is not None and not same(asked["name"], name):
        raise HTTPException(
            404,
            f"ResourceNotFound: The Resource '{kind}/{asked['name']}' under resource group '{names.resource_group}' "
            "was not found.",
        )


def guarded(world: World, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint behind the bearer check and the `api-version` that Resource Manager insists on."""

    def checked(request: Request) -> Response:
        tokens.require_bearer(world, request)
        if "api-version" not in request.query_params:
            raise HTTPException(
                400, "MissingApiVersionParameter: The api-version query parameter (?api-version=) is required."
            )
        return endpoint(request)

    return checked
