"""What SDKs raise, taken from the SDKs themselves where one can be had, becomes a cause that a person can act on."""

from __future__ import annotations

import errno
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from edgetui.adapters.errors import DETAIL_LIMIT, as_edge_error, status_of
from edgetui.core.errors import EdgeError
from tests.loopback import DROP, HANG, Reply, serve

DOING = "open workspace edge-ws"


def raised(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- any: the table under test sorts them
        call()
    return caught.value


def of(call: Callable[[], Any], field: str = "") -> EdgeError:
    return as_edge_error(raised(call), DOING, field)


def arm_error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}}, {"Content-Type": "application/json"})


def get(url: str, verify: str | bool = True, seconds: float = 10.0) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, verify=verify, timeout=seconds)
        answer.raise_for_status()
        return answer


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "says"),
    [
        (400, "input", False, "refused"),
        (401, "access", False, "sign-in"),
        (403, "access", False, "not allowed"),
        (404, "failed", False, "does not exist"),
        (409, "failed", False, "exists already"),
        (412, "failed", True, "changed meanwhile"),
        (429, "unreachable", True, "too many requests"),
        (418, "input", False, "refused"),
        (500, "unreachable", True, "service failed"),
        (503, "unreachable", True, "service failed"),
    ],
)
def test_a_status_says_what_it_means(status: int, kind: str, retryable: bool, says: str) -> None:
    with serve(lambda _: arm_error(status, "SomeCode", "in the service's words")) as server:
        error = of(lambda: get(server.url))
    assert (error.kind, error.retryable) == (kind, retryable)
    assert error.title.startswith(f"Could not {DOING}: ")
    assert says in error.title
    assert error.detail == "SomeCode: in the service's words"
    assert error.remedy


def test_azure_core_is_understood(tmp_path: Path) -> None:
    from azure.core import PipelineClient
    from azure.core.exceptions import HttpResponseError
    from azure.core.pipeline.policies import RetryPolicy
    from azure.core.rest import HttpRequest

    def ask(url: str, **more: Any) -> None:
        client: Any = PipelineClient(url, policies=[RetryPolicy.no_retries()])
        response = client.send_request(HttpRequest("GET", url), **more)
        if response.status_code >= 400:
            raise HttpResponseError(response=response)

    with serve(lambda _: arm_error(403, "AuthorizationFailed", "no role here"), tmp_path) as server:
        error = of(lambda: ask(server.url, connection_verify=server.ca_file))
        assert (error.kind, error.detail) == ("access", "AuthorizationFailed: no role here")
        error = of(lambda: ask(server.url, connection_verify=True))
        assert (error.kind, error.retryable) == ("unreachable", False)
        assert "certificate" in error.title
        assert "REQUESTS_CA_BUNDLE" in error.remedy
    assert "nothing answers" in of(lambda: ask("http://127.0.0.1:1/")).title


def test_msrest_and_azureml_hide_the_status_behind_causes() -> None:
    from azureml.exceptions import ProjectSystemException, UserErrorException, WebserviceException
    from msrest.exceptions import HttpOperationError

    answer = requests.Response()
    answer.status_code = 403
    answer._content = b'{"code":"UserError","statusCode":403,"message":"needs write access"}'

    outer = UserErrorException("Forbidden. Please ask your administrator.")
    outer.__cause__ = HttpOperationError(lambda *_: None, answer)
    error = as_edge_error(outer, DOING)
    assert error.kind == "access"
    text = "Received bad response from service:\nResponse Code: 409\nHeaders: {}\nContent: b''"
    assert status_of(WebserviceException(text)) == 409
    assert as_edge_error(WebserviceException("ModelNotFound: Model with id m:9 not found"), DOING).detail
    denied = as_edge_error(ProjectSystemException("You don't have access to 1234 subscription, please check"), DOING)
    assert denied.kind == "access"


