"""Faults on purpose: which calls fail, how, and how often. They are data: a scenario has some, and a client can set others.

A fault is an object: `method` (`*`: any) and `path` (a regular expression, searched in the path) say which calls; `status` says
how they fail: an HTTP status in the words of the service that was asked, `"hang"` (no answer at all), or `"reset"` (the
connection breaks). Optional: `times` (how many calls; without it all), `delay` (seconds before, and without `status` all that
happens), `code` and `message` in place of the service's usual ones, and `headers`.

`/sandbox/faults`, with the sandbox's bearer token: GET lists them, POST `{"faults": [...]}` replaces them, DELETE removes them.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import fault_words, tokens, wire
from edgetui.sandbox.world import Document, World

PATH = "/sandbox/faults"
KINDS = ("hang", "reset")
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "method": str,
    "path": str,
    "status": (int, str),
    "times": int,
    "delay": (int, float),
    "code": str,
    "message": str,
    "headers": dict,
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def check(fault: Any) -> Document:
    """Return the fault if it is one.

    Raises:
        ValueError: a field is missing, unknown or of the wrong kind; the text names it.
    """
    if not isinstance(fault, dict):
        raise ValueError("a fault must be an object")  # noqa: TRY004 -- one kind for every wrong form
    for name, value in fault.items():
        if name not in _FIELDS:
            raise ValueError(f"a fault has no field {name!r}; it has {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
            raise ValueError(f"the fault's {name} cannot be {value!r}")  # noqa: TRY004 -- as above
    if "path" not in fault or not {"status", "delay"} & fault.keys():
        raise ValueError("a fault needs a path, and a status or a delay")
    try:
        re.compile(fault["path"])
    except re.error as problem:
        raise ValueError(f"the fault's path is not a regular expression: {problem}") from None
    status = fault.get("status", 500)
    if status not in KINDS and not (isinstance(status, int) and 400 <= status <= 599):
        raise ValueError(f"the fault's status must be 400 to 599, {' or '.join(KINDS)}, not {status!r}")
    return fault


class Table:
    """The faults of one world; kept with it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._faults: list[Document] = (world.get("setting", "faults") or {"faults": []})["faults"]

    def listed(self) -> list[Document]:
        """Return the faults that are still to come."""
        with self._lock:
            return [dict(fault) for fault in self._faults]

    def replace(self, faults: list[Document]) -> None:
        """Forget all faults and take these."""
        with self._lock:
            self._faults = [dict(fault) for fault in faults]
            self._keep()

    def take(self, method: str, path: str) -> Document | None:
        """Return the fault of a call, None for a call that goes well; one with `times` counts down."""
        with self._lock:
            for fault in self._faults:
                if fault.get("method", "*") in {"*", method} and re.search(fault["path"], path):
                    if "times" in fault:
                        fault["times"] -= 1
                        self._faults = [one for one in self._faults if one.get("times") != 0]
                        self._keep()
                    return fault
        return None

    def __bool__(self) -> bool:
        return bool(self._faults)

    def _keep(self) -> None:
        self._world.put("setting", "faults", {"faults": self._faults})


def routes(world: World, table: Table) -> list[Route]:
    """Return the route by which clients set faults."""

    def control(request: Request) -> Response:
        tokens.require_bearer(world, request)
        if request.method == "DELETE":
            table.replace([])
        elif request.method == "POST":
            try:
                table.replace([check(fault) for fault in wire.json_object(request).get("faults", [])])
            except (ValueError, TypeError) as problem:
                raise HTTPException(400, f"InvalidFault: {problem}") from None
        return JSONResponse({"faults": table.listed()})

    return [Route(PATH, control, methods=["GET", "POST", "DELETE"])]


def gate(world: World, table: Table, app: App) -> App:
    """Return the application behind the table: calls that have a fault never reach it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        free = scope["type"] != "http" or not table or scope["path"] in {"/", PATH}
        fault = None if free else await run_in_threadpool(table.take, scope["method"], scope["path"])
        if fault is None:
            await app(scope, receive, send)
            return
        await asyncio.sleep(fault.get("delay", 0))
        status = fault.get("status")
        request = Request(scope, receive)
        if status is None:
            await app(scope, receive, send)
        elif status in KINDS:
            try:
                if status == "hang":
                    await _until_gone(receive)
            finally:  # of a hung call too, when the sandbox ends: its client must not get an answer after all
                # ASGI has no word for it; the server's own sender knows the connection.
                send.__self__.transport.abort()  # type: ignore[attr-defined]
                await _until_gone(receive)
        else:
            await _drain(request)  # closing early would break the pipe under the client
            response = await run_in_threadpool(fault_words.response, world, request, fault)
            await response(scope, receive, send)

    return answer


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drain(request: Request) -> None:
    try:
        async for _ in request.stream():
            pass
    except ClientDisconnect:
        return
