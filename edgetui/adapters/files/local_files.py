"""Local files: reading, atomic writing, fingerprints, and edgetui's own log files. Every OSError becomes a cause with a remedy."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from edgetui.adapters.files import context_folder, fetched
from edgetui.adapters.files.digests import Digests, open_without_blocking
from edgetui.adapters.files.log_files import LogFiles
from edgetui.core import context_files
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import KeptLog

TEXT_LIMIT = 10 * 2**20  # bytes; a script, an environment or a sample above it is the wrong file
_BOM = b"\xef\xbb\xbf"
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def explain(error: OSError, path: Path, field: str, doing: str = "read") -> EdgeError:
    """The error that a person can act on: `doing` is `read` or `write`."""
    detail = error.strerror or type(error).__name__
    code = error.errno
    if isinstance(error, FileNotFoundError):
        title, remedy = f"There is no file {path}", "Check the path; a relative one starts at the plan's folder."
    elif isinstance(error, IsADirectoryError):
        title, remedy = f"{path} is a folder", "Name a file in it."
    elif isinstance(error, NotADirectoryError):
        title, remedy = f"A part of the path {path} is a file, not a folder", "Correct the path."
    elif code in {errno.ENOSPC, errno.EDQUOT}:
        title = f"The disk is full: {path} was not written"
        return EdgeError(
            title, detail, "Free some space and try again; the old file is as it was.", field=field, retryable=True
        )
    elif code == errno.EROFS:
        title, remedy = f"{path} is on a read-only file system", "Choose a path that can be written."
    elif code == errno.ENAMETOOLONG:
        title, remedy = f"The path is too long: {path}", "Choose a shorter one."
    elif code == errno.ELOOP:
        title, remedy = (
            f"{path} is a symbolic link that leads back to itself",
            "Remove the link, or name the real file.",
        )
    elif isinstance(error, PermissionError):
        title = f"No permission to {doing} {path}"
        remedy = "Change its permissions (ls -l shows them), or choose another path."
    else:
        title, remedy = (
            f"{path} cannot be {'read' if doing == 'read' else 'written'}",
            "Check the disk, or choose another path.",
        )
    return bad_input(field, title, remedy, detail)


def read_bytes(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """The content of a regular file; never blocks on a pipe or a device. OSError as the system gives it, EFBIG above `limit`."""
    with open(path, "rb", opener=open_without_blocking) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit // 2**20} MiB", str(path))
    return data


def decode(data: bytes, path: Path, field: str) -> str:
    """UTF-8 text without its byte order mark, or an error that says which line is not."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise bad_input(field, f"{path} is UTF-16, not UTF-8", "Save it as UTF-8 in your editor.")
    try:
        return data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8"
        raise bad_input(field, what, "Save it as UTF-8 in your editor; a binary file cannot stand here.") from None


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace `path` in one go, fsynced; makes missing folders. An existing file keeps its permissions (or gets `mode`).

    A symbolic link stays one: the file that it leads to is replaced. OSError as the system gives it; then the old file is as it was.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        known: os.stat_result | None = path.stat()
    except FileNotFoundError:
        known = None
    if known is not None and not stat.S_ISREG(known.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(known.st_mode) else errno.EINVAL
        raise OSError(code, os.strerror(code), str(path))
    temporary = path.with_name(f".edgetui-{secrets.token_hex(8)}.tmp")
    # Opened with the final mode at once: a secret-bearing folder never shows a wider one, and umask counts for new files.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        elif known is not None:
            if hasattr(os, "chown"):
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, known.st_uid, known.st_gid)
            temporary.chmod(stat.S_IMODE(known.st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class LocalFiles:
    """The Files port over the local disk; `state` is edgetui's own state folder."""

    def __init__(self, state: Path) -> None:
        self._logs = LogFiles(state / "logs")
        self._fetched = state / "fetched"
        self._digests = Digests()

    def read_text(self, path: str, field: str) -> str:
        """The file's text (UTF-8, a byte order mark dropped), line ends as they are."""
        file = Path(path)
        return decode(self._read(file, field), file, field)

    def _read(self, file: Path, field: str) -> bytes:
        try:
            return read_bytes(file)
        except OSError as error:
            raise explain(error, file, field) from None

    def open(self, path: str, field: str) -> BinaryIO:
        """The file, opened for reading bytes; never blocks on a pipe or a device."""
        file = Path(path)
        try:
            opened = open(file, "rb", opener=open_without_blocking)  # noqa: SIM115 -- the caller's to close
        except OSError as error:
            raise explain(error, file, field) from None
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            opened.close()
            raise explain(OSError(errno.EINVAL, "not a regular file"), file, field)
        return opened

    def write_text(self, path: str, text: str, field: str) -> None:
        """Replace the file atomically; permissions, CRLF line ends and a byte order mark stay as the old file had them."""
        file = Path(path)
        data = text.encode()
        try:
            old = read_bytes(file) if file.is_file() else b""
            if b"\r\n" in old and b"\r" not in data:
                data = data.replace(b"\n", b"\r\n")
            if old.startswith(_BOM):
                data = _BOM + data
            if old != data or not file.is_file():
                write_atomically(file, data)
        except OSError as error:
            raise explain(error, file, field, "write") from None

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder that can be seen."""
        try:
            return Path(path).exists()
        except OSError:
            return False

    def listing(self, path: str, field: str, most: int) -> list[str]:
        """The names of the files below a folder, relative to it, in order; at most `most`, and no folder that is a link."""

        def refuse(error: OSError) -> None:
            raise error

        root, found = Path(path), list[str]()
        try:
            for folder, subfolders, names in os.walk(root, onerror=refuse):
                subfolders.sort()
                files = (Path(folder) / name for name in sorted(names))
                found += (one.relative_to(root).as_posix() for one in files if one.is_file())
                if len(found) >= most:
                    break
        except OSError as error:
            raise explain(error, Path(error.filename or root), field) from None
        return found[:most]

    def fingerprint(self, path: str, field: str) -> str:
        """sha256 (hexadecimal) over a file, or over a folder's relative names and contents; the same on every machine."""
        root = Path(path)
        try:
            if not root.is_dir():
                return self._digests.file(root)
            found = self._digests.folder(root)
        except OSError as error:
            raise explain(error, Path(error.filename or root), field) from None
        if not found:
            raise bad_input(field, f"The folder {root} is empty", "Name the folder that holds the files.")
        return found

    def context(self, folder: str, without: Iterable[str]) -> list[str]:
        """The names of the files that go into an image with a context folder, in order."""
        return [name for name, _ in context_folder.files(folder, without)]

    def context_fingerprint(self, folder: str, without: Iterable[str]) -> str:
        """sha256 (hexadecimal) over the files that go into an image with a context folder: names, contents, and what can be run."""
        try:
            return self._digests.files(context_folder.files(folder, without))
        except OSError as error:
            raise explain(error, Path(error.filename or folder), context_files.FIELD) from None

    def append_log(self, name: str, lines: list[str]) -> str:
        """Append lines to the log file `name` (a bare file name) of the state folder, readable by its owner only; returns its path."""
        if not _LOG_NAME.fullmatch(name):
            raise bad_input("", f"{name!r} is no name for a log file", "Use letters, digits, dots and dashes.")
        try:
            return str(self._logs.append(name, lines))
        except OSError as error:
            raise explain(error, self._logs.folder / name, "", "write") from None

    def trim_log(self, name: str, size: int) -> None:
        """Cut a log file to its first `size` bytes; a file that is shorter, or not there, stays as it is."""
        try:
            if _LOG_NAME.fullmatch(name):
                self._logs.trim(name, size)
        except OSError as error:
            raise explain(error, self._logs.folder / name, "", "write") from None

    def logs(self) -> list[KeptLog]:
        """The logs of builds, the newest first."""
        try:
            return [KeptLog(path.name, str(path), state.st_size, state.st_mtime) for path, state in self._logs.listed()]
        except OSError as error:
            raise explain(error, self._logs.folder, "") from None

    def folder(self, name: str) -> str:
        """A new, empty folder of edgetui's own, for things to be fetched into; `keep` takes it over."""
        return fetched.folder(self._fetched, name)

    def keep(self, folder: str, name: str) -> str:
        """Keep what was fetched into `folder` under `name`, in place of what was kept before; returns where it now is."""
        return fetched.keep(self._fetched, folder, name)

    def kept(self, name: str) -> str:
        """The folder kept under `name`, or ""."""
        return fetched.kept(self._fetched, name)

    def commit(self, path: str) -> str:
        """The git commit of the repository that `path` lies in, "" outside of one."""
        return fetched.commit(Path(path))
