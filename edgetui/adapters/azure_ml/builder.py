"""Images by Azure ML: `Model.package` of azureml-core (or what was before it), with its log as it grows."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from azureml.core import Environment, Model
from azureml.core.model import InferenceConfig, ModelPackage

from edgetui.adapters.azure_ml import older_image
from edgetui.adapters.azure_ml.session import Session, session
from edgetui.adapters.builders.append_log import AppendLog, Piece
from edgetui.adapters.builders.build_log import cause
from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, short, status_of
from edgetui.adapters.web import Web
from edgetui.core.build_causes import explained
from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, bad_input, cancelled, gone
from edgetui.core.events import Event, ImageBuilt, ImageRun, LogLine, Progress
from edgetui.core.models import BuildRequest, BuildRun

_JOB = "image"
_POLL = 1.0  # seconds; the SDK's own loop takes five
_FIRST_POLL = 0.25  # where the environment is there already, a build takes a second or two
_QUIET = 20.0  # seconds without a line after which we say that the build goes on
_PATIENCE = 120.0  # seconds for which the service may fail to answer before the build is given up
_LATE = 5.0  # seconds that the log may be late after the build has ended
_SUBMITTING = 8.0  # seconds that a cancelled build waits for the id of what it has just submitted
_KEPT = 20_000  # lines kept to look for the cause of a failure
_RUNNING = ("NotStarted", "Running")
_ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64"}


class AzureMlBuilder:
    """The ImageBuilder port."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._web = Web(session.context.cloud.ca_file)

    def build(self, request: BuildRequest) -> Iterator[Event]:
        """Build and push; yields LogLine and `ImageRun` as lines come, ends in `ImageBuilt`. Cancelling cancels it on Azure too.

        With `request.resume` it continues that build instead of beginning one; one that is gone or was cancelled is begun anew.
        With `only_end` it ends that build, and says nothing.

        Raises:
            EdgeError: what was asked for cannot be built; or it failed, with the first real error of the log as detail.
        """
        begun = time.monotonic()
        operation = _Operation(self._session.workspace(request.workspace), self._web)
        if request.only_end:
            if request.resume and operation.attach(request.resume) and operation.package.state in _RUNNING:
                operation.cancel()
            return
        with current().on_cancel(operation.cancel):
            resume = request.resume if request.resume and operation.attach(request.resume) else None
            if not resume and request.only_watch:
                raise gone(f"The build of {request.name}:{request.tag}")
            if not resume:
                yield from operation.submit(request)
            yield from operation.follow(request, resume.offset if resume else 0)
        location = operation.package.location or ""
        if ":" not in location.rpartition("/")[2]:
            location = f"{location}:{request.tag}"
        yield ImageBuilt(location, "", seconds=round(time.monotonic() - begun, 1))


