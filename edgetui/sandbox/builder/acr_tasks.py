"""The container registry's task runner: quick builds of an uploaded context, with a log that grows while it works.

A run really builds and pushes an image, by the part of the Dockerfile language that needs no container engine (see
dockerfile_steps.py); anything else fails the run with clear words in its log. A run that is under way when the sandbox
ends goes on when it starts again, from the instruction at which it was.

`acr-run` documents: `{"status", "request", "created", "started"?, "finished"?, "images": [...], "error"?, "step": instructions
done, "cancelled"}`. The log is an append blob whose metadata `Complete` says, at its end, how the run ended.
"""

from __future__ import annotations

import queue
import shutil
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import wire
from edgetui.sandbox.arm import registries as arm_registries
from edgetui.sandbox.arm.paths import GROUP, ArmRoute, Endpoint, guarded, require_names
from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.builder.log import BuildLog
from edgetui.sandbox.builder.steps import BuildFailed
from edgetui.sandbox.builder.task_image import TaskImage
from edgetui.sandbox.children import Stopped, Stopper
from edgetui.sandbox.registry import store as registry_store
from edgetui.sandbox.registry.store import RegistryError
from edgetui.sandbox.world import Document, World

_WORKERS = 2  # runs at once; more wait as Queued
_STOP_LIMIT = 1.8  # seconds
_SOURCES = "acr-sources"
_ENDED = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled", "Error": "internalerror"}


def routes(world: World) -> list[Route]:
    """Return the routes of Resource Manager that schedule and follow runs."""

    def require(request: Request) -> None:
        name = world.names.registry if arm_registries.exists(world) else ""
        require_names(world, request, arm_registries.TYPE, name)

    def upload_url(request: Request) -> Response:
        require(request)
        relative = f"{datetime.now(timezone.utc):%Y%m%d}/{uuid.uuid4().hex}.tar.gz"
        url = blobs.upload_url(world, f"{_SOURCES}/{relative}").replace("edgesbx.blob.@", "")
        return JSONResponse({"uploadUrl": url, "relativePath": relative})

    def schedule(request: Request) -> Response:
        require(request)
        return JSONResponse(_shown(world, *_Runner.of(world).submit(_checked(world, wire.json_object(request)))))

    def listed(request: Request) -> Response:
        require(request)
        runs = [_shown(world, run, known) for run, known in world.items("acr-run")]
        return JSONResponse({"value": runs[::-1]})

    def one(request: Request) -> Response:
        require(request)
        return JSONResponse(_shown(world, *_find(world, request)))

    def cancel(request: Request) -> Response:
        require(request)
        _Runner.of(world).cancel(_find(world, request)[0])
        return Response(status_code=200)

    def log_url(request: Request) -> Response:
        require(request)
        run, _ = _find(world, request)
        return JSONResponse({"logLink": blobs.read_url(world, _log_path(run)), "logArtifactLink": None})

    here = f"{GROUP}/providers/{arm_registries.TYPE}/{{name}}"
    table: list[tuple[str, str, Endpoint]] = [
        ("POST", f"{here}/listBuildSourceUploadUrl", upload_url),
        ("POST", f"{here}/scheduleRun", schedule),
        ("GET", f"{here}/runs", listed),
        ("GET", f"{here}/runs/{{run}}", one),
        ("POST", f"{here}/runs/{{run}}/cancel", cancel),
        ("POST", f"{here}/runs/{{run}}/listLogSasUrl", log_url),
    ]
    return [ArmRoute(path, guarded(world, endpoint), [method]) for method, path, endpoint in table]


def start(world: World) -> None:
    """Begin to take runs, and go on with those that an earlier sandbox left unfinished."""
    shutil.rmtree(world.state / "runs", ignore_errors=True)  # of a sandbox that was killed
    _Runner.current = _Runner(world)


def stop() -> None:
    """End the work; unfinished runs wait for the next start."""
    runner, _Runner.current = _Runner.current, None
    if runner:
        runner.stop()


def _log_path(run: str) -> str:
    return f"acr-logs/{run}/rawtext.log"


def _find(world: World, request: Request) -> tuple[str, Document]:
    run = request.path_params["run"]
    known = world.get("acr-run", run)
    if known is None:
        raise HTTPException(404, f"RunNotFound: The run '{run}' was not found.")
    return run, known


