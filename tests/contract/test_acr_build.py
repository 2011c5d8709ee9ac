"""Quick builds by the unmodified SDK, in a sandbox that really builds: the log, cancelling, going on after a kill, refusals."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgetui.adapters.builders import acr_build, acr_run
from edgetui.adapters.builders.append_log import AppendLog
from edgetui.adapters.cloud import from_environ
from edgetui.adapters.registry import azure_registry
from edgetui.adapters.web import Web
from edgetui.core import cancel, dockerfile
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, ImageBuilt, ImageRun, LogLine, Progress
from edgetui.core.models import BuildRequest, BuildRun, WorkspaceInfo
from edgetui.sandbox.world import World
from tests.conftest import Sandbox
from tests.contract.adapters import call, context_of
from tests.contract.build_clients import (
    ENVIRONMENT,
    LIMIT,
    finish,
    kept_log,
    kill_at,
    lines_of,
    slow_sandbox,
    start_client,
    write_plan,
)
from tests.loopback import Asked, Loopback, Reply, serve

CANCELLED_WITHIN = 3.0  # seconds
replace = msgspec.structs.replace


@dataclasses.dataclass
class Bench:
    """A sandbox, the adapter on it, and a request that builds within a second."""

    sandbox: Sandbox
    builder: acr_build.AcrBuilder
    request: BuildRequest

    def registry(self, method: str, path: str, **options: Any) -> Any:
        assert self.request.registry is not None
        return call(self.sandbox, method, f"{self.request.registry.id}/{path}", **options)

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the registry, oldest first."""
        return [run["properties"] for run in reversed(self.registry("GET", "runs").json()["value"])]

    def log(self, run: str) -> bytes:
        return (self.sandbox.state / "blobs" / "acr-logs" / run / "rawtext.log").read_bytes()

    def tags(self) -> list[str]:
        kept = World(self.sandbox.state, self.sandbox.state / "unused")
        try:
            return [key for key, _ in kept.items("registry-tag")]
        finally:
            kept.close()

    def fault(self, *faults: dict[str, Any]) -> None:
        call(self.sandbox, "POST", "/sandbox/faults", json={"faults": list(faults)}).raise_for_status()

    def build(self, **changes: Any) -> list[Event]:
        return list(self.builder.build(replace(self.request, **changes)))


def bench_on(sandbox: Sandbox, folder: Path) -> Bench:
    folder.mkdir(exist_ok=True)
    for name, text in (("score.py", "def init(): pass\n"), ("myenv.yml", ENVIRONMENT), ("model.pkl", "model")):
        (folder / name).write_text(text)
    context = dataclasses.replace(context_of(sandbox), folder=folder)
    cloud = from_environ(sandbox.env)
    group = f"/subscriptions/{cloud.subscription}/resourceGroups/{cloud.resource_group}"
    place = WorkspaceInfo(
        cloud.subscription,
        cloud.resource_group,
        cloud.workspace,
        registry_id=f"{group}/providers/Microsoft.ContainerRegistry/registries/{cloud.registry}",
    )
    request = BuildRequest(
        place,
        "pump:1",
        str(folder / "score.py"),
        str(folder / "myenv.yml"),
        "pump",
        "1",
        model_path=str(folder / "model.pkl"),
        registry=azure_registry.create(context).of_workspace(place),
        content="content-1",
    )
    return Bench(sandbox, acr_build.create(context), request)


