"""The blob store: files under `world.blobs`, served with the part of Azure's blob protocol that its clients use.

A blob's path is its container and name, like `azureml/LocalUpload/<container>/<file>`. Uploads are streamed to a
file beside the store and moved into place when complete, so a broken upload is never seen.
"""

from __future__ import annotations

import os
import re
from email.utils import formatdate
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from edgetui.sandbox.blobs import writes as blob_writes
from edgetui.sandbox.iot_hub import sas
from edgetui.sandbox.world import World

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\]")
_UNSAFE = re.compile(rb"[^A-Za-z0-9._~/-]")
_ESCAPE = re.compile(rb"=([0-9A-F]{2})")


def path(world: World, blob_path: str) -> Path:
    """Return where the bytes of a blob lie, whether or not it exists yet.

    Raises:
        ValueError: a path that no blob can have (empty, absolute, with `..` or a control character in it).
    """
    parts = blob_path.split("/")
    if any(part in {"", ".", ".."} or _REFUSED.search(part) for part in parts) or len(parts) < 2:
        raise ValueError(f"no blob can be called {blob_path!r}")
    return world.blobs.joinpath(*parts)


def upload_url(world: World, blob_path: str) -> str:
    """Return a signed URL to create or append to the blob at `blob_path`.

    azureml-core cuts the host at its first two dots into (account, "blob", suffix) and puts them together again, which
    would destroy a bare 127.0.0.1:PORT; as the user part of the URL the account survives and needs no name lookup.
    """
    path(world, blob_path)
    return f"https://edgesbx.blob.@{world.host}/{_escaped(blob_path)}?{sas.query(world, blob_path, sas.WRITE)}"


def read_url(world: World, blob_path: str) -> str:
    """Return a signed URL to read the blob at `blob_path`, which may not exist yet."""
    path(world, blob_path)
    return f"{world.base_url}/{_escaped(blob_path)}?{sas.query(world, blob_path, sas.READ)}"


def _escaped(blob_path: str) -> str:
    """Return the path as URLs carry it: `=C3=A4` for ä.

    Without percent signs: azureml-core escapes the path of the URL that it was given, whether or not it is escaped already,
    and any other client leaves it alone. Both must end at the same blob.
    """
    return _UNSAFE.sub(lambda match: b"=%02X" % match[0][0], blob_path.encode()).decode()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode()).decode()


def routes(world: World) -> list[Route]:
    """Return the store's routes. They take any path, so they must come after those of all other rooms."""

    async def blob(request: Request) -> Response:
        reading = request.method in {"GET", "HEAD"}
        if "sig" not in request.query_params:
            return await _refuse(request, 404, "ResourceNotFound", "The specified resource does not exist.")
        try:
            blob_path = _unescaped(request.path_params["blob_path"])
            file = path(world, blob_path)
        except ValueError:
            return await _refuse(request, 400, "InvalidUri", "The requested URI does not represent any resource.")
        reason = sas.problem(world, blob_path, request.query_params, "r" if reading else "w")
        if reason:
            text = f"Server failed to authenticate the request. {reason}"
            return await _refuse(request, 403, "AuthenticationFailed", text)
        if reading:
            return await run_in_threadpool(_read, world, request, blob_path, file)
        try:
            return await blob_writes.write(world, request, blob_path, file)
        except OSError as problem:
            return await _refuse(request, *blob_writes.disk_error(problem))

    return [Route("/{blob_path:path}", blob, methods=["GET", "HEAD", "PUT"])]


async def _refuse(request: Request, status: int, code: str, text: str) -> Response:
    """Answer with an error, after the body has come in: closing early would break the pipe under the client."""
    async for _ in request.stream():
        pass
    return blob_writes.error(status, code, text)


def _read(world: World, request: Request, blob_path: str, file: Path) -> Response:
    try:
        stat = file.stat()
    except OSError:
        stat = None
    if stat is None or not file.is_file():
        return blob_writes.error(404, "BlobNotFound", "The specified blob does not exist.")
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    match = _RANGE.fullmatch(asked) if asked else None  # Azure ignores ranges of any other form
    headers = [(name, value) for name, value in request.scope["headers"] if name not in {b"range", b"if-range"}]
    if match:
        first, last = int(match[1]), int(match[2] or stat.st_size)
        if first >= stat.st_size or last < first:
            text = "The range specified is invalid for the current size of the resource."
            return blob_writes.error(416, "InvalidRange", text, {"Content-Range": f"bytes */{stat.st_size}"})
        headers.append((b"range", match[0].encode()))
    request.scope["headers"] = headers
    known = world.get("blob", blob_path) or {}
    return FileResponse(
        file,
        headers=facts(stat, known.get("type", "BlockBlob"), known.get("metadata", {})),
        media_type=known.get("contentType", "application/octet-stream"),
        stat_result=stat,  # a log may grow while it is sent
    )


def facts(stat: os.stat_result, kind: str, metadata: dict[str, str]) -> dict[str, str]:
    """Return the headers that describe a blob."""
    return {
        "ETag": blob_writes.etag(stat),
        "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        "x-ms-blob-type": kind,
        "x-ms-version": sas.VERSION,
        "x-ms-server-encrypted": "true",
        **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
    }
