"""The container registry: the OCI distribution API 1.1 with authentication, for any client that pushes or pulls.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox.registry import auth as registry_auth
from edgetui.sandbox.registry import store as registry_store
from edgetui.sandbox.registry.store import RegistryError
from edgetui.sandbox.registry.uploads import Uploads
from edgetui.sandbox.world import World

_MANIFEST_LIMIT = 4 << 20  # bytes, as the specification asks for at least
_CATALOG_PAGE = 100
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_ACTION = {"GET": "pull", "HEAD": "pull", "POST": "push", "PUT": "push", "PATCH": "push", "DELETE": "delete"}
_PATHS = [
    ("upload", re.compile(r"(?P<name>.+)/blobs/uploads/(?P<last>[^/]*)")),
    ("blob", re.compile(r"(?P<name>.+)/blobs/(?P<last>[^/]+)")),
    ("manifest", re.compile(r"(?P<name>.+)/manifests/(?P<last>[^/]+)")),
    ("referrers", re.compile(r"(?P<name>.+)/referrers/(?P<last>[^/]+)")),
    ("tags", re.compile(r"(?P<name>.+)/tags/(?P<last>list)")),
]
_HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0"}

Handler = Callable[[Request, str, str], Awaitable[Response]]


def start(world: World) -> None:
    """Forget the uploads that an earlier run left open."""
    for upload, _ in world.items("registry-upload"):
        world.delete("registry-upload", upload)
    shutil.rmtree(world.state / "registry" / "uploads", ignore_errors=True)


def routes(world: World) -> list[Route]:
    """Return the registry's routes, those of its tokens too."""
    uploads = Uploads(world)
    stored = _Stored(world)
    table: dict[tuple[str, str], Handler] = {
        ("upload", "POST"): lambda request, name, _: uploads.begin(request, name),
        ("upload", "GET"): uploads.status,
        ("upload", "PATCH"): uploads.append,
        ("upload", "PUT"): uploads.finish,
        ("upload", "DELETE"): uploads.cancel,
        ("blob", "GET"): stored.blob,
        ("blob", "HEAD"): stored.blob,
        ("blob", "DELETE"): stored.delete_blob,
        ("manifest", "GET"): stored.manifest,
        ("manifest", "HEAD"): stored.manifest,
        ("manifest", "PUT"): stored.put_manifest,
        ("manifest", "DELETE"): stored.delete_manifest,
        ("referrers", "GET"): stored.referrers,
        ("tags", "GET"): stored.tags,
    }

    async def answer(request: Request) -> Response:
        rest = request.path_params.get("rest", "")
        if rest in {"", "_catalog"}:
            scope = ("registry", "catalog", "*") if rest else ("", "", "")
            await run_in_threadpool(registry_auth.require, world, request, *scope)
            return await run_in_threadpool(stored.catalog, request) if rest else JSONResponse({})
        kind, name, last = _parse(rest)
        handler = table.get((kind, request.method))
        if handler is None or (kind == "upload" and (request.method == "POST") == bool(last)):
            raise RegistryError(405, "UNSUPPORTED", "the operation is unsupported")
        registry_store.check_repository(name)
        # An upload's own requests, its status too, are part of pushing.
        actions = ["push" if kind == "upload" else _ACTION[request.method]]
        if kind == "tags":
            actions.append("metadata_read")
        await run_in_threadpool(registry_auth.require, world, request, "repository", name, *actions)
        return await handler(request, name, last)

    async def endpoint(request: Request) -> Response:
        try:
            response = await answer(request)
        except RegistryError as problem:
            response = await _refuse(world, request, problem)
        except OSError as problem:
            text = f"the sandbox could not use its disk: {problem.strerror or problem}"
            # Not a 5xx: docker repeats those for a minute before it says anything.
            response = await _refuse(world, request, RegistryError(413, "SIZE_INVALID", text))
        response.headers.update(_HEADERS)
        return response

    return [
        *registry_auth.routes(world),
        Route("/v2", endpoint, methods=_METHODS),
        Route("/v2/{rest:path}", endpoint, methods=_METHODS),
    ]


