"""Adapters in child processes: deadlines, streams, cancelling, crashes, and that nothing stays behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.hosting.hosted import Hosted, Limit, proxy
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine
from tests.contract.odd_adapter import Odd

ROOT = Path(__file__).parents[2]
TARGET = "tests.contract.odd_adapter:create"
METHODS = ("echo", "count", "fail", "crash", "hang", "fetch", "place", "token", "drip", "ends_slowly", "offspring")
PATIENT = 120.0  # seconds; no test waits that long unless something is broken
SOON = 30.0


def limits(seconds: float = PATIENT) -> dict[str, Limit]:
    return {name: Limit(f"{name} something", seconds) for name in METHODS}


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the children stand in "/" and need this folder of tests
    made = Hosted("Odd", Cloud, tmp_path / "children", tokens=_token)
    yield made
    made.close()


@pytest.fixture
def odd(pool: Hosted) -> Odd:
    return cast("Odd", proxy(Odd, pool, TARGET, limits()))


def impatient(pool: Hosted, seconds: float = 1.0) -> Odd:
    """The same port, with little time for each call."""
    return cast("Odd", proxy(Odd, pool, TARGET, limits(seconds)))


def _token(scope: str) -> tuple[str, int]:
    if scope == "nobody":
        raise EdgeError("Nobody is signed in", kind="access")
    return f"token for {scope}", 4_102_444_800


def ended(pid: int) -> bool:
    """Wait until a process, anybody's child, has ended."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            return bool(select.select([handle], [], [], SOON)[0])
        finally:
            os.close(handle)
    return True


