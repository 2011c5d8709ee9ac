"""Azure ML's model registry: assets (which files), and models (names, versions, tags) that point at them."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import wire
from edgetui.sandbox.machine_learning.paths import MODELS, bad_request, base, now, route
from edgetui.sandbox.world import Document, World

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
_ASSET = "aml://asset/"
# What a client may set, and what a model has when it does not.
_FIELDS: dict[str, Any] = {
    "mimeType": "application/json",
    "unpack": False,
    "description": None,
    "kvTags": {},
    "properties": {},
    "framework": "Custom",
    "frameworkVersion": None,
    "experimentName": None,
    "runId": None,
    "datasets": [],
    "sampleInputData": None,
    "sampleOutputData": None,
    "resourceRequirements": None,
}
_PATCHABLE = frozenset({*_FIELDS} - {"mimeType", "unpack", "runId", "experimentName"})


def create_asset(world: World, artifacts: list[Document], name: str = "") -> Document:
    """Store which files belong together: a list of `{"prefix": …}` or `{"id": …}`; return the asset."""
    asset: Document = {"id": uuid.uuid4().hex, "name": name, "artifacts": artifacts, "createdTime": now()}
    world.put("asset", asset["id"], asset)
    return asset


def register(world: World, body: Document) -> Document:
    """Store a new version of the model that `body` names; return it.

    Raises:
        HTTPException: 400 for a name that Azure ML refuses, or an asset that is not there.
    """
    name, url = body.get("name"), body.get("url")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_request(
            f"The model name {name!r} is not valid: it must start with a letter or digit and hold only letters, "
            "digits, '-', '.' and '_', at most 255."
        )
    if not isinstance(url, str) or not url.startswith(_ASSET) or world.get("asset", url[len(_ASSET) :]) is None:
        raise bad_request(f"The model's url {url!r} names no asset of this workspace.")
    given = {key: body[key] for key in _FIELDS if body.get(key) is not None}
    with world.transaction():
        version = _next(world, f"model:{name}")
        sequence = _next(world, "models")
        moment = now()
        model = {
            **_FIELDS,
            **given,
            "id": f"{name}:{version}",
            "name": name,
            "version": version,
            "url": url,
            "createdTime": moment,
            "modifiedTime": moment,
            "createdBy": {"userName": "Sandbox operator", "userTenantId": world.names.tenant},
            "parentModelId": None,
        }
        world.put("model", model["id"], {"sequence": sequence, "model": model})
    return model


def find(world: World, model_id: str) -> Document:
    """Return the model `name:version`.

    Raises:
        HTTPException: 404, there is none.
    """
    known = world.get("model", model_id)
    if known is None:
        raise HTTPException(404, f"ModelNotFound: The model with id '{model_id}' was not found.")
    return dict(known["model"])


def prefixes(world: World, model: Document) -> list[str]:
    """Return where the model's files lie: artifact ids of files, or of folders."""
    asset = world.get("asset", model["url"][len(_ASSET) :]) or {"artifacts": []}
    return [artifact.get("prefix") or artifact.get("id") or "" for artifact in asset["artifacts"]]


def routes(world: World) -> list[Route]:
    """Return the routes of assets and models."""

    def new_asset(request: Request) -> Response:
        body = wire.json_object(request)
        artifacts = body.get("artifacts")
        if not isinstance(artifacts, list) or not all(isinstance(item, dict) for item in artifacts):
            raise bad_request("artifacts must be a list of objects with a prefix.")
        return JSONResponse(create_asset(world, artifacts, body.get("name") or ""))

    def one_asset(request: Request) -> Response:
        known = world.get("asset", request.path_params["id"])
        if known is None:
            raise HTTPException(404, f"AssetNotFound: There is no asset '{request.path_params['id']}'.")
        return JSONResponse(known)

    def new_model(request: Request) -> Response:
        return JSONResponse(register(world, wire.json_object(request)))

    def one_model(request: Request) -> Response:
        return JSONResponse(find(world, request.path_params["id"]))

    def models(request: Request) -> Response:
        return JSONResponse(_page(world, request))

    def change(request: Request) -> Response:
        operations = wire.json_body(request)
        with world.transaction():
            model = find(world, request.path_params["id"])
            changed = _patched(model, operations)
            known = world.get("model", model["id"]) or {}
            world.put("model", model["id"], {**known, "model": {**changed, "modifiedTime": now()}})
        return JSONResponse(changed)

    def remove(request: Request) -> Response:
        # The SDK reads 204 as 'was not there' and says so to nobody; Azure ML answers the same.
        gone = world.delete("model", request.path_params["id"])
        return Response(status_code=200 if gone else 204)

    return [
        route(world, "POST", f"{MODELS}/assets", new_asset),
        route(world, "GET", f"{MODELS}/assets/{{id}}", one_asset),
        route(world, "POST", f"{MODELS}/models", new_model),
        route(world, "GET", f"{MODELS}/models", models),
        route(world, "GET", f"{MODELS}/models/{{id}}", one_model),
        route(world, "PATCH", f"{MODELS}/models/{{id}}", change),
        route(world, "DELETE", f"{MODELS}/models/{{id}}", remove),
    ]


