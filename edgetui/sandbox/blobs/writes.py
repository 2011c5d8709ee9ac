"""Writing blobs: whole, in blocks, or by appending; always to a temporary file first, moved into place when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from edgetui.sandbox.iot_hub import sas
from edgetui.sandbox.world import World

_GATHER = 1 << 20  # bytes collected before one write to the disk
_MAX_BLOCK_LIST = 16 << 20  # bytes of XML; 50,000 blocks need about 6 MB


def error(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error as the blob service words it."""
    xml = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>'
    more = {"x-ms-error-code": code, "x-ms-version": sas.VERSION, **(headers or {})}
    return Response(xml, status, more, media_type="application/xml")


def disk_error(problem: OSError) -> tuple[int, str, str]:
    """Return (status, code, text) for a file that could not be written.

    A full disk is a 413 and not a 507: the blob client repeats every 5xx for more than a minute before it says anything.
    """
    if problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return 413, "InsufficientStorage", "The sandbox's disk is full: the blob was not stored."
    if problem.errno in {errno.ENAMETOOLONG, errno.EINVAL}:
        return 400, "InvalidUri", "The sandbox's disk does not take a file of that name."
    if problem.errno in {errno.ENOTDIR, errno.EISDIR}:
        return 409, "BlobNameConflict", "A blob's name is the folder of another; the sandbox stores blobs as files."
    return 500, "InternalError", f"The sandbox could not write the blob: {problem.strerror}."


def etag(stat: os.stat_result) -> str:
    """Return the ETag of a stored blob."""
    return f'"0x{stat.st_mtime_ns:X}{stat.st_size:X}"'


async def write(world: World, request: Request, blob_path: str, file: Path) -> Response:
    """Do one PUT: a whole blob, a block, the list of blocks, an empty append blob, or a block appended to it.

    Raises:
        OSError: the disk refused; nothing visible has changed.
    """
    comp = request.query_params.get("comp")
    if comp == "block":
        return await _put_block(world, request, blob_path)
    if comp == "blocklist":
        return await _put_block_list(world, request, blob_path, file)
    if comp == "appendblock":
        return await _append(world, request, file)
    if comp == "metadata":
        return await run_in_threadpool(_put_metadata, world, request, blob_path, file)
    if comp is None:
        return await _put_blob(world, request, blob_path, file)
    return await refuse_value(request, f"comp={comp}")


async def refuse_value(request: Request, what: str) -> Response:
    """Say that the sandbox does not know this form of PUT."""
    async for _ in request.stream():
        pass
    return error(400, "InvalidQueryParameterValue", f"The sandbox's blob store does not know {what}.")


async def _put_blob(world: World, request: Request, blob_path: str, file: Path) -> Response:
    kind = request.headers.get("x-ms-blob-type", "BlockBlob")
    if kind not in {"BlockBlob", "AppendBlob"}:
        return await refuse_value(request, f"x-ms-blob-type: {kind}")
    async with _received(world, request) as part:
        if _taken(request, file):
            return error(409, "BlobAlreadyExists", "The specified blob already exists.")
        await run_in_threadpool(_commit, world, request, part, blob_path, file, kind)
    return _created(file)


async def _put_block(world: World, request: Request, blob_path: str) -> Response:
    folder = _blocks(world, blob_path)
    async with _received(world, request) as part:
        folder.mkdir(parents=True, exist_ok=True)
        part.replace(folder / _hashed(request.query_params.get("blockid", "")))
    return Response(status_code=201, headers={"x-ms-version": sas.VERSION})


