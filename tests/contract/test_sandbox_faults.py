"""Faults on purpose and the scenarios that have some: each service fails in its own words, as often as it was told."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from edgetui.sandbox import faults
from edgetui.sandbox.scenarios import SCENARIOS
from edgetui.sandbox.world import World
from tests.conftest import Sandbox
from tests.contract.client_runs import EXAMPLE, run_client

API = {"api-version": "2022-12-01"}
HUB = {"api-version": "2021-04-12"}
NewSandbox = Callable[..., Sandbox]
Call = Callable[..., requests.Response]


def caller(sandbox: Sandbox) -> Call:
    def call(method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {sandbox.env['EDGETUI_SANDBOX_TOKEN']}", **options.pop("headers", {})}
        with requests.Session() as session:
            session.trust_env, session.verify = False, sandbox.env["REQUESTS_CA_BUNDLE"]
            return session.request(method, sandbox.base_url + path, headers=headers, timeout=60, **options)

    return call


def places(sandbox: Sandbox) -> tuple[str, str]:
    """The paths of the workspace and of the registry."""
    env = sandbox.env
    group = (
        f"/subscriptions/{env['EDGETUI_SANDBOX_SUBSCRIPTION']}/resourceGroups/{env['EDGETUI_SANDBOX_RESOURCE_GROUP']}"
    )
    return (
        f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{env['EDGETUI_SANDBOX_WORKSPACE']}",
        f"{group}/providers/Microsoft.ContainerRegistry/registries/{env['EDGETUI_SANDBOX_REGISTRY']}",
    )


@pytest.fixture
def call(sandbox: Sandbox) -> Iterator[Call]:
    """Requests to the shared sandbox, which has no faults any more afterwards."""
    send = caller(sandbox)
    yield send
    assert send("DELETE", faults.PATH).json() == {"faults": []}


def fail(call: Call, **fault: Any) -> None:
    answer = call("POST", faults.PATH, json={"faults": [fault]})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"faults": [fault]}


# --- each service's own words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "AuthenticationFailed"),
        (403, "AuthorizationFailed"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
    ],
)
def test_the_resource_managers_words(call: Call, status: int, code: str) -> None:
    fail(call, path="^/subscriptions$", status=status, headers={"Retry-After": "7"})
    answer = call("GET", "/subscriptions", params=API)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["Retry-After"] == "7"


def test_model_managements_words(call: Call, sandbox: Sandbox) -> None:
    fail(call, path="/modelmanagement/.*/models$", status=429)
    answer = call("GET", f"/modelmanagement/v1.0{places(sandbox)[0]}/models")
    assert (answer.status_code, answer.json()["statusCode"], answer.json()["code"]) == (429, 429, "TooManyRequests")


def test_the_hubs_words(call: Call) -> None:
    fail(call, path="^/devices/query$", method="POST", status=429)
    answer = call("POST", "/devices/query", params=HUB, json={"query": "SELECT * FROM devices"})
    assert (answer.status_code, answer.headers["iothub-errorcode"]) == (429, "ThrottlingException")
    assert answer.json()["Message"].startswith("ErrorCode:ThrottlingException;")


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHORIZED"), (403, "DENIED"), (429, "TOOMANYREQUESTS")])
def test_the_registrys_words(call: Call, status: int, code: str) -> None:
    fail(call, path="^/v2/", status=status)
    answer = call("GET", "/v2/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "ServerBusy"), (403, "AuthorizationFailure")]
)
def test_the_blob_stores_words_come_after_a_large_body_was_taken(call: Call, status: int, code: str) -> None:
    fail(call, path="^/azureml/", method="PUT", status=status)
    answer = call("PUT", "/azureml/LocalUpload/a/b?sig=x", data=b"x" * (5 << 20))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)
    assert f"<Code>{code}</Code>" in answer.text


def test_words_can_be_given(call: Call) -> None:
    fail(call, path="^/subscriptions$", status=409, code="Busy", message="another change is under way")
    assert call("GET", "/subscriptions", params=API).json()["error"] == {
        "code": "Busy",
        "message": "another change is under way",
    }


# --- how often, and how else -----------------------------------------------------------------------------------------


def test_a_fault_happens_as_often_as_it_says(call: Call) -> None:
    fail(call, path="^/subscriptions$", status=503, times=2)
    states = [call("GET", "/subscriptions", params=API).status_code for _ in range(3)]
    assert states == [503, 503, 200]
    assert call("GET", faults.PATH).json() == {"faults": []}


def test_another_method_or_path_is_not_concerned(call: Call, sandbox: Sandbox) -> None:
    fail(call, path="^/subscriptions$", method="POST", status=503)
    assert call("GET", "/subscriptions", params=API).status_code == 200
    assert call("GET", places(sandbox)[0], params=API).status_code == 200
    assert call("POST", "/subscriptions", params=API).status_code == 503


def test_a_connection_that_breaks(call: Call) -> None:
    fail(call, path="^/subscriptions$", status="reset", times=1)
    with pytest.raises(requests.ConnectionError):
        call("GET", "/subscriptions", params=API)
    assert call("GET", "/subscriptions", params=API).status_code == 200


def test_a_call_that_hangs_does_not_hinder_others_nor_the_end(new_sandbox: NewSandbox) -> None:
    sandbox = new_sandbox()
    call = caller(sandbox)
    fail(call, path="^/subscriptions$", status="hang", times=1)
    seen: list[Exception] = []

    def hung() -> None:
        try:
            call("GET", "/subscriptions", params=API)
        except (requests.RequestException, http.client.HTTPException) as problem:
            seen.append(problem)

    client = threading.Thread(target=hung)
    client.start()
    while call("GET", faults.PATH).json()["faults"]:
        assert client.is_alive()
    assert call("GET", "/subscriptions", params=API).status_code == 200
    assert client.is_alive()
    assert sandbox.stop() == 0
    client.join(30)
    assert len(seen) == 1


def test_faults_outlive_a_restart(new_sandbox: NewSandbox) -> None:
    first = new_sandbox()
    fail(caller(first), path="^/subscriptions$", status=500, times=5)
    caller(first)("GET", "/subscriptions", params=API)
    assert first.stop() == 0
    again = caller(new_sandbox(state=first.state))
    assert again("GET", faults.PATH).json()["faults"][0]["times"] == 4


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"path": "("}, "needs a path, and a status"),
        ({"path": "(", "status": 500}, "regular expression"),
        ({"path": "x", "status": 200}, "400 to 599"),
        ({"path": "x", "status": "explode"}, "400 to 599"),
        ({"path": "x", "status": 500, "time": 1}, "no field 'time'"),
        ({"path": "x", "status": 500, "times": True}, "times cannot be True"),
        ("x", "must be an object"),
    ],
)
def test_what_is_no_fault_is_refused(call: Call, fault: Any, why: str) -> None:
    answer = call("POST", faults.PATH, json={"faults": [fault]})
    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]


def test_only_who_has_the_token_sets_faults(call: Call) -> None:
    answer = call("POST", faults.PATH, json={"faults": []}, headers={"Authorization": "Bearer no"})
    assert answer.status_code == 401


# --- scenarios -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_starts_with_the_admin_user_off(new_sandbox: NewSandbox, name: str) -> None:
    sandbox = new_sandbox("--scenario", name)
    assert sandbox.env["EDGETUI_SANDBOX_SCENARIO"] == name
    call = caller(sandbox)
    assert call("DELETE", faults.PATH).status_code == 200
    refused = call("POST", f"{places(sandbox)[1]}/listCredentials", params=API)
    if name == "no-registry":
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "ResourceNotFound")
    else:
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "UnAuthorizedForCredentialOperations")
        assert "as admin user is disabled" in refused.json()["error"]["message"]


def test_many_devices(new_sandbox: NewSandbox) -> None:
    call = caller(new_sandbox("--scenario", "many-devices"))
    query = {"query": "SELECT deviceId FROM devices WHERE capabilities.iotEdge = true"}
    found, token = [], None
    while True:
        headers = {"x-ms-max-item-count": "500", **({"x-ms-continuation": token} if token else {})}
        answer = call("POST", "/devices/query", params=HUB, json=query, headers=headers)
        found += [row["deviceId"] for row in answer.json()]
        token = answer.headers.get("x-ms-continuation")
        if token is None:
            break
    assert len(found) == len(set(found)) >= 1025
    twin = call("GET", "/twins/press-0001", params=HUB).json()
    assert twin["tags"]["simulated"] is True


def test_a_device_that_is_off_stays_off(new_sandbox: NewSandbox) -> None:
    call = caller(new_sandbox("--scenario", "device-offline"))
    twin = call("GET", "/twins/line1-gateway/modules/$edgeAgent", params=HUB).json()
    assert twin["connectionState"] == "Disconnected"
    assert twin["properties"]["reported"]["lastDesiredStatus"]["code"] == 406
    method = call("POST", "/twins/line1-gateway/modules/$edgeAgent/methods", params=HUB, json={"methodName": "ping"})
    assert (method.status_code, method.headers["iothub-errorcode"]) == (404, "DeviceNotOnline")


def test_an_account_that_may_change_nothing(new_sandbox: NewSandbox) -> None:
    sandbox = new_sandbox("--scenario", "denied")
    call = caller(sandbox)
    workspace, registry = places(sandbox)
    assert call("GET", workspace, params=API).status_code == 200
    assert call("GET", f"/modelmanagement/v1.0{workspace}/models").json()["value"]
    assert call("POST", f"/modelmanagement/v1.0{workspace}/packages", json={}).status_code == 403
    refused = call("PATCH", registry, params=API, json={"properties": {"adminUserEnabled": True}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert registry in refused.json()["error"]["message"]


def test_a_workspace_gets_its_registry_with_its_first_image(new_sandbox: NewSandbox, tmp_path: Path) -> None:
    sandbox = new_sandbox("--scenario", "no-registry")
    call = caller(sandbox)
    workspace, registry = places(sandbox)
    assert "containerRegistry" not in call("GET", workspace, params=API).json()["properties"]
    listed = (
        f"/subscriptions/{sandbox.env['EDGETUI_SANDBOX_SUBSCRIPTION']}/providers/Microsoft.ContainerRegistry/registries"
    )
    assert call("GET", listed, params=API).json()["value"] == []
    assert call("GET", registry, params=API).status_code == 404
    saw = run_client(sandbox, "whole_chain.py", tmp_path / "run", str(EXAMPLE))
    assert saw["status"]["code"] == 200
    assert call("GET", workspace, params=API).json()["properties"]["containerRegistry"] == registry


def test_a_build_that_fails_says_the_installers_words(new_sandbox: NewSandbox, tmp_path: Path) -> None:
    saw = run_client(new_sandbox("--scenario", "build-fails"), "azureml_build.py", tmp_path / "run", str(EXAMPLE))
    assert saw["state"] == "Failed"
    assert "was not found in the package registry" in saw["log"]
    assert "was not found in the package registry" in saw["error"]["message"]


def test_the_first_calls_are_throttled_and_later_ones_are_not(new_sandbox: NewSandbox, tmp_path: Path) -> None:
    sandbox = new_sandbox("--scenario", "throttled")
    call = caller(sandbox)
    query = {"query": "SELECT deviceId FROM devices"}
    answers = [call("POST", "/devices/query", params=HUB, json=query) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_scenarios_are_sound(tmp_path: Path) -> None:
    world = World(tmp_path / "state", tmp_path / "cache")
    for name, scenario in SCENARIOS.items():
        assert scenario.title, name
        for fault in scenario.faults:
            assert faults.check(dict(fault))
        assert json.dumps(dict(scenario.settings), default=dict)
    world.close()