def _checked(world: World, body: Document) -> Document:
    """Return the request if it is one that this runner can take; worded as Resource Manager words it."""
    kind = body.get("type")
    if kind != "DockerBuildRequest":
        raise HTTPException(400, f"InvalidRunRequest: The sandbox runs DockerBuildRequest only, not {kind!r}.")
    platform = body.get("platform") or {}
    if str(platform.get("os", "")).lower() != "linux":
        raise HTTPException(400, "InvalidRunRequest: The sandbox builds for Linux only.")
    source = body.get("sourceLocation")
    try:
        file = blobs.path(world, f"{_SOURCES}/{source}")
    except ValueError:
        file = None
    if not isinstance(source, str) or file is None or not file.is_file():
        raise HTTPException(400, f"InvalidSourceLocation: Nothing was uploaded to {source!r}.")
    names = body.get("imageNames") or []
    try:
        for name in names:
            registry_store.check_repository(str(name).partition(":")[0])
    except RegistryError as problem:
        raise HTTPException(400, f"InvalidImageName: {problem}: {names!r}.") from None
    return {
        "names": names if body.get("isPushEnabled", True) else [],
        "source": source,
        "dockerfile": body.get("dockerFilePath") or "Dockerfile",
        "platform": platform,
    }


def _shown(world: World, run: str, known: Document) -> Document:
    properties: dict[str, Any] = {
        "runId": run,
        "runType": "QuickBuild",
        "status": known["status"],
        "createTime": known["created"],
        "startTime": known.get("started"),
        "finishTime": known.get("finished"),
        "lastUpdatedTime": known.get("finished") or known.get("started") or known["created"],
        "outputImages": known["images"],
        "platform": known["request"]["platform"],
        "runErrorMessage": known.get("error"),
        "provisioningState": "Succeeded",
        "isArchiveEnabled": False,
    }
    place = f"{arm_registries.registry(world)['id']}/runs/{run}"
    return {"id": place, "name": run, "type": f"{arm_registries.TYPE}/runs", "properties": properties}