def _next(world: World, counter: str) -> int:
    """Count up; a version that was deleted is not given again."""
    with world.transaction():
        value = int((world.get("counter", counter) or {"value": 0})["value"]) + 1
        world.put("counter", counter, {"value": value})
    return value


def _page(world: World, request: Request) -> Document:
    """Return one page of models, newest first unless asked otherwise, with a link to the next."""
    query = request.query_params
    order = query.get("orderBy") or "CreatedAtDesc"
    if order not in {"CreatedAtDesc", "CreatedAtAsc"}:
        raise bad_request(f"The sandbox orders models by CreatedAtDesc or CreatedAtAsc, not by {order!r}.")
    newest = order == "CreatedAtDesc"
    try:
        count = int(query.get("count") or 255)
        last = int(base64.urlsafe_b64decode(query["$skipToken"])) if query.get("$skipToken") else None
    except ValueError:
        raise bad_request("count or $skipToken is not valid.") from None
    found = sorted((entry for _, entry in world.items("model")), key=lambda entry: int(entry["sequence"]))
    if query.get("latestVersionOnly", "").lower() == "true":
        found = list({entry["model"]["name"]: entry for entry in found}.values())
    found = [entry for entry in (reversed(found) if newest else found) if _matches(entry["model"], request)]
    if last is not None:
        found = [entry for entry in found if (entry["sequence"] < last) == newest and entry["sequence"] != last]
    page, rest = found[: max(count, 1)], found[max(count, 1) :]
    result: Document = {"value": [entry["model"] for entry in page], "nextLink": None, "continuationToken": None}
    if rest:
        token = base64.urlsafe_b64encode(str(page[-1]["sequence"]).encode()).decode()
        link = request.url.include_query_params(**{"$skipToken": token})
        result |= {"continuationToken": token, "nextLink": f"{base(world)}/models?{link.query}"}
    return result


def _matches(model: Document, request: Request) -> bool:
    query = request.query_params
    plain = {"name": "name", "framework": "framework", "runId": "runId", "description": "description"}
    if any(query.get(asked) and model.get(field) != query[asked] for asked, field in plain.items()):
        return False
    pairs = [("kvTags", query.get("tags") or query.get("tag")), ("properties", query.get("properties"))]
    for field, wanted in pairs:
        for condition in (wanted or "").split(","):
            key, equals, value = condition.partition("=")
            have = model.get(field) or {}
            if key and (key not in have or (equals and str(have[key]) != value)):
                return False
    return True


def _patched(model: Document, operations: Any) -> Document:
    """Return the model after a JSON patch of whole fields, which is all that Azure ML's clients send."""
    if not isinstance(operations, list):
        raise bad_request("A patch is a list of operations.")
    changed = dict(model)
    for operation in operations:
        verb, field = operation.get("op"), str(operation.get("path", "")).lstrip("/")
        if verb not in {"add", "replace", "remove"} or field not in _PATCHABLE:
            raise bad_request(f"The model's field {field!r} cannot be changed by {verb!r}.")
        changed[field] = _FIELDS[field] if verb == "remove" else operation.get("value")
    return changed
