"""Plan files beside the operator's own files, and the results kept for them in edgetui's state folder."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from edgetui.adapters.files import plan_reading, plan_writing
from edgetui.adapters.files.local_files import decode, explain, read_bytes, write_atomically
from edgetui.adapters.files.recent_plans import RecentPlans
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import THIS_RUN_ONLY, RecentPlan
from edgetui.core.plan import Plan
from edgetui.core.results import Results

_CREDENTIAL = ("credential", "credential_user", "credential_kept_in")
_PATHS = (
    ("workspace", "config"),
    ("model", "path"),
    ("scoring", "script"),
    ("scoring", "environment"),
    ("scoring", "sample"),
    ("image", "ca_bundle"),
    ("image", "context"),
)


class TomlPlanFiles:
    """The PlanFiles port over TOML files; `state` is edgetui's own state folder.

    Results belong to a `world` too, the name of a sandbox or "" for Azure: what was done in one is not done in another,
    though names and ids are the same there.
    """

    def __init__(self, state: Path, world: str = "") -> None:
        self._state = state
        self._world = world
        self._recent = RecentPlans(state)
        self._lock = threading.Lock()
        # A password kept in memory only ends with this process, so what says that it is there must end too.
        self._this_run: dict[Path, Results] = {}
        self._seen: dict[Path, str] = {}  # what each plan file held when we last read or wrote it

    def load(self, path: str) -> Plan:
        """Read a plan; EdgeError(kind='input') names file, line and key of what is wrong. `folder` and `file` are its own."""
        file = _absolute(path)
        data = _bytes(file)
        plan = plan_reading.read(decode(data, file, "").replace("\r\n", "\n"), str(file))
        self._seen[file] = hashlib.sha256(data).hexdigest()
        return msgspec.structs.replace(plan, folder=str(file.parent), file=file.name)

    def save(self, path: str, plan: Plan) -> None:
        """Write a plan atomically, keeping the comments of a file written by hand, and remember it as the latest one.

        Relative paths of a plan that comes from another folder are rewritten so that they name the same files.

        Raises:
            EdgeError: the file cannot be written; (retryable) another program changed it since: a second try overwrites that.
        """
        file = _absolute(path)
        plan = _moved(plan, file.parent)
        try:
            data = read_bytes(file) if file.exists() else b""
            old = decode(data, file, "").replace("\r\n", "\n")
            try:
                text = plan_writing.write(plan, old)
            except ValueError as error:
                what = f"{file} was changed by hand and is not TOML any more: it was not overwritten"
                raise bad_input("", what, "Correct the file, or move it away and save again.", str(error)) from None
            self._changed_by_others(file, data)
            encoded = text.replace("\n", "\r\n" if b"\r\n" in data else "\n").encode()
            if encoded != data or not data:
                write_atomically(file, encoded)
            self._seen[file] = hashlib.sha256(encoded).hexdigest()
        except OSError as error:
            raise explain(error, file, "", "write") from None
        try:
            self._recent.note(file, plan.model.name)
        except OSError as error:
            raise explain(error, self._state, "", "write") from None

    def _changed_by_others(self, file: Path, data: bytes) -> None:
        """Refuse once to overwrite what somebody else wrote; the next save is then a decision."""
        known, there = self._seen.get(file), hashlib.sha256(data).hexdigest()
        if known is None or not data or known == there:
            return
        self._seen[file] = there
        raise EdgeError(
            f"{file.name} was changed by another program since it was opened",
            f"{file}\nYour answer is not saved yet.",
            "Try again to overwrite it with yours, or open the plan again to take what is there.",
            retryable=True,
        )

    def load_results(self, path: str) -> Results:
        """The results kept for the plan file in this world; empty ones where there are none or where the kept ones cannot be read."""
        file = self._results_file(path)
        try:
            data = read_bytes(file)
        except FileNotFoundError:
            return Results()
        except OSError as error:
            raise explain(error, file, "") from None
        try:
            results = msgspec.json.decode(data, type=Results)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Set aside, so that it can be looked at; the work itself lies in Azure and is found again.
            with contextlib.suppress(OSError):
                file.replace(file.with_suffix(".damaged"))
            return Results()
        with self._lock:
            kept = self._this_run.get(file)
        return results if results.credential or kept is None else _with_credential(results, kept)

    def save_results(self, path: str, results: Results) -> None:
        """Keep results for the plan file, atomically; a credential kept for this run only is remembered by this process only."""
        file = self._results_file(path)
        lasting = results
        with self._lock:
            self._this_run.pop(file, None)
            if results.credential_kept_in == THIS_RUN_ONLY:
                self._this_run[file] = results
                lasting = _with_credential(results, Results())
        self._write_state(file, msgspec.json.format(msgspec.json.encode(lasting), indent=1))

    @contextlib.contextmanager
    def owned(self, path: str) -> Iterator[None]:
        """Hold the plan against other processes; the lock ends with this process, however it ends."""
        from filelock import FileLock, Timeout

        file = self._state / "results" / f"{_hashed(path)}.lock"  # whatever the world: the plan's file is the same
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(file, timeout=0)
            lock.acquire()
        except Timeout:
            title = f"Another edgetui is carrying out {Path(path).name}"
            raise EdgeError(
                title, str(_absolute(path)), "Wait until it has ended, or stop it.", retryable=True
            ) from None
        except OSError as error:
            raise explain(error, file, "", "write") from None
        try:
            yield
        finally:
            lock.release()

    def recent(self) -> list[RecentPlan]:
        """The plans that were saved last, the latest first; also those whose file is gone since."""
        return self._recent.all()

    def new(self) -> str:
        """A path for a new plan in a folder of its own, so that its score.py is no other plan's; not taken yet."""
        number = 1
        while (folder := self._state / "plans" / f"plan-{number}").exists():
            number += 1
        return str(_absolute(str(folder / "plan.toml")))

    def _results_file(self, path: str) -> Path:
        return self._state / "results" / f"{_hashed(path, self._world)}.json"

    def _write_state(self, file: Path, data: bytes) -> None:
        try:
            write_atomically(file, data, 0o600)
        except OSError as error:
            raise explain(error, file, "", "write") from None


