"""Uploads to the container registry: whole, in chunks, or by mounting another repository's blob.

What has arrived lies in a file of its own until the last request names the digest; the file's size is the offset.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from io import FileIO
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edgetui.sandbox.registry import auth as registry_auth
from edgetui.sandbox.registry import store as registry_store
from edgetui.sandbox.registry.store import RegistryError
from edgetui.sandbox.world import World

_GATHER = 1 << 20  # bytes collected before one write to the disk
_RANGE = re.compile(r"(\d+)-(\d+)")


class Uploads:
    """The open uploads of one registry."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._busy: set[str] = set()  # uploads that a request is writing to; touched by the event loop only

    async def begin(self, request: Request, repository: str) -> Response:
        """POST: mount a blob, take a whole one, or open an upload."""
        query = request.query_params
        mount = query.get("mount")
        if mount:
            mounted = await run_in_threadpool(self._mount, request, repository, mount)
            if mounted:
                return _created(repository, mount)
        upload = uuid.uuid4().hex
        await run_in_threadpool(self._open, upload, repository)
        if query.get("digest"):
            return await self._finish(request, repository, upload, query["digest"])
        return self._accepted(repository, upload, 0)

    async def append(self, request: Request, repository: str, upload: str) -> Response:
        """PATCH: take a chunk, at the place that Content-Range names or at the end."""
        file = await run_in_threadpool(self._file, repository, upload)
        return self._accepted(repository, upload, await self._receive(request, upload, file))

    async def finish(self, request: Request, repository: str, upload: str) -> Response:
        """PUT: take the last chunk, if there is one, and make the whole a blob with the digest of the query."""
        await run_in_threadpool(self._file, repository, upload)
        return await self._finish(request, repository, upload, request.query_params.get("digest", ""))

    async def status(self, _request: Request, repository: str, upload: str) -> Response:
        """GET: say how much has arrived."""
        file = await run_in_threadpool(self._file, repository, upload)
        return self._accepted(repository, upload, await run_in_threadpool(_size, file), 204)

    async def cancel(self, _request: Request, repository: str, upload: str) -> Response:
        """DELETE: forget the upload."""
        await run_in_threadpool(self._file, repository, upload)
        await run_in_threadpool(self._close, upload)
        return Response(status_code=204)

    async def _finish(self, request: Request, repository: str, upload: str, digest: str) -> Response:
        file = self._path(upload)
        await self._receive(request, upload, file)
        try:
            await run_in_threadpool(registry_store.add_blob, self._world, repository, file, digest)
        finally:
            await run_in_threadpool(self._close, upload)
        return _created(repository, digest)

    async def _receive(self, request: Request, upload: str, file: Path) -> int:
        """Append the body to the file and return its new size; a chunk of the wrong length leaves no trace."""
        if upload in self._busy:
            raise RegistryError(409, "BLOB_UPLOAD_INVALID", "another request is writing to this upload")
        self._busy.add(upload)
        try:
            start = await run_in_threadpool(_size, file)
            length = self._expected(request, start)
            try:
                size = await _append(request, file)
            except ClientDisconnect:
                size = await run_in_threadpool(_size, file)
                length = size - start if length is None else length
            if length is not None and size - start != length:
                await run_in_threadpool(_truncate, file, start)
                raise RegistryError(400, "SIZE_INVALID", "provided length did not match content length")
            return size
        finally:
            self._busy.discard(upload)

    def _expected(self, request: Request, start: int) -> int | None:
        """Return how long the chunk says that it is, None when it does not."""
        given = request.headers.get("content-range")
        if given is None:
            return None
        match = _RANGE.fullmatch(given.strip().removeprefix("bytes "))
        if not match or int(match[1]) != start or int(match[2]) < start:
            detail = {"received": start}
            raise RegistryError(416, "BLOB_UPLOAD_INVALID", f"the next chunk must start at {start}", detail)
        return int(match[2]) - start + 1

    def _mount(self, request: Request, repository: str, digest: str) -> bool:
        source = request.query_params.get("from", "")
        try:
            registry_auth.require(self._world, request, "repository", source, "pull")
        except RegistryError:
            return False  # an ordinary upload is the answer that the specification wants
        return registry_store.mount_blob(self._world, source, repository, digest)

    def _open(self, upload: str, repository: str) -> None:
        file = self._path(upload)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        self._world.put("registry-upload", upload, {"repository": repository})

    def _close(self, upload: str) -> None:
        self._world.delete("registry-upload", upload)
        self._path(upload).unlink(missing_ok=True)

    def _file(self, repository: str, upload: str) -> Path:
        known = self._world.get("registry-upload", upload)
        if known is None or known["repository"] != repository:
            raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", {"upload": upload})
        return self._path(upload)

    def _path(self, upload: str) -> Path:
        return self._world.state / "registry" / "uploads" / upload

    def _accepted(self, repository: str, upload: str, size: int, status: int = 202) -> Response:
        headers = {
            "Location": f"/v2/{repository}/blobs/uploads/{upload}",
            "Range": f"0-{max(size - 1, 0)}",
            "Docker-Upload-UUID": upload,
        }
        return Response(status_code=status, headers=headers)


async def _append(request: Request, file: Path) -> int:
    gathered = bytearray()
    with file.open("ab", buffering=0) as out:
        try:
            async for chunk in request.stream():
                gathered += chunk
                if len(gathered) >= _GATHER:
                    await run_in_threadpool(_write_all, out, bytes(gathered))
                    gathered.clear()
        finally:  # a client that lost its connection asks how much arrived
            await asyncio.shield(run_in_threadpool(_write_all, out, bytes(gathered)))
    return await run_in_threadpool(_size, file)


def _size(file: Path) -> int:
    return file.stat().st_size


def _write_all(out: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _truncate(file: Path, size: int) -> None:
    with file.open("r+b") as out:
        out.truncate(size)


def _created(repository: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)