def error_of(call: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call()
    return caught.value


def text_of(event: Event) -> str:
    assert isinstance(event, LogLine)
    return event.text


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_values_cross_and_what_an_sdk_prints_reaches_no_terminal(odd: Odd, capfd: pytest.CaptureFixture[str]) -> None:
    large = {"bytes": b"\x00" * 3_000_000, "nested": [(1, None), "ä"]}
    assert odd.echo(large) == large
    assert odd.echo("once more") == "once more"
    assert capfd.readouterr() == ("", "")


def test_a_stream_arrives_in_order_and_ends(odd: Odd) -> None:
    assert [text_of(one) for one in odd.count(500)] == [str(number) for number in range(500)]


def test_calls_one_after_the_other_use_one_child(odd: Odd) -> None:
    assert odd.place()["pid"] == odd.place()["pid"]


def test_calls_side_by_side_have_children_of_their_own(odd: Odd) -> None:
    streams = [odd.offspring() for _ in range(3)]
    pids = {text_of(next(stream)).split()[0] for stream in streams}
    assert len(pids) == 3


def test_a_call_too_many_says_that_all_are_busy(pool: Hosted, odd: Odd) -> None:
    streams = [odd.offspring() for _ in range(3)]
    for stream in streams:
        next(stream)
    error = error_of(lambda: impatient(pool).echo(1))
    assert (error.title, error.retryable) == ("Odd is busy", True)
    assert "3 other calls" in error.detail


def test_many_threads_get_their_own_answers(odd: Odd) -> None:
    answers: dict[int, Any] = {}

    def ask(number: int) -> None:
        answers[number] = odd.echo(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert answers == {number: number for number in range(12)}


def test_a_server_that_never_answers_costs_the_deadline_and_a_child(pool: Hosted, odd: Odd) -> None:
    before = odd.place()["pid"]
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        error = error_of(lambda: impatient(pool).fetch(url))
    assert (error.kind, error.retryable) == ("unreachable", True)
    assert error.title == "Could not fetch something: no answer in time"
    assert "1 s" in error.detail
    assert ended(before)
    assert odd.echo("next") == "next"


def test_a_stream_that_falls_silent_is_ended_too(pool: Hosted, tmp_path: Path) -> None:
    stream = impatient(pool).drip(str(tmp_path / "mark"))
    assert text_of(next(stream)) == "first"
    assert error_of(lambda: next(stream)).kind == "unreachable"
    with pytest.raises(StopIteration):
        next(stream)


def test_cancelling_from_another_thread_ends_a_blocked_call(odd: Odd) -> None:
    pid = odd.place()["pid"]
    cancellation = cancel.Cancellation()
    stream = odd.count(1)
    with cancel.using(cancellation):
        next(stream)  # the child is up, so the next call blocks in the adapter
        list(stream)
        threading.Timer(0.2, cancellation.cancel).start()
        error = error_of(odd.hang)
    assert (error.kind, error.exit_code) == ("cancelled", 130)
    assert ended(pid)
    assert odd.echo("still here") == "still here"


def test_cancelling_a_stream_lets_the_adapter_clean_up(odd: Odd, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    pid = odd.place()["pid"]
    cancellation = cancel.Cancellation()
    with cancel.using(cancellation):
        stream = odd.drip(str(mark))
        assert text_of(next(stream)) == "first"
        in_thread(cancellation.cancel)
        assert error_of(lambda: next(stream)).kind == "cancelled"
    assert ended(pid)
    assert mark.read_text() == "cleaned up"


def test_a_call_of_a_job_that_was_cancelled_before_starts_nothing(odd: Odd) -> None:
    cancellation = cancel.Cancellation()
    cancellation.cancel()
    with cancel.using(cancellation):
        assert error_of(lambda: odd.echo(1)).kind == "cancelled"


def test_closing_a_stream_ends_its_child_and_what_that_started(odd: Odd) -> None:
    stream = odd.offspring()
    pids = [int(one) for one in text_of(next(stream)).split()]
    cast("Any", stream).close()
    assert all(map(ended, pids))
    with pytest.raises(StopIteration):
        next(stream)


def test_a_stream_that_nobody_holds_any_more_is_closed(odd: Odd) -> None:
    pids = [int(one) for one in text_of(next(odd.offspring())).split()]
    assert all(map(ended, pids))


def test_errors_cross_whole(odd: Odd) -> None:
    error = error_of(lambda: odd.fail("edge"))
    assert (error.title, error.detail, error.remedy) == ("Plain", "detail", "remedy")
    assert (error.kind, error.field, error.retryable) == ("input", "model.name", True)


def test_what_an_sdk_raises_becomes_an_error_without_its_secrets(odd: Odd) -> None:
    error = error_of(lambda: odd.fail("http"))
    assert (error.title, error.kind) == ("Could not fail something: not allowed", "access")
    assert error.detail == "Forbidden: no role; SharedAccessKey=•••"
    assert "abc" not in str(error_of(lambda: odd.fail("unpicklable")))
    assert odd.echo("the child lives") == "the child lives"


@pytest.mark.parametrize(("how", "says"), [("segfault", "SIGSEGV: Fatal Python error"), ("exit", "exit code 7")])
def test_a_crash_is_an_error_and_the_next_call_works(odd: Odd, how: str, says: str) -> None:
    error = error_of(lambda: odd.crash(how))
    assert says in error.detail
    assert "Traceback" not in error.detail
    assert error.retryable
    assert odd.echo("again") == "again"


def test_an_adapter_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    pool = Hosted("Nothing", Cloud, tmp_path / "children", imports=("edgetui.adapters.nothing",))
    error = error_of(lambda: cast("Odd", proxy(Odd, pool, "edgetui.adapters.nothing:create", limits())).echo(1))
    pool.close()
    assert "edgetui.adapters.nothing" in error.detail


def test_a_cloud_that_does_not_come_up_fails_the_call(tmp_path: Path) -> None:
    def cloud() -> Cloud:
        raise EdgeError("The sandbox did not start", remedy="Look at its log.")

    pool = Hosted("Odd", cloud, tmp_path / "children")
    pool.warm()
    odd = cast("Odd", proxy(Odd, pool, TARGET, limits()))
    assert [error_of(lambda: odd.echo(1)).title for _ in range(2)] == ["The sandbox did not start"] * 2
    pool.close()


def test_tokens_are_asked_of_the_parent(odd: Odd) -> None:
    assert odd.token("arm") == ("token for arm", 4_102_444_800)
    assert error_of(lambda: odd.token("nobody")).kind == "access"


def test_a_child_sees_nothing_that_it_does_not_need(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_SECRET", "EDGETUI_SANDBOX_TOKEN", "DOCKER_AUTH_CONFIG", "MY_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    place = odd.place()
    assert "hunter2" not in str(place["env"])
    assert place["cwd"] == "/"
    assert place["env"]["HOME"].startswith(place["folder"])
    assert place["env"]["TMPDIR"].startswith(place["folder"])


def test_what_an_sdk_leaves_behind_goes_with_the_call_or_the_child(pool: Hosted, odd: Odd, tmp_path: Path) -> None:
    folder = Path(odd.place()["folder"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list((folder / "tmp").iterdir()) == []
    assert (folder / "home" / ".sdk").exists()
    pool.close()
    assert list((tmp_path / "children").iterdir()) == []


def test_closing_ends_what_hangs_and_later_calls_are_refused_but_nothing_counts_as_cancelled(
    pool: Hosted, odd: Odd
) -> None:
    stream = odd.offspring()
    pids = [int(one) for one in text_of(next(stream)).split()]
    pool.close()
    assert all(map(ended, pids))
    # What goes on elsewhere is continued by the next start; a cancelled build would be forgotten.
    assert error_of(lambda: next(stream)).kind == "unreachable"
    assert error_of(lambda: odd.echo(1)).kind == "unreachable"


def test_every_method_needs_a_limit(pool: Hosted) -> None:
    with pytest.raises(TypeError, match="limits for exactly"):
        proxy(Odd, pool, TARGET, {"echo": Limit("echo", 1.0)})


OWNER = """
import sys
from pathlib import Path
from edgetui.adapters.cloud import Cloud
from edgetui.adapters.hosting.hosted import Hosted, Limit, proxy
from tests.contract.odd_adapter import Odd
from tests.contract.test_hosted import TARGET, limits

pool = Hosted("Odd", Cloud, Path(sys.argv[1]))
pool.warm()
odd = proxy(Odd, pool, TARGET, limits())
"""
WORKS_ON = """
stream = odd.offspring()
print(odd.place()["pid"], next(stream).text, flush=True)
next(stream)
"""
CANCELS_AND_DIES = """
import os, signal
from edgetui.core import cancel
cancellation = cancel.Cancellation()
with cancel.using(cancellation):
    stream = odd.ends_slowly(sys.argv[2])
    print(next(stream).text, flush=True)
    cancellation.cancel()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_end_with_their_parent_even_if_it_is_killed(tmp_path: Path) -> None:
    children = tmp_path / "children"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OWNER + WORKS_ON, str(children)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pids = [int(one) for one in owner.stdout.readline().split()]
        assert len(pids) == 3
        owner.send_signal(signal.SIGKILL)
    assert all(map(ended, pids))
    assert list(children.iterdir()) == []


def test_what_was_cancelled_still_ends_elsewhere_when_the_parent_dies_right_after(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OWNER + CANCELS_AND_DIES, str(tmp_path / "children"), str(pipe)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert owner.wait(SOON) == -signal.SIGKILL
    with pipe.open("w") as answer:  # opens only when the child's clean-up reads
        answer.write("the service's answer")
    assert ended(pid)
    assert (tmp_path / "pipe.ended").read_text() == "the service's answer"


def test_folders_of_killed_children_are_swept_later(tmp_path: Path, pool: Hosted, odd: Odd) -> None:
    left = tmp_path / "children" / "Odd-left"
    (left / "tmp").mkdir(parents=True)
    os.utime(left, (0, 0))
    odd.echo(1)
    assert not left.exists()