@pytest.fixture
def bench(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> Bench:
    return bench_on(new_sandbox(), tmp_path / "files")


@pytest.fixture
def slow(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> Callable[..., Bench]:
    """A sandbox whose builds wait at each step, or at one."""

    def make(pause: float, step: int = 0) -> Bench:
        return bench_on(slow_sandbox(new_sandbox, tmp_path / "slow", pause, step=step), tmp_path / "files")

    return make


def lines(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, LogLine)]


def runs(events: list[Event]) -> list[BuildRun]:
    return [event.run for event in events if isinstance(event, ImageRun) and event.run]


def built(events: list[Event]) -> ImageBuilt:
    assert isinstance(events[-1], ImageBuilt), events
    return events[-1]


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.remedy
    return caught.value


# -- building ----------------------------------------------------------------------------------------------------------------


def test_the_environment_is_built_once_and_every_line_of_both_logs_is_told(bench: Bench) -> None:
    events = bench.build()
    assert lines(events) == lines_of(bench.log("ca1")) + lines_of(bench.log("ca2"))
    assert [run["status"] for run in bench.runs()] == ["Succeeded", "Succeeded"]
    image = built(events)
    assert (image.platform, image.layers, image.size > 0) == ("linux/amd64", 4, True)
    again = bench.build(tag="2", content="content-2")
    assert len(bench.runs()) == 3
    assert sum("Layer already exists" in line for line in lines(again)) == 4
    offsets = [(run.run, run.offset) for run in runs(events)]
    assert offsets == sorted(offsets)
    assert offsets[-1] == ("ca2", len(bench.log("ca2")))


def test_an_edit_in_the_script_sends_one_layer(bench: Bench) -> None:
    bench.build()
    Path(bench.request.script).write_text("def init(): pass  # edited\n")
    edited = lines(bench.build(tag="2", content="content-2"))
    assert sum(line.endswith(": Pushed") for line in edited) == 1
    assert sum(line.endswith(": Layer already exists") for line in edited) == 3


def test_the_image_carries_its_content_and_its_model(bench: Bench) -> None:
    image = built(bench.build())
    registry = azure_registry.create(context_of(bench.sandbox))
    assert bench.request.registry is not None
    found = registry.resolve(image.reference, registry.own_credential(bench.request.registry))
    assert found.digest == image.digest
    assert found.labels[dockerfile.CONTENT_LABEL] == "content-1"
    assert found.labels[dockerfile.MODEL_LABEL] == "pump:1"


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm/v7"])
def test_the_platform_is_asked_for_and_read_back(bench: Bench, platform: str) -> None:
    assert built(bench.build(platform=platform)).platform == platform


def test_a_large_context_is_sent_in_blocks_that_can_be_seen(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acr_build, "_BLOCK", 2**16)
    model = tmp_path / "large.pkl"
    model.write_bytes(os.urandom(300_000))
    events = bench.build(model_path=str(model))
    sent = [event for event in events if isinstance(event, Progress) and event.text == "Sending the build context"]
    assert [event.done for event in sent] == sorted({event.done for event in sent})
    assert sent[-1].done == sent[-1].total > 300_000
    assert built(events)


# -- failures ----------------------------------------------------------------------------------------------------------------


def test_a_base_image_that_the_runner_does_not_have_is_named(bench: Bench) -> None:
    error = refused(lambda: bench.build(base="nosuch/base:1"))
    assert error.field == "image.base"
    assert "pull access denied for nosuch/base:1" in error.detail
    assert bench.tags() == []


def test_a_package_that_does_not_exist_is_a_matter_of_the_environment(bench: Bench, tmp_path: Path) -> None:
    environment = tmp_path / "files" / "myenv.yml"
    environment.write_text(ENVIRONMENT + "- pip:\n  - --no-index\n  - edgetui-no-such-package==1.0\n")
    error = refused(bench.build)
    assert "edgetui-no-such-package" in error.detail
    assert bench.runs()[0]["status"] == "Failed"
    assert bench.tags() == []


def test_a_run_is_scheduled_once_even_where_the_answer_is_lost(bench: Bench) -> None:
    bench.fault({"method": "POST", "path": "/scheduleRun$", "status": 503, "times": 1})
    error = refused(bench.build)
    assert "may have started it" in error.detail
    assert error.retryable
    assert bench.runs() == []  # a second try would have come through
    assert built(bench.build())


def test_an_account_that_may_not_build_is_told(bench: Bench) -> None:
    bench.fault({"method": "POST", "path": "/listBuildSourceUploadUrl$", "status": 403})
    assert refused(bench.build).kind == "access"


def test_a_late_log_and_refused_ranges_lose_nothing(bench: Bench) -> None:
    bench.fault(
        {"method": "GET", "path": "^/acr-logs/", "status": 404, "times": 2},
        {"method": "GET", "path": "^/acr-logs/", "status": 416, "times": 2},
        {"method": "GET", "path": "^/acr-logs/", "status": 503, "times": 4},
    )
    events = bench.build()
    assert lines(events) == lines_of(bench.log("ca1")) + lines_of(bench.log("ca2"))


def test_an_address_of_the_log_that_has_ended_is_asked_for_again(bench: Bench) -> None:
    bench.fault({"method": "GET", "path": "^/acr-logs/", "status": 403, "times": 1})
    assert lines(bench.build()) == lines_of(bench.log("ca1")) + lines_of(bench.log("ca2"))


def test_a_run_that_ends_without_a_log_has_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acr_run, "_LATE", 0.2)
    monkeypatch.setattr(acr_run, "_STATUS", 0.2)
    bench.fault({"method": "*", "path": "^/acr-logs/", "status": 404})
    events = bench.build()
    assert lines(events) == []
    assert built(events).digest.startswith("sha256:")


