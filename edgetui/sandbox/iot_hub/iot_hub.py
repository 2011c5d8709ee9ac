"""The IoT hub's REST service: identities, twins, queries, setting an edge device's modules, direct methods, statistics.

Not here yet: automatic deployments are listed (there are none) and refused, scheduled jobs and messages are missing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import wire
from edgetui.sandbox.edge_device import methods as edge_methods
from edgetui.sandbox.iot_hub import auth as hub_auth
from edgetui.sandbox.iot_hub import configuration_content, identities, twins
from edgetui.sandbox.iot_hub import query as hub_query
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import Document, World

_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
PAGE = 100
PAGE_LIMIT = 1000
Endpoint = Callable[[World, Request], Response]


def routes(world: World) -> list[Route]:
    """Return the hub's routes; all are at the root of the server, as on a hub's own host."""
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/devices", _devices),
        ("POST", "/devices/query", _query),
        ("GET", "/devices/{device}", _device),
        ("PUT", "/devices/{device}", _put_device),
        ("DELETE", "/devices/{device}", _delete_device),
        ("POST", "/devices/{device}/applyConfigurationContent", _apply),
        ("GET", "/devices/{device}/modules", _modules),
        ("GET", "/devices/{device}/modules/{module}", _module),
        ("PUT", "/devices/{device}/modules/{module}", _put_module),
        ("DELETE", "/devices/{device}/modules/{module}", _delete_module),
        ("GET", "/twins/{device}", _twin),
        ("PATCH", "/twins/{device}", _change_twin),
        ("PUT", "/twins/{device}", _change_twin),
        ("POST", "/twins/{device}/methods", _method),
        ("GET", "/twins/{device}/modules/{module}", _twin),
        ("PATCH", "/twins/{device}/modules/{module}", _change_twin),
        ("PUT", "/twins/{device}/modules/{module}", _change_twin),
        ("POST", "/twins/{device}/modules/{module}/methods", _method),
        ("GET", "/configurations", _configurations),
        ("GET", "/configurations/{configuration}", _configuration),
        ("PUT", "/configurations/{configuration}", _put_configuration),
        ("GET", "/statistics/devices", _device_statistics),
        ("GET", "/statistics/service", _service_statistics),
    ]
    return [Route(path, _guarded(world, endpoint), methods=[method]) for method, path, endpoint in table]


def _guarded(world: World, endpoint: Endpoint) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            hub_auth.require(world, request)
            _check_version(request)
            return endpoint(world, request)
        except HubError as problem:
            return problem.response()
        except RecursionError:
            return HubError(400, "BadRequest", "The body is nested too deeply").response()
        except HTTPException as problem:  # a body that is no JSON
            return HubError(problem.status_code, "BadRequest", problem.detail).response()

    return answer


def _check_version(request: Request) -> None:
    if not _API_VERSION.fullmatch(request.query_params.get("api-version", "")):
        raise HubError(400, "InvalidProtocolVersion", "api-version is missing or not a date")


def _ids(request: Request) -> tuple[str, str | None]:
    return request.path_params["device"], request.path_params.get("module")


def _count(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 10**8:
        raise twins.bad(f"{name} {text!r}: must be a positive integer")
    return min(int(text[:9]), PAGE_LIMIT)


def _precondition(request: Request, etag: str) -> None:
    """Check If-Match: quoted, weak or bare."""
    given = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if given not in {"", "*", etag}:
        raise HubError(412, "PreconditionFailed", "Precondition failed: the entity has changed since it was read")


def _devices(world: World, request: Request) -> Response:
    top = _count(request.query_params.get("top", str(PAGE_LIMIT)), "top")
    return JSONResponse([identity for _, identity in world.items("device")][:top])


def _device(world: World, request: Request) -> Response:
    identity = identities.device(world, _ids(request)[0])
    return JSONResponse(identity, headers={"ETag": f'"{identity["etag"]}"'})


def _put_device(world: World, request: Request) -> Response:
    device, _ = _ids(request)
    body = wire.json_object(request)
    if body.get("deviceId", device) != device:
        raise twins.bad("deviceId differs from the one in the path")
    with world.transaction():
        known = world.get("device", device)
        if known is not None and "if-match" not in request.headers:
            raise HubError(409, "DeviceAlreadyExists", f"The device '{device}' is registered already")
        _precondition(request, known["etag"] if known else "*")
        return JSONResponse(identities.put_device(world, device, body))


def _delete_device(world: World, request: Request) -> Response:
    with world.transaction():
        identity = identities.device(world, _ids(request)[0])
        _precondition(request, identity["etag"])
        if identity["deviceId"] == world.names.live_device:
            text = "This sandbox keeps its live device; remove its modules instead"
            raise HubError(403, "OperationNotAllowedInCurrentState", text)
        identities.delete_device(world, identity["deviceId"])
    return Response(status_code=204)


def _modules(world: World, request: Request) -> Response:
    device, _ = _ids(request)
    identities.device(world, device)
    return JSONResponse([identity for _, identity in world.items("module", f"{device}/")])


def _module(world: World, request: Request) -> Response:
    device, module = _ids(request)
    return JSONResponse(identities.module(world, device, module or ""))


def _put_module(world: World, request: Request) -> Response:
    device, module = _ids(request)
    assert module is not None  # noqa: S101 -- the route has it
    body = wire.json_object(request)
    _reserved(module)
    with world.transaction():
        identities.device(world, device)
        known = world.get("module", f"{device}/{module}")
        if known is not None and "if-match" not in request.headers:
            raise HubError(409, "ModuleAlreadyExistsOnDevice", f"The module '{module}' is registered already")
        _precondition(request, known["etag"] if known else "*")
        return JSONResponse(identities.put_module(world, device, module, body))


def _delete_module(world: World, request: Request) -> Response:
    device, module = _ids(request)
    _reserved(module)
    with world.transaction():
        identity = identities.module(world, device, module or "")
        _precondition(request, identity["etag"])
        identities.delete_module(world, device, identity["moduleId"])
    return Response(status_code=204)


def _reserved(module: str | None) -> None:
    # Code, status and text as the service answers (Azure/iotedge#1162).
    if module in identities.SYSTEM_MODULES:
        raise HubError(401, "SystemModuleModifyUnauthorizedAccess", "Unauthorized to modify reserved module.")


def _identity(world: World, request: Request) -> Document:
    device, module = _ids(request)
    return identities.device(world, device) if module is None else identities.module(world, device, module)


def _twin_response(identity: Document, twin: Document) -> Response:
    return JSONResponse(identities.twin_view(identity, twin), headers={"ETag": f'"{twins.etag(twin)}"'})


def _twin(world: World, request: Request) -> Response:
    with world.lock:
        identity = _identity(world, request)
        twin = twins.get(world, *_ids(request))
    assert twin is not None  # noqa: S101 -- made together with the identity
    return _twin_response(identity, twin)


def _change_twin(world: World, request: Request) -> Response:
    device, module = _ids(request)
    body = wire.json_object(request)
    with world.transaction():
        identity = _identity(world, request)
        _reserved(module)
        twin = twins.get(world, device, module)
        assert twin is not None  # noqa: S101 -- made together with the identity
        _precondition(request, twins.etag(twin))
        twin = twins.change(world, device, module, body, replace=request.method == "PUT")
    return _twin_response(identity, twin)


def _query(world: World, request: Request) -> Response:
    text = wire.json_object(request).get("query")
    if not isinstance(text, str):
        raise HubError(400, "BadRequest", "The body must be an object with a text 'query'")
    query = hub_query.parse(text)
    size = _count(request.headers.get("x-ms-max-item-count", str(PAGE)), "x-ms-max-item-count")
    start = _read_token(request.headers.get("x-ms-continuation", ""))
    matching = [row for row in identities.rows(world, query.source) if query.matches(row)]
    found = query.aggregate(matching) if query.aggregates else [query.project(row) for row in matching[: query.top]]
    headers = {"x-ms-item-type": "Raw" if query.items else "Twin"}
    if len(found) > start + size:
        headers["x-ms-continuation"] = base64.b64encode(json.dumps({"from": start + size}).encode()).decode()
    return JSONResponse(found[start : start + size], headers=headers)


def _read_token(token: str) -> int:
    if not token:
        return 0
    try:
        start = json.loads(base64.b64decode(token, validate=True))["from"]
    except (ValueError, KeyError, TypeError):
        start = None
    if not isinstance(start, int) or start < 0:
        raise HubError(400, "BadRequest", "x-ms-continuation is not a token of this hub")
    return start


def _apply(world: World, request: Request) -> Response:
    configuration_content.apply(world, _ids(request)[0], wire.json_object(request))
    return Response(status_code=204)


def _method(world: World, request: Request) -> Response:
    identity = _identity(world, request)
    body = wire.json_object(request)
    name, payload = body.get("methodName"), body.get("payload")
    if not isinstance(name, str) or not name:
        raise twins.bad("methodName is missing")
    live = identity["deviceId"] == world.names.live_device and identity.get("moduleId") == "$edgeAgent"
    if not live or identity["connectionState"] != "Connected":
        # Direct methods have an error document in the message.
        detail: dict[str, Any] = {
            "errorCode": 404103,
            "message": "Timed out waiting for device to connect.",
            "info": {"timeout": "00:00:00"},
            "timestampUtc": twins.now(),
        }
        raise HubError(404, "DeviceNotOnline", detail["message"], json.dumps(detail))
    status, answer = edge_methods.invoke(name, payload)
    return JSONResponse({"status": status, "payload": answer})


def _configurations(world: World, request: Request) -> Response:
    top = _count(request.query_params.get("top", "20"), "top")
    return JSONResponse([document for _, document in world.items("configuration")][:top])


def _configuration(world: World, request: Request) -> Response:
    name = request.path_params["configuration"]
    found = world.get("configuration", name)
    if found is None:
        raise HubError(404, "ConfigurationNotFound", f"There is no configuration '{name}'")
    return JSONResponse(found)


def _put_configuration(_world: World, _request: Request) -> Response:
    text = "This sandbox does not carry out automatic deployments yet; set the modules of single devices"
    raise HubError(403, "OperationNotAllowedInCurrentState", text)


def _device_statistics(world: World, _request: Request) -> Response:
    states = [identity["status"] for _, identity in world.items("device")]
    return JSONResponse(
        {
            "totalDeviceCount": len(states),
            "enabledDeviceCount": states.count("enabled"),
            "disabledDeviceCount": states.count("disabled"),
        }
    )


def _service_statistics(world: World, _request: Request) -> Response:
    states = [identity["connectionState"] for _, identity in world.items("device")]
    return JSONResponse({"connectedDeviceCount": states.count("Connected")})


def seed(world: World) -> None:
    """Fill a new hub with its fleet."""
    from edgetui.sandbox.fleet import seed as fleet_seed

    fleet_seed.seed(world)