class _Stored:
    """The answers about what is in the store."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def blob(self, _request: Request, name: str, digest: str) -> Response:
        file = await run_in_threadpool(registry_store.blob, self._world, name, digest)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        return FileResponse(file, headers=headers, media_type="application/octet-stream")

    async def delete_blob(self, _request: Request, name: str, digest: str) -> Response:
        await run_in_threadpool(registry_store.delete_blob, self._world, name, digest)
        return Response(status_code=202)

    async def manifest(self, _request: Request, name: str, reference: str) -> Response:
        digest, media_type, raw = await run_in_threadpool(registry_store.manifest, self._world, name, reference)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Content-Type": media_type}
        return Response(raw, headers=headers)

    async def put_manifest(self, request: Request, name: str, reference: str) -> Response:
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > _MANIFEST_LIMIT:
                raise RegistryError(413, "SIZE_INVALID", f"a manifest has at most {_MANIFEST_LIMIT} bytes")
        sent = request.headers.get("content-type")
        stored = await run_in_threadpool(registry_store.put_manifest, self._world, name, reference, bytes(raw), sent)
        digest = stored["digest"]
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if stored["subject"]:
            headers["OCI-Subject"] = stored["subject"]
        return Response(status_code=201, headers=headers)

    async def delete_manifest(self, _request: Request, name: str, reference: str) -> Response:
        await run_in_threadpool(registry_store.delete_manifest, self._world, name, reference)
        return Response(status_code=202)

    async def referrers(self, request: Request, name: str, digest: str) -> Response:
        if not registry_store.is_digest(digest):
            raise RegistryError(400, "DIGEST_INVALID", "invalid digest", {"digest": digest})
        kind = request.query_params.get("artifactType")
        found = await run_in_threadpool(registry_store.referrers, self._world, name, digest, kind)
        index = {"schemaVersion": 2, "mediaType": registry_store.OCI_INDEX, "manifests": found}
        headers = {"Content-Type": registry_store.OCI_INDEX} | ({"OCI-Filters-Applied": "artifactType"} if kind else {})
        return JSONResponse(index, headers=headers)

    async def tags(self, request: Request, name: str, _last: str) -> Response:
        found = await run_in_threadpool(registry_store.tags, self._world, name)
        page, headers = _page(request, found, None)
        return JSONResponse({"name": name, "tags": page}, headers=headers)

    def catalog(self, request: Request) -> Response:
        page, headers = _page(request, registry_store.repositories(self._world), _CATALOG_PAGE)
        return JSONResponse({"repositories": page}, headers=headers)


def _parse(rest: str) -> tuple[str, str, str]:
    for kind, pattern in _PATHS:
        match = pattern.fullmatch(rest)
        if match:
            return kind, match["name"], match["last"]
    raise RegistryError(404, "NAME_UNKNOWN", "the registry has no such resource", {"path": rest})


def _page(request: Request, names: list[str], default: int | None) -> tuple[list[str], dict[str, str]]:
    """Return one page of sorted names after `last`, at most `n`, and the Link header to the next."""
    given = request.query_params.get("n")
    if given is not None and not given.isdecimal():
        detail = {"n": given}
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", detail)
    count = int(given) if given is not None else default
    last = request.query_params.get("last", "")
    rest = [name for name in names if name > last]
    page = rest if count is None else rest[:count]
    if len(page) == len(rest) or not page:
        return page, {}
    query = urlencode({"last": page[-1], "n": count})
    return page, {"Link": f'<{request.url.path}?{query}>; rel="next"'}


async def _refuse(world: World, request: Request, problem: RegistryError) -> Response:
    """Answer with an error, after the body has come in: closing early would break the pipe under the client."""
    if request.headers.get("expect", "").lower() != "100-continue":
        await _drain(request)
    error: dict[str, Any] = {"code": problem.code, "message": problem.message, "detail": problem.detail}
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = await run_in_threadpool(registry_auth.challenge, world, request, problem.detail)
    return JSONResponse({"errors": [error]}, problem.status, headers)


async def _drain(request: Request) -> None:
    try:
        async for _ in request.stream():
            pass
    except (ClientDisconnect, RuntimeError):
        return  # gone, or read already