def test_the_services_own_words_come_before_what_an_sdk_made_of_them() -> None:
    from azureml.exceptions import UserErrorException
    from msrest.exceptions import HttpOperationError

    answer = requests.Response()
    answer.status_code = 403
    answer._content = b'{"error": {"code": "Forbidden", "message": "The client me has no permission to write models"}}'
    boilerplate = "Operation returned an invalid status code Forbidden. The possible reason could be: "
    outer = UserErrorException(boilerplate)
    assert boilerplate in str(outer)
    assert '"code"' in str(outer), "the SDK's own text holds JSON, too"
    outer.__cause__ = HttpOperationError(lambda *_: None, answer)
    error = as_edge_error(outer, DOING)
    assert error.detail == "Forbidden: The client me has no permission to write models"
    assert error.kind == "access"


def test_requests_tell_refused_silent_broken_and_untrusted_apart(tmp_path: Path) -> None:
    assert "nothing answers" in of(lambda: get("http://127.0.0.1:1/")).title
    with serve(lambda _: HANG) as server:
        error = of(lambda: get(server.url, seconds=0.3))
        assert ("no answer in time" in error.title, error.retryable) == (True, True)
    with serve(lambda _: DROP) as server:
        assert "connection broke" in of(lambda: get(server.url)).title
    with serve(lambda _: Reply(), tmp_path) as server:
        assert "certificate" in of(lambda: get(server.url)).title


def test_a_name_that_nobody_knows() -> None:
    outer = requests.ConnectionError("Max retries exceeded")
    outer.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    error = as_edge_error(outer, DOING)
    assert ("name cannot be resolved" in error.title, error.kind) == (True, "unreachable")


def test_docker_and_keyring() -> None:
    import docker
    from keyring.errors import NoKeyringError

    error = of(lambda: docker.DockerClient(base_url="unix:///nowhere/docker.sock"))
    assert "no container engine" in error.title
    assert "DOCKER_HOST" in error.remedy
    assert "no keyring" in as_edge_error(NoKeyringError("No recommended backend was available"), DOING).title


def test_azure_identity_says_that_nobody_is_signed_in() -> None:
    from azure.identity import CredentialUnavailableError

    error = as_edge_error(CredentialUnavailableError(message="Please run 'az login' to set up an account"), DOING)
    assert (error.kind, error.exit_code) == ("access", 3)
    assert "az login" in error.remedy


def test_files(tmp_path: Path) -> None:
    error = of((tmp_path / "none").read_text, "model.path")
    assert (error.kind, error.field) == ("input", "model.path")
    assert "no such file" in error.title
    assert "not allowed to read" in as_edge_error(PermissionError(errno.EACCES, "denied", "x"), DOING).title
    full = as_edge_error(OSError(errno.ENOSPC, "No space left on device"), DOING)
    assert ("the disk is full" in full.title, full.retryable) == (True, True)


def test_secrets_do_not_come_through() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
    text = (
        f"PUT https://blob/x?sv=1&sig=s3cr3t%2B failed; Authorization: Bearer {token}; "
        'HostName=h;SharedAccessKeyName=owner;SharedAccessKey=s3cr3t=; {"password": "s3cr3t"} https://me:s3cr3t@host/'
    )
    for shown in (
        as_edge_error(ValueError(text), DOING).detail,
        as_edge_error(RuntimeError(ValueError(text)), DOING).detail,
    ):
        assert "s3cr3t" not in shown
        assert token not in shown
        assert "SharedAccessKeyName=owner" in shown


def test_a_page_of_text_is_cut_and_no_traceback_is_shown() -> None:
    error = as_edge_error(ValueError("word " * 4000), DOING)
    assert len(error.detail) == DETAIL_LIMIT
    assert as_edge_error(ValueError(), DOING).detail == "ValueError"


def test_an_error_of_ours_stays_as_it_is_and_crosses_processes() -> None:
    ours = EdgeError("a", "b", "c", retryable=True, field="d", kind="input")
    assert as_edge_error(ours, DOING) is ours
    again = pickle.loads(pickle.dumps(as_edge_error(ValueError("x"), DOING)))  # noqa: S301 -- our own bytes
    assert (again.title, again.detail) == (f"Could not {DOING}", "x")


def test_causes_that_go_in_circles_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert as_edge_error(one, DOING).detail == "one"