class _Operation:
    """A package that Azure ML makes for us: `submit` or `attach`, then `follow`."""

    def __init__(self, workspace: Any, web: Web) -> None:
        self.package: Any = None
        self._stage = "image"
        self._workspace, self._web = workspace, web
        self._asked = False
        self._known = threading.Event()
        self._log: AppendLog | None = None
        self._refused = ""  # why the log cannot be read
        self._lines: deque[str] = deque(maxlen=_KEPT)

    def submit(self, request: BuildRequest) -> Iterator[Event]:
        """Send what it is made of, and begin it. Raises EdgeError on what cannot be used, else the SDK's exceptions."""
        config = _inference(request)
        yield Progress(_JOB, "Sending script and environment to Azure ML")
        name, _, version = request.model.rpartition(":")
        model = Model(self._workspace, name=name, version=int(version))
        self._asked = True
        try:
            self.package = Model.package(
                self._workspace, [model], config, image_name=request.name, image_label=request.tag
            )
        except Exception as problem:
            if not older_image.is_wanted(problem):
                raise
            yield LogLine(_JOB, "This workspace serves no packages (Model.package): its older image API is tried.")
            yield LogLine(_JOB, "Azure numbers its images: the tag will be a number, not the one that was asked for.")
            self._by_older_api(request, model)
        self._known.set()

    def _by_older_api(self, request: BuildRequest, model: Any) -> None:
        try:
            self.package = older_image.create(self._workspace, request, model)
        except EdgeError:
            raise
        except Exception as problem:
            if status_of(problem) not in older_image.NOT_SERVED:
                raise
            title = "This workspace builds no images: it serves neither packages nor the older image API"
            remedy = "Build with acr or docker."
            raise EdgeError(title, short(str(problem)), remedy, field="image.builder") from problem
        self._stage = older_image.STAGE

    def attach(self, run: BuildRun) -> bool:
        """Take up one that was begun before; False where it is gone or was cancelled. Raises EdgeError."""
        self._stage = run.stage
        try:
            if run.stage == older_image.STAGE:
                self.package = older_image.OlderImage(self._workspace, run.run)
            else:
                self.package = ModelPackage(self._workspace, run.run, None)
        except Exception as problem:
            error = as_edge_error(problem, f"find build {run.run} again")
            if error.retryable or error.kind == "access":
                raise error from problem
            return False
        self._known.set()
        return bool(self.package.state != "Cancelled")

    def follow(self, request: BuildRequest, offset: int) -> Iterator[Event]:
        """The log from a byte on until the build ends, after each piece an `ImageRun` that says how far it was taken.

        Raises:
            EdgeError: it did not end well, or cannot be followed any more.
        """
        begun = heard = answered = time.monotonic()
        ended = 0.0
        yield Progress(_JOB, "Azure ML builds the image")
        yield self._run(offset)
        while True:
            piece = Piece(there=False)
            try:
                self.package.update_creation_state()
                piece = self._look(offset)
                answered = time.monotonic()
            except Exception as problem:
                error = as_edge_error(problem, f"follow the build of {request.name}:{request.tag}")
                if not error.retryable or time.monotonic() - answered > _PATIENCE:
                    raise error from problem
                ended = 0.0
            else:
                if self.package.state not in _RUNNING:
                    ended = ended or time.monotonic()
                    # A log that is late loses nothing; a build that ends without one has ended.
                    if not piece.more and (piece.there or time.monotonic() - ended > _LATE):
                        piece = self._whole(piece)
                        yield from self._told(piece)
                        break
            if piece.lines:
                heard = time.monotonic()
                yield from self._told(piece)
            elif time.monotonic() - heard > _QUIET or self._refused:
                heard = time.monotonic()
                yield Progress(_JOB, self._refused or f"Azure ML: {self.package.state}, no new lines")
                self._refused = ""
            wait = 0.0 if piece.more else _POLL if time.monotonic() - begun > 5 * _POLL else _FIRST_POLL
            if current().wait(wait):
                raise cancelled(f"The build of {request.name}:{request.tag}")
        if self.package.state != "Succeeded":
            raise self._failure(request)

    def cancel(self) -> None:
        """End it on Azure; called while this process is being ended, so it takes no longer than that grants."""
        if self.package is not None or (self._asked and self._known.wait(_SUBMITTING)):
            from azureml._model_management._util import make_mms_request  # the SDK has no public call for it

            make_mms_request(self._workspace, "POST", f"/operations/{self._id}/cancel", None)

    @property
    def _id(self) -> str:
        return str(self.package._operation_id)  # noqa: SLF001 -- what goes on is known by nothing else

    def _run(self, offset: int) -> ImageRun:
        return ImageRun(BuildRun("azureml", self._id, self._stage, offset))

    def _look(self, offset: int) -> Piece:
        url = self.package.package_build_log_uri
        if not url:
            return Piece(there=False)
        self._log = self._log or AppendLog(self._web, url, offset)
        self._log.url = url  # signed anew with each answer
        try:
            return self._log.look()
        except EdgeError as error:
            if error.retryable:
                raise
            self._refused = error.title  # the build does not hang on its log
            return Piece(there=False)

    def _whole(self, piece: Piece) -> Piece:
        """With the half line at the log's end."""
        return Piece(piece.lines + (self._log.last() if self._log else ()))

    def _told(self, piece: Piece) -> Iterator[Event]:
        self._lines.extend(piece.lines)
        yield from (LogLine(_JOB, line) for line in piece.lines)
        if piece.lines and self._log:
            yield self._run(self._log.offset)

    def _failure(self, request: BuildRequest) -> EdgeError:
        what = f"image {request.name}:{request.tag}"
        if self.package.state == "Cancelled":
            return EdgeError(f"The build of {what} was cancelled on Azure", kind="cancelled", retryable=True)
        said = self.package.error
        said = said.get("message", "") if isinstance(said, dict) else str(said or "")
        if "interrupted" in said.lower():
            title, remedy = f"The build of {what} was interrupted on Azure", "Build again."
            return EdgeError(title, short(said), remedy, retryable=True)
        if self.package.state != "Failed":
            title = f"The build of {what} ended on Azure as {self.package.state}"
            return EdgeError(title, short(said or cause(list(self._lines))), "Build again.", retryable=True)
        problem = EdgeError(f"The build of {what} failed", short(cause(list(self._lines)) or said))
        found = explained(problem)
        # Base image, certificates and network are Azure's here: advice on them would lead nowhere.
        if found.field == "scoring.environment":
            return found
        problem.remedy = "Read the log, then build again."
        return problem


def _inference(request: BuildRequest) -> Any:
    """What Azure ML is to run: the script in the environment of the conda file. Raises EdgeError on the file that is wrong."""
    architecture = _ARCHITECTURES.get(request.platform)
    if architecture is None:
        raise bad_input(
            "image.platform", f"Azure ML cannot build for {request.platform}", f"Choose {' or '.join(_ARCHITECTURES)}."
        )
    try:
        environment = Environment.from_conda_specification(request.name, request.environment)
    except Exception as problem:
        raise _file_error("scoring.environment", request.environment, problem) from problem
    environment.docker.platform.architecture = architecture
    try:
        return InferenceConfig(entry_script=request.script, environment=environment)
    except Exception as problem:
        raise _file_error("scoring.script", request.script, problem) from problem


def _file_error(field: str, path: str, problem: Exception) -> EdgeError:
    return bad_input(field, f"Azure ML cannot use {path}", "Correct the file.", short(str(problem)))


def create(context: Context) -> AzureMlBuilder:
    """Make the ImageBuilder adapter, in the child process that hosts it."""
    return AzureMlBuilder(session(context))