async def _put_block_list(world: World, request: Request, blob_path: str, file: Path) -> Response:
    xml = b""
    async for chunk in request.stream():
        xml += chunk
        if len(xml) > _MAX_BLOCK_LIST:
            return error(413, "RequestBodyTooLarge", "The block list is too long.")
    try:
        names = [_hashed(node.text or "") for node in ElementTree.fromstring(xml)]  # noqa: S314 -- expat refuses bombs
    except ElementTree.ParseError as problem:
        return error(400, "InvalidXmlDocument", f"The block list is not valid XML: {problem}.")
    folder = _blocks(world, blob_path)
    blocks = [folder / name for name in names]
    if not all(block.is_file() for block in blocks):
        return error(400, "InvalidBlockList", "The specified block list is invalid.")
    if _taken(request, file):
        return error(409, "BlobAlreadyExists", "The specified blob already exists.")
    part = _new_part(world)
    try:
        await run_in_threadpool(_join, blocks, part)
        await run_in_threadpool(_commit, world, request, part, blob_path, file, "BlockBlob")
    finally:
        part.unlink(missing_ok=True)
    await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    return _created(file)


async def _append(world: World, request: Request, file: Path) -> Response:
    async with _received(world, request) as part:
        offset = await run_in_threadpool(_append_file, world, part, file)
    if offset is None:
        return error(404, "BlobNotFound", "The specified blob does not exist.")
    return _created(file, {"x-ms-blob-append-offset": str(offset)})


def _append_file(world: World, part: Path, file: Path) -> int | None:
    if not file.is_file():
        return None
    with world.lock, file.open("ab") as whole:
        offset = whole.tell()
        try:
            with part.open("rb") as more:
                shutil.copyfileobj(more, whole, _GATHER)
            whole.flush()
        except OSError:
            whole.truncate(offset)
            raise
    return offset


def _put_metadata(world: World, request: Request, blob_path: str, file: Path) -> Response:
    if not file.is_file():
        return error(404, "BlobNotFound", "The specified blob does not exist.")
    with world.transaction():
        known = world.get("blob", blob_path) or {"type": "BlockBlob"}
        world.put("blob", blob_path, {**known, "metadata": _metadata(request)})
    return Response(status_code=200, headers={"ETag": etag(file.stat())})


def _commit(world: World, request: Request, part: Path, blob_path: str, file: Path, kind: str) -> None:
    content_type = request.headers.get("x-ms-blob-content-type") or "application/octet-stream"
    file.parent.mkdir(parents=True, exist_ok=True)
    part.replace(file)
    world.put("blob", blob_path, {"type": kind, "contentType": content_type, "metadata": _metadata(request)})


def _join(blocks: list[Path], part: Path) -> None:
    with part.open("wb") as whole:
        for block in blocks:
            with block.open("rb") as piece:
                shutil.copyfileobj(piece, whole, _GATHER)


@contextlib.asynccontextmanager
async def _received(world: World, request: Request) -> AsyncIterator[Path]:
    """Stream the request's body into a temporary file; it is gone afterwards unless it was moved into place."""
    part = _new_part(world)
    try:
        gathered = bytearray()
        with part.open("wb", buffering=0) as out:
            async for chunk in request.stream():
                gathered += chunk
                if len(gathered) >= _GATHER:
                    await run_in_threadpool(_write_all, out.fileno(), bytes(gathered))
                    gathered.clear()
            await run_in_threadpool(_write_all, out.fileno(), bytes(gathered))
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _new_part(world: World) -> Path:
    folder = world.state / "uploads"
    folder.mkdir(exist_ok=True)
    return folder / uuid.uuid4().hex


def _blocks(world: World, blob_path: str) -> Path:
    return world.state / "uploads" / f"blocks-{_hashed(blob_path)}"


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _taken(request: Request, file: Path) -> bool:
    return request.headers.get("if-none-match") == "*" and file.exists()


def _metadata(request: Request) -> dict[str, str]:
    prefix = "x-ms-meta-"
    return {name[len(prefix) :]: value for name, value in request.headers.items() if name.startswith(prefix)}


def _created(file: Path, more: dict[str, str] | None = None) -> Response:
    stat = file.stat()
    headers = {
        "ETag": etag(stat),
        "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        "x-ms-version": sas.VERSION,
        "x-ms-request-server-encrypted": "true",
        **(more or {}),
    }
    return Response(status_code=201, headers=headers)
