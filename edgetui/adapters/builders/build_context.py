"""The context of our own builds: which files go in, and the archive of them that is the same for the same files."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from edgetui.adapters.files import context_folder
from edgetui.adapters.files.local_files import explain
from edgetui.core import cancel, context_files, dockerfile
from edgetui.core.errors import bad_input, cancelled
from edgetui.core.models import BuildRequest

Files = dict[str, bytes | Path]
_LEVEL = 6


@dataclass(frozen=True)
class Recipe:
    """What a request asks for, with its small files read."""

    request: BuildRequest
    environment: dockerfile.Environment
    setting: dockerfile.Setting

    @property
    def key(self) -> str:
        """The tag of the environment's image."""
        return dockerfile.environment_tag(self.environment, self.setting)

    def environment_context(self) -> Files:
        """The context from which the environment's image is built."""
        files: Files = dict(dockerfile.environment_files(self.environment, self.setting))
        files[dockerfile.DOCKERFILE] = dockerfile.environment_dockerfile(self.environment, self.setting).encode()
        return files

    def image_context(self, environment_image: str) -> Files:
        """The context from which the module's image is built, on top of `environment_image`."""
        request = self.request
        script, files = _script(request)
        place = dockerfile.script_folder()
        context: Files = {f"{place}/{name}": file for name, file in files.items()}
        context |= {f"{dockerfile.model_folder(request.model)}/{name}": file for name, file in _model(request)}
        labels = dockerfile.labels(request.model, self.key, request.content, request.name, request.commit)
        text = dockerfile.image_dockerfile(environment_image, request.model, script, labels)
        context[dockerfile.DOCKERFILE] = text.encode()
        return context


def recipe(request: BuildRequest) -> Recipe:
    """Read what decides about a build.

    Raises:
        EdgeError: (input) a file is missing or cannot be used; `field` names it.
    """
    text = _read(request.environment, "scoring.environment").decode("utf-8", "replace").removeprefix("\ufeff")
    ca = _read(request.ca_bundle, "image.ca_bundle") if request.ca_bundle else b""
    if ca:
        dockerfile.require_certificate(request.ca_bundle, ca)
    setting = dockerfile.Setting(request.base, request.index_url, ca, request.platform)
    return Recipe(request, dockerfile.environment(text), setting)


def write(files: Mapping[str, bytes | Path], to: IO[bytes], *, zipped: bool) -> None:
    """Write the archive of a context: sorted, owned by root, all times 0. The same files give the same bytes.

    Raises:
        EdgeError: a file cannot be read, or the build was cancelled meanwhile.
    """
    if zipped:
        with gzip.GzipFile("", "wb", _LEVEL, to, mtime=0) as outer:
            _archive(files, cast("IO[bytes]", outer))
    else:
        _archive(files, to)


class Stopping:
    """A file that can be read until the work is cancelled; for tarfile, and for requests, which asks for all of these."""

    mode = "rb"

    def __init__(self, file: IO[bytes], doing: str) -> None:
        self._file, self._doing, self._stop = file, doing, cancel.current()

    def read(self, size: int = -1) -> bytes:
        """As a file. Raises EdgeError when the work was cancelled."""
        if self._stop.requested:
            raise cancelled(self._doing)
        return self._file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(2**16), b"")

    def fileno(self) -> int:
        """As a file's."""
        return self._file.fileno()

    def tell(self) -> int:
        """As a file's."""
        return self._file.tell()


def _archive(files: Mapping[str, bytes | Path], to: IO[bytes]) -> None:
    paths = {PurePosixPath(name): source for name, source in files.items()}
    # Without entries of their own, folders would get the time of the build.
    folders = {parent for path in paths for parent in path.parents} - {PurePosixPath(".")}
    # All three are copied, whether or not there is anything in them.
    folders |= {PurePosixPath(path.parts[0]) for path in paths if len(path.parts) > 1}
    with tarfile.open(mode="w", fileobj=to, format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted(folders):
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, 0))
        for path in sorted(paths):
            _add(archive, path, paths[path])


def _add(archive: tarfile.TarFile, path: PurePosixPath, source: bytes | Path) -> None:
    if isinstance(source, bytes):
        archive.addfile(_entry(path, tarfile.REGTYPE, 0o644, len(source)), io.BytesIO(source))
        return
    try:
        with source.open("rb") as file:
            facts = source.stat()
            # Only whether it can be run: the rest of the mode depends on who builds.
            mode = 0o755 if facts.st_mode & stat.S_IXUSR else 0o644
            stopping = cast("IO[bytes]", Stopping(file, "Packing the build context"))
            archive.addfile(_entry(path, tarfile.REGTYPE, mode, facts.st_size), stopping)
    except OSError as problem:
        raise explain(problem, source, "") from None


def _entry(path: PurePosixPath, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(path))
    entry.type, entry.mode, entry.size, entry.mtime = kind, mode, size, 0
    entry.uname = entry.gname = "root"
    return entry


def _script(request: BuildRequest) -> tuple[str, Files]:
    """The entry script's path below the app's folder, and all files that go there."""
    name = context_files.entry(request.script, request.context)
    files: Files = dict(context_folder.files(request.context, request.without)) if request.context else {}
    files[name] = _read(request.script, "scoring.script")
    return name, files


def _model(request: BuildRequest) -> Iterator[tuple[str, Path]]:
    """The model's files by their path below the model's folder in the image."""
    given, inside = Path(request.model_path), request.model_path.endswith("/")
    if not request.model_path or not given.exists():
        title = f"The files of model {request.model} are not here: {request.model_path or 'no path'}"
        raise bad_input("model.path", title, "Choose the model file again in step 2 Model")
    if given.is_file():
        yield given.name, given
        return
    prefix = "" if inside else f"{given.name}/"
    for file in sorted(given.rglob("*")):
        if file.is_file():
            yield prefix + file.relative_to(given).as_posix(), file


def _read(path: str, field: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise explain(problem, Path(path), field) from None
