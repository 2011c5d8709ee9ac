"""The endpoint adapter against a module's answers, its start and its silence."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.adapters.edge import scoring_endpoint
from edgetui.adapters.edge.scoring_endpoint import ScoringEndpoint, create
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from tests.loopback import DROP, HANG, Asked, Reply, serve

SAMPLE = '{"data": [[75.0, 3.2]], "ü": 1}'


@pytest.fixture
def endpoint() -> ScoringEndpoint:
    return create(Context(Cloud(), lambda _: ("", 0)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("body", "prediction"),
    [
        (b"[1, 0]", [1, 0]),
        (b'{"anomaly": true}', {"anomaly": True}),
        (b'"text"', "text"),
        (b"just text", "just text"),
        (b"", ""),
    ],
)
def test_the_sample_goes_out_as_it_is_and_the_answer_comes_back(
    endpoint: ScoringEndpoint, body: bytes, prediction: Any
) -> None:
    with serve(lambda _: Reply(200, body)) as server:
        answer = endpoint.score(f"{server.url}/score", SAMPLE)
        front, asked = server.asked
    assert (front.method, front.path, front.body) == ("GET", "/", b"")
    assert (answer.status, answer.prediction) == (200, prediction)
    assert answer.milliseconds > 0
    assert (asked.method, asked.path, asked.body) == ("POST", "/score", SAMPLE.encode())
    assert asked.headers["content-type"] == "application/json"


def test_no_proxy_is_asked(endpoint: ScoringEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda _: Reply(502)) as proxy, serve(lambda _: Reply(200, b"1")) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert endpoint.score(f"{server.url}/score", SAMPLE).prediction == 1
        assert proxy.asked == []


def test_a_module_that_is_still_starting_is_waited_for(
    endpoint: ScoringEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    tried, ready, ended = threading.Event(), threading.Event(), threading.Event()

    def module() -> None:
        tried.wait(30)
        with serve(lambda _: Reply(200, b"[7]"), port=port):
            ready.set()
            ended.wait(30)

    ask = endpoint._wait_until_up

    def watched(*arguments: Any) -> Any:
        try:
            return ask(*arguments)
        finally:
            tried.set()
            ready.wait(30)

    monkeypatch.setattr(endpoint, "_wait_until_up", watched)
    thread = threading.Thread(target=module)
    thread.start()
    answer = endpoint.score(f"http://127.0.0.1:{port}/score", SAMPLE, 60)
    ended.set()
    thread.join()
    assert answer.prediction == [7]


def test_a_server_that_ends_before_it_answers_is_asked_again(endpoint: ScoringEndpoint) -> None:
    replies = [DROP, Reply(404), DROP, Reply(200, b"Healthy"), Reply(200, b"1")]
    with serve(lambda _: replies.pop(0)) as server:
        assert endpoint.score(f"{server.url}/score", SAMPLE).prediction == 1


def test_the_time_of_an_answer_does_not_hold_the_start_of_the_module(endpoint: ScoringEndpoint) -> None:
    """The server takes connections while init() still runs, and answers when it has ended."""
    started = threading.Event()
    threading.Timer(0.5, started.set).start()

    def answer(request: Asked) -> Reply:
        if request.method == "GET":
            started.wait(30)
            return Reply(200, b"Healthy")
        return Reply(200, b"true" if started.is_set() else b"false")

    with serve(answer) as server:
        assert endpoint.score(f"{server.url}/score", SAMPLE).prediction is True


def test_nothing_there_says_where_and_what_to_look_at(endpoint: ScoringEndpoint) -> None:
    url = f"http://127.0.0.1:{free_port()}/score"
    error = refused(lambda: endpoint.score(url, SAMPLE, 0.2))
    assert url in error.title
    assert (error.kind, error.field, error.retryable) == ("unreachable", "scoring.address", True)


def test_a_module_that_hangs_ends_at_the_deadline(endpoint: ScoringEndpoint) -> None:
    with serve(lambda _: HANG) as server:
        assert "Nothing answered" in refused(lambda: endpoint.score(f"{server.url}/score", SAMPLE, 0.3)).title


def test_waiting_can_be_stopped(endpoint: ScoringEndpoint) -> None:
    stop = cancel.Cancellation()
    stop.cancel()
    with cancel.using(stop), pytest.raises(EdgeError) as caught:
        endpoint.score(f"http://127.0.0.1:{free_port()}/score", SAMPLE, 600)
    assert caught.value.kind == "cancelled"


def failure(status: int, body: Any) -> Callable[[Asked], Reply]:
    return lambda _: Reply(status, body)


@pytest.mark.parametrize(
    ("status", "body", "field", "said"),
    [
        (500, {"message": "KeyError: 'temperature'"}, "scoring.script", "KeyError: 'temperature'"),
        (500, b"could not convert string to float: 'a'", "scoring.script", "could not convert"),
        (400, "Input Data should have 2 features", "scoring.sample", "2 features"),
        (404, b"Not Found", "scoring.address", "Not Found"),
        (302, b"", "scoring.address", ""),
        (503, b"", "scoring.script", ""),
    ],
)
def test_a_refusal_is_the_scripts_own_message(
    endpoint: ScoringEndpoint, status: int, body: Any, field: str, said: str
) -> None:
    with serve(failure(status, body)) as server:
        error = refused(lambda: endpoint.score(f"{server.url}/score", SAMPLE))
    assert error.field == field
    assert said in error.detail
    assert str(status) in error.title


def test_an_answer_without_end_is_cut(endpoint: ScoringEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_endpoint, "_LIMIT", 1000)
    with serve(lambda _: Reply(200, json.dumps("x" * 2000).encode())) as server:
        assert "too large" in refused(lambda: endpoint.score(f"{server.url}/score", SAMPLE)).title


@pytest.mark.parametrize("url", ["", "device:5001", "ftp://device/score", "http:///score", "/score"])
def test_what_is_no_address_is_told(endpoint: ScoringEndpoint, url: str) -> None:
    error = refused(lambda: endpoint.score(url, SAMPLE))
    assert (error.field, error.kind) == ("scoring.address", "input")
