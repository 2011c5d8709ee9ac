"""Images by Azure ML: `Model.package` of azureml-core, with its log as it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from azureml.core import Environment, Model
from azureml.core.model import InferenceConfig

from edgetui.adapters.azure_ml import Session
from edgetui.adapters.build_log import Lines, cause
from edgetui.adapters.errors import as_edge_error, short
from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.events import Event, ImageBuilt, LogLine, Progress
from edgetui.core.models import BuildRequest

_JOB = "image"
_POLL = 1.0  # seconds; the SDK's own loop takes five
_FIRST_POLL = 0.25  # where the environment is there already, a build takes a second or two
_QUIET = 20.0  # seconds without a line after which we say that the build goes on
_PATIENCE = 120.0  # seconds for which the service may fail to answer before the build is given up
_SUBMITTING = 4.0  # seconds that a cancelled build waits for the id of what it has just submitted
_KEPT = 20_000  # lines kept to look for the cause of a failure
_RUNNING = ("NotStarted", "Running")
_ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64"}


class AzureMlBuilder:
    """The ImageBuilder port."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def build(self, request: BuildRequest) -> Iterator[Event]:
        """Build and push; yields LogLine as the lines come, ends in `ImageBuilt`. Cancelling cancels it on Azure too.

        Raises:
            EdgeError: what was asked for cannot be built; or it failed, with the first real error of the log as detail.
        """
        config = _inference(request)
        workspace = self._session.workspace(request.workspace)
        name, _, version = request.model.rpartition(":")
        begun = time.monotonic()
        yield Progress(_JOB, "Sending script and environment to Azure ML")
        model = Model(workspace, name=name, version=int(version))
        operation = _Operation(workspace)
        with current().on_cancel(operation.cancel):
            operation.submitted(
                Model.package(workspace, [model], config, image_name=request.name, image_label=request.tag)
            )
            yield from operation.follow(request)
        location = operation.package.location or ""
        if ":" not in location.rpartition("/")[2]:
            location = f"{location}:{request.tag}"
        yield ImageBuilt(location, "", seconds=round(time.monotonic() - begun, 1))


class _Operation:
    """A package that Azure ML makes for us."""

    def __init__(self, workspace: Any) -> None:
        self.package: Any = None
        self._workspace = workspace
        self._known = threading.Event()
        self._lines = Lines()
        self._offset = 0
        self._log: list[str] = []

    def submitted(self, package: Any) -> None:
        self.package = package
        self._known.set()

    def follow(self, request: BuildRequest) -> Iterator[Event]:
        """The log until the build ends. Raises EdgeError where it did not end well."""
        begun = heard = answered = time.monotonic()
        yield Progress(_JOB, "Azure ML builds the image")
        while True:
            running = True
            try:
                running = self._poll()
                for line in self._new_lines(last=not running):
                    heard = time.monotonic()
                    yield LogLine(_JOB, line)
                answered = time.monotonic()
            except Exception as problem:
                error = as_edge_error(problem, f"follow the build of {request.name}:{request.tag}")
                if not error.retryable or time.monotonic() - answered > _PATIENCE:
                    raise error from problem
            if not running:
                break
            if time.monotonic() - heard > _QUIET:
                heard = time.monotonic()
                yield Progress(_JOB, f"Azure ML: {self.package.state}, no new lines")
            if current().wait(_POLL if time.monotonic() - begun > 5 * _POLL else _FIRST_POLL):
                raise cancelled(f"The build of {request.name}:{request.tag}")
        if self.package.state != "Succeeded":
            raise self._failure(request)

    def cancel(self) -> None:
        """End it on Azure; called while this process is being ended, so it takes no longer than that grants."""
        if self._known.wait(_SUBMITTING):
            from azureml._model_management._util import make_mms_request  # the SDK has no public call for it

            make_mms_request(self._workspace, "POST", f"/operations/{self.package._operation_id}/cancel", None)  # noqa: SLF001

    def _poll(self) -> bool:
        self.package.update_creation_state()
        return self.package.state in _RUNNING

    def _new_lines(self, *, last: bool) -> list[str]:
        data = self.package.get_logs(decode=False, offset=self._offset) if self.package.package_build_log_uri else b""
        self._offset += len(data)
        lines = list(self._lines.feed(data, last=last))
        self._log = (self._log + lines)[-_KEPT:]
        return lines

    def _failure(self, request: BuildRequest) -> EdgeError:
        what = f"image {request.name}:{request.tag}"
        if self.package.state == "Cancelled":
            return EdgeError(f"The build of {what} was cancelled on Azure", kind="cancelled", retryable=True)
        said = self.package.error
        said = said.get("message", "") if isinstance(said, dict) else str(said or "")
        why = cause(self._log) or said
        environment = any(
            word in why.lower() for word in ("distribution", "requirement", "package", "version", "conda")
        )
        return EdgeError(
            f"The build of {what} failed",
            short(why),
            "Correct the environment file, then build again." if environment else "Read the log, then build again.",
            field="scoring.environment" if environment else "",
        )


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
