"""The model registry of an Azure ML workspace, through azureml-core."""

from __future__ import annotations

import builtins
import os
import queue
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from azureml.core import Model

from edgetui.adapters.azure_ml.session import Session, session
from edgetui.adapters.azure_ml.uploads import counted
from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, no_room
from edgetui.core import rules
from edgetui.core.errors import bad_input
from edgetui.core.events import Event, Progress, Registered
from edgetui.core.models import ModelUpload, ModelVersion, WorkspaceInfo

_JOB = "model"
_LOOK = 0.5  # seconds between two looks at a download's size


class AzureMlModels:
    """The Models port."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, workspace: WorkspaceInfo, name: str = "") -> list[ModelVersion]:
        """All versions of all models (or of one), by name, newest version first."""
        found = Model.list(self._session.workspace(workspace), name=name or None, expand=False)
        return sorted(map(_version, found), key=lambda one: (one.name.lower(), one.name, -one.version))

    def register(self, workspace: WorkspaceInfo, upload: ModelUpload) -> Iterator[Event]:
        """Upload and register a new version; yields Progress in bytes, ends in `Registered`."""
        problem = rules.model_name(upload.name)
        if problem:
            raise bad_input("model.name", f"{upload.name!r} cannot be a model's name", problem)
        path = Path(upload.path)
        total = _size(path)
        yield Progress(_JOB, f"Uploading {path.name}", 0, total, "bytes")
        target = self._session.workspace(workspace)

        def register() -> Any:
            return Model.register(
                target,
                str(path),
                upload.name,
                tags=dict(upload.tags) or None,
                properties=dict(upload.properties) or None,
                description=upload.description or None,
            )

        work = _InBackground(register)
        with counted(work.tell):
            for done in work.told():
                yield Progress(_JOB, f"Uploading {path.name}", min(done, total), total, "bytes")
        try:
            model = work.result()
        except Exception as broken:
            ours = isinstance(broken, OSError) and broken.filename is not None  # requests' failures are OSErrors, too
            doing = f"read {path}" if ours else f"register model {upload.name}"
            raise as_edge_error(broken, doing, "model.path" if ours or no_room(broken) else "") from broken
        yield Registered(model.name, int(model.version), "")

    def download(self, workspace: WorkspaceInfo, name: str, version: int, folder: str) -> Iterator[Event]:
        """Fetch the files of a version into `folder`, an absolute path; files that are there already are not replaced."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        before = _written(target)
        model = Model(self._session.workspace(workspace), name=name, version=version)
        work = _InBackground(lambda: model.download(target_dir=str(target), exist_ok=False))
        yield Progress(_JOB, f"Downloading {name}:{version}", 0, 0, "bytes")
        known = 0
        while not work.wait(_LOOK):
            done = _written(target) - before
            if done != known:
                known = done
                yield Progress(_JOB, f"Downloading {name}:{version}", done, 0, "bytes")
        work.result()
        done = _written(target) - before
        yield Progress(_JOB, f"Downloaded {name}:{version}", done, done, "bytes")

    def delete(self, workspace: WorkspaceInfo, name: str, version: int) -> None:
        """Delete one version."""
        Model(self._session.workspace(workspace), name=name, version=version).delete()


class _InBackground:
    """A call in a thread of its own, so that this one can report what it hears meanwhile."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._heard: queue.Queue[int | None] = queue.Queue()
        self._value: Any = None
        self._problem: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def tell(self, number: int) -> None:
        self._heard.put(number)

    def told(self) -> Iterator[int]:
        """What was told, until the call ends."""
        yield from iter(self._heard.get, None)

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What the call returned, or raises what it raised."""
        self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as problem:  # noqa: BLE001 -- raised again by `result`
            self._problem = problem
        finally:
            self._heard.put(None)


def _version(model: Any) -> ModelVersion:
    framework = " ".join(filter(None, (model.model_framework, model.model_framework_version)))
    return ModelVersion(
        name=model.name,
        version=int(model.version),
        description=model.description or "",
        tags=_texts(model.tags),
        properties=_texts(model.properties),
        framework=framework,
        created=_utc(model.created_time),
    )


def _texts(values: dict[str, Any] | None) -> dict[str, str]:
    return {str(key): "" if value is None else str(value) for key, value in (values or {}).items()}


def _utc(moment: object) -> str:
    if not isinstance(moment, datetime):
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _size(path: Path) -> int:
    """Bytes of a file or of all files below a folder, each of them opened once. Raises EdgeError on `model.path`."""
    if not path.is_absolute():
        raise bad_input("model.path", f"{path} is no absolute path", "Give the whole path.")
    files = _files(path)
    if not files and path.is_dir():
        raise bad_input("model.path", f"The folder {path} holds no file", "Choose a folder with the model's files.")
    try:
        return sum(map(_readable, files))
    except FileNotFoundError:
        raise bad_input("model.path", f"There is no file {path}", "Check the path.") from None
    except OSError as problem:
        title = f"Cannot read the model {problem.filename or path}"
        raise bad_input(
            "model.path", title, "Change its permissions, or choose another.", problem.strerror or ""
        ) from None


def _readable(file: Path) -> int:
    facts = file.stat()
    if not stat.S_ISREG(facts.st_mode):  # opening a pipe would wait for ever
        raise bad_input("model.path", f"{file} is no regular file", "Choose a file or a folder of files.")
    with file.open("rb"):
        return facts.st_size


def _files(path: Path) -> builtins.list[Path]:
    """The files that the SDK would upload: it does not follow links to folders."""
    if not path.is_dir():
        return [path]
    return [Path(folder) / name for folder, _, names in os.walk(path) for name in names]


def _written(folder: Path) -> int:
    return sum(map(_bytes, _files(folder)))


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # the SDK renames and removes while we look


def create(context: Context) -> AzureMlModels:
    """Make the Models adapter, in the child process that hosts it."""
    return AzureMlModels(session(context))