def test_a_state_that_is_not_known_is_told_when_the_log_has_ended(bench: Bench) -> None:
    bench.build()
    run = acr_run.Run(_OneState("Paused"), "g", "edgeacr", Web(bench.sandbox.env["REQUESTS_CA_BUNDLE"]), "image")
    run.attach("ca2")
    run._client.log = _log_url(bench, "ca2")
    error = refused(lambda: list(run.follow()))
    assert "Paused" in error.title


def _log_url(bench: Bench, run: str) -> str:
    return str(bench.registry("POST", f"runs/{run}/listLogSasUrl").json()["logLink"])


class _OneState:
    """A client whose run is for ever in one state, with a log that is really there."""

    def __init__(self, status: str) -> None:
        self.log = ""
        self.status = status
        self.runs = self

    def get(self, *_: str) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(status=self.status, run_error_message=None, output_images=[])

    def get_log_sas_url(self, *_: str) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(log_link=self.log)


# -- the log's bytes -----------------------------------------------------------------------------------------------------------

RAW = "Gerät läuft\r\nhalf".encode() + b" a line\n\xff\xfe broken \xc3\x28\n\nthe last, without an end"
WANTED = ["Gerät läuft", "half a line", "\ufffd\ufffd broken \ufffd(", "", "the last, without an end"]


@dataclasses.dataclass
class Growing:
    """A blob of which only the first `size` bytes are there yet."""

    size: int = 0
    whole: bool = False  # answers a range with everything, as a proxy may

    def answer(self, asked: Asked) -> Reply:
        there = RAW[: self.size]
        complete = {"x-ms-meta-complete": "succeeded"} if self.size == len(RAW) else {}
        if asked.method == "HEAD":
            return Reply(200, b"", {**complete, "Content-Length": str(len(there))})
        first = int(asked.headers["x-ms-range"].removeprefix("bytes=").partition("-")[0])
        if self.whole:
            return Reply(200, there, complete)
        if first >= len(there):
            return Reply(416)
        return Reply(206, there[first:], {**complete, "Content-Range": f"bytes {first}-{len(there) - 1}/{len(there)}"})


@pytest.fixture
def growing() -> Iterator[tuple[Growing, Loopback]]:
    blob = Growing()
    with serve(blob.answer) as server:
        yield blob, server


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_half_lines_and_broken_characters_come_out_as_they_are_however_they_are_cut(
    growing: tuple[Growing, Loopback], step: int, whole: bool
) -> None:
    blob, server = growing
    blob.whole = whole
    log, found = AppendLog(Web(), f"{server.url}/log"), []
    while True:
        piece = log.look()
        found += piece.lines
        if piece.complete:
            break
        blob.size = min(len(RAW), blob.size + step)
    assert found == WANTED
    assert log.offset == len(RAW)


def test_a_reader_that_starts_at_the_kept_offset_loses_and_doubles_nothing(growing: tuple[Growing, Loopback]) -> None:
    blob, server = growing
    offset, found = 0, []
    for size in range(len(RAW) + 1):  # each byte is seen by a new reader: all before it were killed
        blob.size = size
        log = AppendLog(Web(), f"{server.url}/log", offset)
        found += log.look().lines
        offset = log.offset
    assert found == WANTED


