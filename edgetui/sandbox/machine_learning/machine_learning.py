"""Azure ML: where its services are, and the routes of each: artifacts, models, packages and images."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox.machine_learning import artifacts, model_registry
from edgetui.sandbox.world import World

# azureml-core refuses a workspace that lacks any of the first six.
_SERVICES = (
    "api",
    "experimentation",
    "history",
    "hyperdrive",
    "modelmanagement",
    "studio",
    "artifact",
    "mms",
    "assets",
    "environment",
    "execution",
    "runhistory",
)


def routes(world: World) -> list[Route]:
    """Return the routes of all services of Azure ML."""

    def discovery(_request: Request) -> Response:
        return JSONResponse(dict.fromkeys(_SERVICES, world.base_url))

    return [
        Route("/discovery/workspaces/{workspace_id}", discovery),
        *artifacts.routes(world),
        *model_registry.routes(world),
        *_packages(world),
    ]


def _packages(world: World) -> list[Route]:
    from importlib.util import find_spec

    if find_spec("edgetui.sandbox.builder.builder") is None:
        return []
    from edgetui.sandbox.machine_learning import packages

    return packages.routes(world)