class _Runner:
    """The threads that work on runs."""

    current: _Runner | None = None

    def __init__(self, world: World) -> None:
        self.world = world
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stoppers: dict[str, Stopper] = {}  # of runs that have not ended; under the world's lock
        self._stopping = False
        for run, known in world.items("acr-run"):
            if known["status"] not in _ENDED:
                self._stoppers[run] = Stopper()
                self._queue.put(run)
        self._threads = [
            threading.Thread(target=self._work, name=f"tasks-{number}", daemon=True) for number in range(_WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def of(cls, world: World) -> _Runner:
        if cls.current is None or cls.current.world is not world:
            raise HTTPException(503, "ServiceUnavailable: The task runner was not started.")
        return cls.current

    def submit(self, request: Document) -> tuple[str, Document]:
        """Queue a run; return its id and document."""
        with self.world.transaction():
            run = f"ca{len(self.world.items('acr-run')) + 1}"
            document = {"status": "Queued", "request": request, "created": _now(), "images": [], "step": 0}
            self.world.put("acr-run", run, document)
            self._stoppers[run] = Stopper()
        self._queue.put(run)
        return run, document

    def cancel(self, run: str) -> None:
        """End a run that has not ended."""
        with self.world.transaction():
            stopper = self._stoppers.get(run)
            known = self.world.get("acr-run", run)
            if stopper is None or known is None or known["status"] in _ENDED:
                return
            self.world.put("acr-run", run, {**known, "cancelled": True})
            if known["status"] == "Queued":  # no thread will touch it any more
                self._end(run, "Canceled")
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
        while (run := self._queue.get()) is not None:
            with self.world.transaction():
                known = self.world.get("acr-run", run)
                if known is None or known["status"] in _ENDED or self._stopping:
                    continue
                again = known["status"] != "Queued"
                self.world.put(
                    "acr-run", run, {**known, "status": "Running", "started": known.get("started") or _now()}
                )
                stopper = self._stoppers[run]
                if not again:
                    blob = {"type": "AppendBlob", "contentType": "text/plain; charset=utf-8", "metadata": {}}
                    self.world.put("blob", _log_path(run), blob)
            with BuildLog(blobs.path(self.world, _log_path(run))) as log:
                self._run(run, _Log(log, quiet=again), stopper, known["step"] if again else 0)

    def _run(self, run: str, log: _Log, stopper: Stopper, done: int) -> None:
        request = (self.world.get("acr-run", run) or {})["request"]
        try:
            with tempfile.TemporaryDirectory(prefix=f"{run}-", dir=_work_folder(self.world)) as work:
                images = self._built(run, request, Path(work), log, stopper, done)
        except Stopped:
            if not (self.world.get("acr-run", run) or {}).get("cancelled"):
                return  # the sandbox ends; the next one goes on with it
            log.loud()(f"Run ID: {run} was canceled")
            self._end(run, "Canceled")
        except BuildFailed as problem:
            log.loud()(f"failed to run step ID: build: {problem}")
            log(f"Run ID: {run} failed. Error: failed during run, err: {problem.summary}")
            self._end(run, "Failed", error=f"failed during run, err: {problem.summary}")
        except Exception as problem:  # noqa: BLE001 -- a run that nobody ends would be polled for ever
            log.loud()(f"Run ID: {run} failed. Error: the sandbox's task runner: {type(problem).__name__}: {problem}")
            self._end(run, "Error", error=f"{type(problem).__name__}: {problem}")
        else:
            log.loud()(f"Run ID: {run} was successful")
            self._end(run, "Succeeded", images=images)

    def _built(
        self, run: str, request: Document, work: Path, log: _Log, stopper: Stopper, done: int
    ) -> list[dict[str, str]]:
        log(f"Downloading source code to {run}...")
        context, layers = work / "context", work / "layers"
        for folder in (context, layers):
            folder.mkdir()
        _unpack(blobs.path(self.world, f"{_SOURCES}/{request['source']}"), context)
        log("Finished downloading source code")
        image = TaskImage(self.world, context, log, stopper, layers, _platform(request["platform"]))
        setting = self.world.get("setting", "builder") or {}
        pause, only = float(setting.get("pause", 0)), int(setting.get("pause_at", 0))

        def next_step(number: int, count: int, text: str) -> None:
            stopper.check()
            if number > done:
                with self.world.transaction():
                    known = self.world.get("acr-run", run) or {}
                    self.world.put("acr-run", run, {**known, "step": number - 1})
                if number == done + 1 and log.quiet:
                    log.loud()("The sandbox was started again: it goes on with the instruction at which it was")
                log(f"Step {number}/{count} : {text}")
                if pause and only in {0, number}:
                    log(f" ---> this sandbox waits {pause:g} s at each step of a build")
                    stopper.wait(pause)

        image.build(request["dockerfile"], next_step)
        log.loud()
        return image.push(request["names"])

    def _end(self, run: str, status: str, images: list[dict[str, str]] | None = None, error: str = "") -> None:
        with self.world.transaction():
            known = self.world.get("acr-run", run) or {}
            more = {"status": status, "finished": _now(), "images": images or [], "error": error or None}
            self.world.put("acr-run", run, {**known, **more})
            blob = self.world.get("blob", _log_path(run))
            if blob:
                self.world.put("blob", _log_path(run), {**blob, "metadata": {"Complete": _ENDED[status]}})
            self._stoppers.pop(run, None)
            source = blobs.path(self.world, f"{_SOURCES}/{known['request']['source']}")
        source.unlink(missing_ok=True)


class _Log:
    """The run's log, with the line ends of the real one; quiet while what was logged before is done again."""

    def __init__(self, to: Callable[[str], None], *, quiet: bool) -> None:
        self._to, self.quiet = to, quiet

    def __call__(self, line: str) -> None:
        if not self.quiet:
            self._to(line + "\r")

    def loud(self) -> _Log:
        """Log from now on."""
        self.quiet = False
        return self


def _unpack(archive: Path, into: Path) -> None:
    try:
        with tarfile.open(archive, "r:*") as packed:
            packed.extractall(into, filter="data")
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise BuildFailed("InvalidContext", f"the uploaded context cannot be unpacked: {problem}") from None


def _platform(asked: Document) -> str:
    parts = [asked.get("os", "Linux"), asked.get("architecture") or "amd64", asked.get("variant")]
    return "/".join(str(part).lower() for part in parts if part)


def _work_folder(world: World) -> Path:
    folder = world.state / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
