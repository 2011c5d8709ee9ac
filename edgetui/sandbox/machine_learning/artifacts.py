"""Azure ML's artifacts: signed URLs to upload files into the blob store, and to read them back."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import wire
from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.machine_learning.paths import ARTIFACTS, bad_request, route
from edgetui.sandbox.world import Document, World

CONTAINER = "azureml"  # the blob container that holds every artifact
_PAGE = 200


def blob_path(artifact: str) -> str:
    """Return the blob path of an artifact id, like `LocalUpload/<container>/<file>`."""
    return f"{CONTAINER}/{artifact}"


def files(world: World, prefix: str) -> list[str]:
    """Return the artifact ids of all stored files at `prefix`: the file itself, or everything in that folder.

    Raises:
        ValueError: no artifact can have that name.
    """
    at = blobs.path(world, blob_path(prefix.rstrip("/")))
    if at.is_file():
        return [prefix]
    root = world.blobs / CONTAINER
    return sorted(file.relative_to(root).as_posix() for file in at.rglob("*") if file.is_file())


def routes(world: World) -> list[Route]:
    """Return the routes of the artifact service."""

    def new(request: Request) -> Response:
        origin, container = request.path_params["origin"], request.path_params["container"]
        wanted = wire.json_object(request).get("paths") or []
        if not all(isinstance(entry, dict) and isinstance(entry.get("path"), str) for entry in wanted):
            raise bad_request("paths must be a list of objects with a path.")
        found: dict[str, Document] = {"artifacts": {}, "artifactContentInformation": {}, "errors": {}}
        for entry in wanted:
            path = entry["path"]
            about = _described(origin, container, path)
            try:
                url = blobs.upload_url(world, blob_path(about["artifactId"]))
            except ValueError as problem:
                found["errors"][path] = {"error": {"code": "UserError", "message": f"{problem}"}}
                continue
            found["artifacts"][path] = about
            found["artifactContentInformation"][path] = {**about, "contentUri": url}
        return JSONResponse(found)

    def below(request: Request) -> Response:
        try:
            found = files(world, _at(request))
            start = int(request.query_params.get("continuationToken") or 0)
        except ValueError as problem:
            raise bad_request(str(problem)) from None
        page = found[start : start + _PAGE]
        more = str(start + _PAGE) if start + _PAGE < len(found) else None
        return JSONResponse({"value": [_readable(world, artifact) for artifact in page], "continuationToken": more})

    def one(request: Request) -> Response:
        try:
            found = files(world, _at(request))
        except ValueError as problem:
            raise bad_request(str(problem)) from None
        if found != [_at(request)]:
            raise HTTPException(404, f"ArtifactNotFound: There is no artifact '{_at(request)}'.")
        return JSONResponse(_readable(world, found[0]))

    where = "{origin}/{container}/{path:path}"
    return [
        route(world, "POST", f"{ARTIFACTS}/batch/metadata/{{origin}}/{{container}}", new),
        route(world, "GET", f"{ARTIFACTS}/prefix/contentinfo/{where}", below),
        route(world, "GET", f"{ARTIFACTS}/contentinfo/{where}", one),
        route(world, "GET", f"{ARTIFACTS}/metadata/{where}", one),
    ]


def _at(request: Request) -> str:
    return "/".join(request.path_params[part] for part in ("origin", "container", "path"))


def _described(origin: str, container: str, path: str) -> Document:
    return {"artifactId": f"{origin}/{container}/{path}", "origin": origin, "container": container, "path": path}


def _readable(world: World, artifact: str) -> Document:
    origin, container, path = artifact.split("/", 2)
    return {
        **_described(origin, container, path),
        "contentUri": blobs.read_url(world, blob_path(artifact)),
        "contentLength": blobs.path(world, blob_path(artifact)).stat().st_size,
    }