# -- cancelling ----------------------------------------------------------------------------------------------------------------


class Cancelling:
    """A build in a thread, cancelled from another one."""

    def __init__(self, bench: Bench, until: Callable[[Event], bool]) -> None:
        self.events: list[Event] = []
        self.error: EdgeError | None = None
        self._bench, self._until = bench, until
        self._stop = cancel.Cancellation()
        self._reached = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def ended(self, at_once: bool = True) -> EdgeError:
        self._thread.start()
        assert self._reached.wait(LIMIT)
        self._stop.cancel()
        self._thread.join(CANCELLED_WITHIN)
        assert not self._thread.is_alive()
        assert self.error is not None, self.events
        return self.error

    def _run(self) -> None:
        try:
            with cancel.using(self._stop):
                for event in self._bench.builder.build(self._bench.request):
                    self.events.append(event)
                    if self._until(event):
                        self._reached.set()
        except EdgeError as problem:
            self.error = problem


def _says(words: str) -> Callable[[Event], bool]:
    return lambda event: words in getattr(event, "text", "")


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("Packing the build context", 1),
        ("Sending the build context", 1),
        ("Build context sent", 1),
        ("Step 1/", 1),
        ("Step 4/", 4),
        ("Step 6/", 6),  # the last, before the push
    ],
)
def test_a_build_that_is_cancelled_ends_at_once_on_the_service_too(
    slow: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, words: str, step: int
) -> None:
    if words.startswith("Sending"):
        monkeypatch.setattr(acr_build, "_BLOCK", 64)
    bench = slow(5.0, step)  # long enough that the build does not end before the wish to cancel arrives
    error = Cancelling(bench, _says(words)).ended()
    assert error.kind == "cancelled"
    assert _settled(bench) <= {"Canceled"}
    assert bench.tags() == []


def test_a_build_that_waits_in_the_queue_is_cancelled_there(slow: Callable[..., Bench]) -> None:
    bench = slow(5)
    others = [Cancelling(bench, _says("Step 1/")) for _ in range(2)]
    for other in others:
        other._thread.start()
        assert other._reached.wait(LIMIT)
    error = Cancelling(bench, _says("queued")).ended()
    assert error.kind == "cancelled"
    assert bench.runs()[-1]["status"] == "Canceled"
    for other in others:
        other._stop.cancel()
        other._thread.join(LIMIT)


def _settled(bench: Bench) -> set[str]:
    """The states of all runs, once none goes on."""
    waiting = threading.Event()
    for _ in range(100):
        found = {run["status"] for run in bench.runs()}
        if not found & {"Queued", "Started", "Running"}:
            return found
        waiting.wait(0.1)
    pytest.fail(f"runs go on: {found}")


# -- going on ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill_sandbox", [False, True], ids=["client", "client-and-sandbox"])
def test_a_killed_client_continues_the_build_with_no_line_lost_or_doubled(
    slow: Callable[..., Bench],
    new_sandbox: Callable[..., Sandbox],
    tmp_path: Path,
    kill_sandbox: bool,
) -> None:
    bench = slow(0.25)
    plan, state = write_plan(bench.sandbox, tmp_path / "plan", "acr"), tmp_path / "client"
    assert kill_at(start_client(bench.sandbox, plan, state), "Step 4/") > 3
    if kill_sandbox:
        bench.sandbox.process.send_signal(signal.SIGKILL)
        bench.sandbox.process.wait(LIMIT)
        bench = dataclasses.replace(bench, sandbox=new_sandbox(state=bench.sandbox.state))
    code, events = finish(start_client(bench.sandbox, plan, state))
    assert code == 0, events
    assert len(bench.runs()) == 2  # nothing was scheduled again
    assert kept_log(events) == lines_of(bench.log("ca1")) + lines_of(bench.log("ca2"))
    assert [run["status"] for run in bench.runs()] == ["Succeeded", "Succeeded"]