def _hashed(path: str, world: str = "") -> str:
    told = f"{_absolute(path)}\0{world}" if world else str(_absolute(path))
    return hashlib.sha256(os.fsencode(told)).hexdigest()[:32]


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  a link's own folder counts, so it is not resolved


def _bytes(file: Path) -> bytes:
    try:
        return read_bytes(file)
    except FileNotFoundError:
        title, remedy = f"There is no plan {file}", "Correct the path; a relative one starts at the current folder."
        raise bad_input("", title, remedy) from None
    except OSError as error:
        raise explain(error, file, "") from None


def _with_credential(results: Results, source: Results) -> Results:
    return msgspec.structs.replace(results, **{name: getattr(source, name) for name in _CREDENTIAL})


def _moved(plan: Plan, folder: Path) -> Plan:
    """The same plan for another folder."""
    if not plan.folder or Path(plan.folder) == folder:
        return msgspec.structs.replace(plan, folder=str(folder))
    for section, name in _PATHS:
        plan = _map_path(plan, section, name, functools.partial(_rebase, old=Path(plan.folder), new=folder))
    return msgspec.structs.replace(plan, folder=str(folder))


def _map_path(plan: Plan, section: str, name: str, change: Callable[[str], str]) -> Plan:
    part = getattr(plan, section)
    value = getattr(part, name)
    if not value:
        return plan
    return msgspec.structs.replace(plan, **{section: msgspec.structs.replace(part, **{name: change(value)})})


def _rebase(path: str, old: Path, new: Path) -> str:
    if Path(path).expanduser().is_absolute():
        return path
    absolute = Path(os.path.normpath(old / path))
    return str(absolute.relative_to(new)) if absolute.is_relative_to(new) else str(absolute)
