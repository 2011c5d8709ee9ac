"""Builds images, really: resolves and installs the environment, assembles the layers, pushes them to the registry.

A build is an `operation` document, and a log file in the blob store that grows while it works:
`{"state": "NotStarted|Running|Succeeded|Failed|Cancelled", "log", "resourceLocation", "digest"?, "error"?}`.
"""

from __future__ import annotations

import queue
import threading
import uuid
from datetime import datetime, timezone

from starlette.routing import Route

from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.builder import environments
from edgetui.sandbox.builder import steps as build_steps
from edgetui.sandbox.builder.log import BuildLog
from edgetui.sandbox.builder.steps import BuildFailed, BuildRequest, ModelFiles
from edgetui.sandbox.children import Stopped, Stopper
from edgetui.sandbox.world import Document, World

__all__ = ["BuildRequest", "ModelFiles", "cancel", "routes", "start", "stop", "submit"]

_WORKERS = 2  # builds at once; more wait as NotStarted
_STOP_LIMIT = 1.8  # seconds
_ENDED = frozenset({"Succeeded", "Failed", "Cancelled"})
_INTERRUPTED = {"code": "BuildInterrupted", "message": "interrupted: the sandbox was stopped while it built the image"}


def routes(_world: World) -> list[Route]:
    """Return nothing: Azure ML's and the registry's rooms serve what is built here."""
    return []


def start(world: World) -> None:
    """Begin to take builds; those that an earlier run left unfinished have failed."""
    environments.start()
    for operation, known in world.items("operation"):
        if known["state"] not in _ENDED:
            _interrupted(world, operation, known)
    _Builder.current = _Builder(world)


def stop() -> None:
    """End all builds, and all that they started."""
    builder, _Builder.current = _Builder.current, None
    environments.stop()
    if builder:
        builder.stop()


def submit(world: World, request: BuildRequest) -> str:
    """Queue a build and return its operation's id.

    Raises:
        RuntimeError: the builder was not started for this world.
    """
    return _of(world).submit(request)


def cancel(world: World, operation: str) -> None:
    """End a build that has not ended; it becomes Cancelled. One that has ended stays as it is.

    Raises:
        RuntimeError: the builder was not started for this world.
    """
    _of(world).cancel(operation)


def _of(world: World) -> _Builder:
    builder = _Builder.current
    if builder is None or builder.world is not world:
        raise RuntimeError("the builder was not started for this world")
    return builder


class _Builder:
    """The threads that build, and the builds that wait for one."""

    current: _Builder | None = None

    def __init__(self, world: World) -> None:
        self.world = world
        self._queue: queue.SimpleQueue[tuple[str, BuildRequest] | None] = queue.SimpleQueue()
        self._stoppers: dict[str, Stopper] = {}  # of builds that have not ended; under the world's lock
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"builder-{number}", daemon=True) for number in range(_WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, request: BuildRequest) -> str:
        operation = uuid.uuid4().hex
        log = f"azureml/ImageLogs/{operation}/build.log"
        with self.world.transaction():
            BuildLog(blobs.path(self.world, log)).close()  # there from the first poll
            self.world.put(
                "blob", log, {"type": "AppendBlob", "contentType": "text/plain; charset=utf-8", "metadata": {}}
            )
            document = {
                "state": "NotStarted",
                "log": log,
                "resourceLocation": f"{self.world.host}/{request.image}:{request.tag}",
                "created": _now(),
            }
            self.world.put("operation", operation, document)
            self._stoppers[operation] = Stopper()
        self._queue.put((operation, request))
        return operation

    def cancel(self, operation: str) -> None:
        with self.world.transaction():
            stopper = self._stoppers.get(operation)
            known = self.world.get("operation", operation)
            if stopper is None or known is None or known["state"] in _ENDED:
                return
            if known["state"] == "NotStarted":  # no thread will touch it any more
                self._end(operation, "Cancelled", {"error": _cancelled()})
        stopper.set()

    def stop(self) -> None:
        with self.world.lock:
            self._stopping = True
            stoppers = list(self._stoppers.values())
        for stopper in stoppers:
            stopper.set()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(_STOP_LIMIT / len(self._threads))

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            operation, request = job
            stopper = self._begin(operation)
            if stopper:
                self._build(operation, request, stopper)

    def _begin(self, operation: str) -> Stopper | None:
        """Mark a build as running; None when it is not to run."""
        with self.world.transaction():
            known = self.world.get("operation", operation)
            if known is None or known["state"] != "NotStarted" or self._stopping:
                return None
            self.world.put("operation", operation, {**known, "state": "Running", "started": _now()})
            return self._stoppers[operation]

    def _build(self, operation: str, request: BuildRequest, stopper: Stopper) -> None:
        known = self.world.get("operation", operation) or {}
        with BuildLog(blobs.path(self.world, known["log"])) as log:
            try:
                digest = build_steps.build(self.world, request, log, stopper)
            except Stopped:
                error = _INTERRUPTED if self._stopping else _cancelled()
                log(error["message"])
                self._end(operation, "Failed" if self._stopping else "Cancelled", {"error": error})
            except BuildFailed as problem:
                log(f"The build failed: {problem.summary}")
                self._end(operation, "Failed", {"error": {"code": problem.code, "message": str(problem)}})
            except Exception as problem:  # noqa: BLE001 -- a build that nobody ends would be polled for ever
                text = f"the sandbox's builder failed: {type(problem).__name__}: {problem}"
                log(f"The build failed: {text}")
                self._end(operation, "Failed", {"error": {"code": "InternalError", "message": text}})
            else:
                self._end(operation, "Succeeded", {"digest": digest})

    def _end(self, operation: str, state: str, more: Document) -> None:
        with self.world.transaction():
            known = self.world.get("operation", operation) or {}
            self.world.put("operation", operation, {**known, "state": state, "ended": _now(), **more})
            self._stoppers.pop(operation, None)


def _interrupted(world: World, operation: str, known: Document) -> None:
    world.put("operation", operation, {**known, "state": "Failed", "ended": _now(), "error": _INTERRUPTED})
    with BuildLog(blobs.path(world, known["log"])) as log:
        log(_INTERRUPTED["message"])


def _cancelled() -> dict[str, str]:
    return {"code": "BuildCancelled", "message": "cancelled: the build was stopped on request"}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
