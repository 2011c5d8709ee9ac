"""The sandbox's IoT hub, as the unmodified azure-iot-hub package and plain requests see it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests
from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import ConfigurationContent, QuerySpecification, Twin, TwinProperties
from msrest.exceptions import HttpOperationError

from tests.conftest import Sandbox

LIVE = "line1-gateway"
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def trusted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.env["REQUESTS_CA_BUNDLE"])


@pytest.fixture
def connection(sandbox: Sandbox) -> str:
    return sandbox.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"]


@pytest.fixture
def hub(connection: str) -> Any:
    return IoTHubRegistryManager.from_connection_string(connection)


@pytest.fixture
def deployments(connection: str) -> Any:
    return IoTHubConfigurationManager.from_connection_string(connection)


@pytest.fixture
def device(hub: Any) -> Iterator[str]:
    """An edge device of the test's own."""
    name = f"test-{time.time_ns():x}"
    hub.create_device_with_sas(name, "", "", "enabled", iot_edge=True)
    yield name
    hub.delete_device(name)


@pytest.fixture
def call(sandbox: Sandbox) -> Callable[..., requests.Response]:
    def send(method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": token or f"Bearer {sandbox.env['EDGETUI_SANDBOX_TOKEN']}"}
        headers |= options.pop("headers", {})
        url = f"{sandbox.base_url}{path}{'&' if '?' in path else '?'}api-version=2021-04-12"
        ca = sandbox.env["REQUESTS_CA_BUNDLE"]
        return requests.request(method, url, headers=headers, verify=ca, timeout=30, **options)

    return send


def until(check: Callable[[], Any]) -> Any:
    """Poll the service, as any client must, until the check gives something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def refused(act: Callable[[], Any]) -> Any:
    with pytest.raises(HttpOperationError) as caught:
        act()
    return caught.value.response


def select(hub: Any, text: str, size: int | None = None) -> list[Any]:
    items, token = [], None
    while True:
        page = hub.query_iot_hub(QuerySpecification(query=text), token, size)
        assert size is None or len(page.items) <= size
        items += page.items
        token = page.continuation_token
        if token is None:
            return items


def manifest(modules: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    runtime = {"type": "docker", "settings": {"minDockerVersion": "v1.25"}}
    system = {
        "edgeAgent": {"type": "docker", "settings": {"image": "mcr.microsoft.com/azureiotedge-agent:1.6"}},
        "edgeHub": {
            "type": "docker",
            "status": "running",
            "restartPolicy": "always",
            "settings": {"image": "mcr.microsoft.com/azureiotedge-hub:1.6", "createOptions": "{}"},
        },
    }
    agent = {"schemaVersion": "1.1", "runtime": runtime, "systemModules": system, "modules": modules or {}}
    edge_hub = {"schemaVersion": "1.1", "routes": {}, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}
    return {
        "$edgeAgent": {"properties.desired": {**agent, **parts}},
        "$edgeHub": {"properties.desired": edge_hub},
    }


def module(image: str = "example.azurecr.io/m:1", **parts: Any) -> dict[str, Any]:
    return {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": image, "createOptions": "{}"},
        **parts,
    }


def apply(deployments: Any, device: str, content: dict[str, Any]) -> None:
    deployments.apply_configuration_on_edge_device(device, ConfigurationContent(modules_content=content))


# -- who may call --------------------------------------------------------------------------------------------------------


def test_a_wrong_key_is_refused_with_the_hubs_own_error(connection: str) -> None:
    head, _, _ = connection.partition("SharedAccessKey=")
    wrong = base64.b64encode(b"x" * 32).decode()
    response = refused(
        lambda: IoTHubRegistryManager.from_connection_string(f"{head}SharedAccessKey={wrong}").get_devices()
    )
    assert response.status_code == 401
    assert response.headers["iothub-errorcode"] == "IotHubUnauthorizedAccess"
    assert response.json()["Message"].startswith("ErrorCode:IotHubUnauthorizedAccess;")


@pytest.mark.parametrize("fault", ["expired", "other-host", "other-policy", "no-expiry", "garbage", "none"])
def test_a_signature_that_is_not_good_now_and_here_is_refused(
    sandbox: Sandbox, call: Callable[..., requests.Response], fault: str
) -> None:
    key = sandbox.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"].partition("SharedAccessKey=")[2]
    host = "localhost:1" if fault == "other-host" else sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]
    expiry = str(int(time.time()) + (-5 if fault == "expired" else 600))
    policy = "device" if fault == "other-policy" else "iothubowner"

    def signed(host: str, expiry: str) -> str:
        text = f"{quote_plus(host)}\n{expiry}".encode()
        signature = base64.b64encode(hmac.new(base64.b64decode(key), text, hashlib.sha256).digest())
        return f"SharedAccessSignature sr={quote_plus(host)}&sig={quote_plus(signature)}&se={expiry}&skn={policy}"

    token = {"no-expiry": signed(host, ""), "garbage": "SharedAccessSignature what", "none": "Basic eDp5"}.get(fault)
    assert call("GET", "/devices", token or signed(host, expiry)).status_code == 401
    good = signed(sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"], str(int(time.time()) + 600)).replace(
        "=device", "=iothubowner"
    )
    assert call("GET", "/devices", good).status_code == 200


def test_the_sandboxs_bearer_token_is_taken_and_a_foreign_one_is_not(call: Callable[..., requests.Response]) -> None:
    assert call("GET", "/statistics/service").json()["connectedDeviceCount"] >= 1
    answer = call("GET", "/statistics/service", "Bearer a.b.c")
    assert (answer.status_code, answer.headers["iothub-errorcode"]) == (401, "IotHubUnauthorizedAccess")


# -- the seeded fleet ------------------------------------------------------------------------------------------------------


def test_the_fleet_is_listed_in_pages(hub: Any) -> None:
    devices = select(hub, "SELECT * FROM devices WHERE capabilities.iotEdge = true", 10)
    names = [one.device_id for one in devices]
    assert len(names) >= 25
    assert len(names) == len(set(names))
    assert [one.device_id for one in devices if one.tags.get("live")] == [LIVE]
    assert all(one.tags.get("simulated") for one in devices if one.device_id != LIVE)
    assert {one.connection_state for one in devices} == {"Connected", "Disconnected"}


def test_projections_and_counts_are_raw_rows(hub: Any) -> None:
    (row,) = select(hub, "SELECT COUNT() AS n FROM devices WHERE tags.site = 'rotterdam'")
    assert row.additional_properties["n"] >= 5
    rows = select(hub, "SELECT deviceId, tags.address AS at FROM devices WHERE tags.live")
    assert rows[0].device_id == LIVE
    assert rows[0].additional_properties["at"].startswith("127.")


def test_a_wrong_query_or_token_is_a_clear_400(hub: Any) -> None:
    response = refused(lambda: hub.query_iot_hub(QuerySpecification(query="SELECT * FROM devices ORDER BY x")))
    assert response.status_code == 400
    assert "not understood at character 23" in response.json()["Message"]
    response = refused(lambda: hub.query_iot_hub(QuerySpecification(query="SELECT * FROM devices"), "nonsense"))
    assert response.status_code == 400


def test_every_seeded_manifest_would_be_accepted_again(hub: Any, deployments: Any) -> None:
    for twin in select(
        hub, "SELECT * FROM devices.modules WHERE moduleId = '$edgeAgent' AND is_defined(properties.desired.modules)"
    ):
        names = [one.module_id for one in hub.get_modules(twin.device_id)]
        assert {"$edgeAgent", "$edgeHub", *twin.properties.desired["modules"]} == set(names)
        if twin.device_id == LIVE:
            continue
        twins = {
            name: hub.get_module_twin(twin.device_id, name).properties.desired for name in ("$edgeAgent", "$edgeHub")
        }
        content = {
            name: {"properties.desired": {key: value for key, value in desired.items() if key[0] != "$"}}
            for name, desired in twins.items()
        }
        apply(deployments, twin.device_id, content)
        after = hub.get_module_twin(twin.device_id, "$edgeAgent").properties.desired
        assert {**after, "$version": 0, "$metadata": 0} == {**twins["$edgeAgent"], "$version": 0, "$metadata": 0}
        assert after["$version"] == twins["$edgeAgent"]["$version"] + 1


def test_the_live_device_reports_as_the_runtime_does(hub: Any) -> None:
    twin = hub.get_module_twin(LIVE, "$edgeAgent")
    reported = twin.properties.reported
    assert reported["version"]["version"] == "1.6.1"
    assert reported["runtime"]["platform"]["os"] == "linux"
    assert reported["systemModules"]["edgeHub"]["runtimeStatus"] == "running"
    assert twin.connection_state == "Connected"
    assert hub.get_module_twin(LIVE, "$edgeHub").properties.desired["routes"]


# -- identities and twins ----------------------------------------------------------------------------------------------------


def test_identities_are_made_changed_and_removed(hub: Any, call: Callable[..., requests.Response]) -> None:
    name = f"Own;{time.time_ns():x}#1"
    made = hub.create_device_with_sas(name, "", "", "enabled", iot_edge=True)
    assert len(base64.b64decode(made.authentication.symmetric_key.primary_key)) == 32
    assert refused(lambda: hub.create_device_with_sas(name, "", "", "enabled")).status_code == 409
    updated = hub.update_device_with_sas(name, made.etag, "", "", "disabled", iot_edge=True)
    assert updated.status == "disabled"
    assert updated.authentication.symmetric_key.primary_key == made.authentication.symmetric_key.primary_key
    assert refused(lambda: hub.update_device_with_sas(name, "c3RhbGU=", "", "", "enabled")).status_code == 412
    hub.create_module_with_sas(name, "extra", "", "", "")
    assert [one.module_id for one in hub.get_modules(name)] == ["$edgeAgent", "$edgeHub", "extra"]
    hub.delete_module(name, "extra")
    assert refused(lambda: hub.get_module(name, "extra")).headers["iothub-errorcode"] == "ModuleNotFound"
    before = call("GET", "/statistics/devices").json()
    assert before["disabledDeviceCount"] >= 1
    hub.delete_device(name)
    assert refused(lambda: hub.get_twin(name)).headers["iothub-errorcode"] == "DeviceNotFound"
    assert refused(lambda: hub.create_device_with_sas("no spaces", "", "", "enabled")).status_code == 400


def test_twins_are_patched_under_their_etag(hub: Any, device: str) -> None:
    twin = hub.get_twin(device)
    changed = hub.update_twin(
        device, Twin(tags={"site": "lab"}, properties=TwinProperties(desired={"a": {"b": 1}})), twin.etag
    )
    assert changed.etag != twin.etag
    assert changed.tags == {"site": "lab"}
    assert changed.properties.desired["$version"] == twin.properties.desired["$version"] + 1
    stale = refused(lambda: hub.update_twin(device, Twin(tags={"site": "x"}), twin.etag))
    assert (stale.status_code, stale.headers["iothub-errorcode"]) == (412, "PreconditionFailed")
    replaced = hub.replace_twin(device, Twin(tags={"line": 2}), changed.etag)
    assert replaced.tags == {"line": 2}
    assert "a" not in replaced.properties.desired


def test_the_runtimes_own_twins_cannot_be_patched(hub: Any, device: str) -> None:
    response = refused(
        lambda: hub.update_module_twin(device, "$edgeAgent", Twin(properties=TwinProperties(desired={"x": 1})), "*")
    )
    assert response.status_code == 401
    assert response.headers["iothub-errorcode"] == "SystemModuleModifyUnauthorizedAccess"


# -- setting modules ---------------------------------------------------------------------------------------------------------


def test_apply_replaces_the_runtimes_twins_and_only_those_module_twins_that_it_names(
    hub: Any, deployments: Any, device: str
) -> None:
    first = manifest({"one": module(), "two": module()})
    first["one"] = {"properties.desired": {"interval": 5}}
    apply(deployments, device, first)
    assert {one.module_id for one in hub.get_modules(device)} == {"$edgeAgent", "$edgeHub", "one", "two"}
    assert all(one.managed_by == "iotEdge" for one in hub.get_modules(device))
    assert hub.get_module_twin(device, "one").properties.desired["interval"] == 5

    apply(deployments, device, manifest({"one": module("example.azurecr.io/m:2")}))
    assert {one.module_id for one in hub.get_modules(device)} == {"$edgeAgent", "$edgeHub", "one"}
    agent = hub.get_module_twin(device, "$edgeAgent").properties.desired
    assert set(agent["modules"]) == {"one"}
    assert agent["$version"] == 3
    assert hub.get_module_twin(device, "one").properties.desired["interval"] == 5, "it was not named, so it stays"

    again = manifest({"one": module()})
    again["one"] = {"properties.desired": {}}
    apply(deployments, device, again)
    assert "interval" not in hub.get_module_twin(device, "one").properties.desired


def test_a_module_of_ones_own_survives_an_apply(hub: Any, deployments: Any, device: str) -> None:
    hub.create_module_with_sas(device, "mine", "", "", "")
    apply(deployments, device, manifest())
    assert "mine" in {one.module_id for one in hub.get_modules(device)}


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda m: m.pop("$edgeHub"), "$edgeHub is missing"),
    (lambda m: m["$edgeAgent"]["properties.desired"].pop("runtime"), "$edgeAgent.runtime: is missing"),
    (lambda m: m.update({"bad name": {"properties.desired": {}}}), "modulesContent.bad name"),
    (lambda m: m.update({"x": {"desired": {}}}), "properties.desired"),
    (lambda m: modules(m).update(m1=module(type="podman")), "modules.m1.type: must be docker"),
    (lambda m: modules(m).update(m1=module(restartPolicy="sometimes")), "modules.m1.restartPolicy"),
    (lambda m: modules(m).update(m1=module(status="paused")), "modules.m1.status"),
    (lambda m: modules(m).update(m1=module(startupOrder=-1)), "modules.m1.startupOrder"),
    (lambda m: modules(m).update(m1=module(settings={"image": ""})), "modules.m1.settings.image"),
    (lambda m: modules(m).update(m1=module(settings={"image": "a", "createOptions": {"a": 1}})), "must be a string"),
    (lambda m: modules(m).update(m1=module(settings={"image": "a", "createOptions": "", "createOptions02": ""})), "follow"),
    (lambda m: modules(m).update(m1=module(env={"A": "text"})), "modules.m1.env.A: must be an object"),
    (lambda m: modules(m).update({f"m{n}": module() for n in range(51)}), "the limit is 50"),
    (lambda m: settings(m).update(registryCredentials={"acr": {"username": "u", "address": "a"}}), "acr.password"),
    (lambda m: settings(m).update(registryCredentials={"a.io": {}}), "a key must not"),
    (lambda m: m["$edgeHub"]["properties.desired"]["routes"].update(r={"route": "FROM /* INTO $upstream", "priority": 10}),
     "routes.r.priority"),
    (lambda m: modules(m).update(m1=module(env={"A": {"value": "x" * 5000}})), "a string must not be longer"),
]  # fmt: skip


def modules(content: dict[str, Any]) -> dict[str, Any]:
    return content["$edgeAgent"]["properties.desired"]["modules"]  # type: ignore[no-any-return]


def settings(content: dict[str, Any]) -> dict[str, Any]:
    return content["$edgeAgent"]["properties.desired"]["runtime"]["settings"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("spoil", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_manifest_is_refused_and_changes_nothing(
    hub: Any, deployments: Any, device: str, spoil: Callable[[dict[str, Any]], Any], said: str
) -> None:
    content = manifest()
    spoil(content)
    response = refused(lambda: apply(deployments, device, content))
    assert response.status_code == 400
    assert said in response.json()["Message"]
    assert hub.get_module_twin(device, "$edgeAgent").properties.desired["$version"] == 1


def test_apply_needs_an_edge_device_that_exists(hub: Any, deployments: Any) -> None:
    assert refused(lambda: apply(deployments, "nobody", manifest())).headers["iothub-errorcode"] == "DeviceNotFound"
    plain = f"plain-{time.time_ns():x}"
    hub.create_device_with_sas(plain, "", "", "enabled")
    assert refused(lambda: apply(deployments, plain, manifest())).status_code == 400
    hub.delete_device(plain)


def test_a_simulated_device_reports_what_it_was_given_if_it_is_online(hub: Any, deployments: Any) -> None:
    before = hub.get_module_twin("line3-press-08", "$edgeAgent").properties.reported["$version"]
    apply(deployments, "line3-press-08", manifest())
    apply(deployments, "turbine-02", manifest({"pump": module(), "idle": module(status="stopped")}))
    version = hub.get_module_twin("turbine-02", "$edgeAgent").properties.desired["$version"]

    def answered() -> Any:
        reported = hub.get_module_twin("turbine-02", "$edgeAgent").properties.reported
        return reported if reported["lastDesiredVersion"] == version else None

    reported = until(answered)
    assert reported["lastDesiredStatus"]["code"] == 200
    silent = hub.get_module_twin("line3-press-08", "$edgeAgent").properties
    assert silent.reported["$version"] == before, "it was told earlier, and is offline"
    assert silent.reported["lastDesiredVersion"] < silent.desired["$version"]
    found = {name: (one["runtimeStatus"], one["statusDescription"]) for name, one in reported["modules"].items()}
    assert found == {"pump": ("running", "simulated"), "idle": ("stopped", "simulated")}


def test_a_device_without_an_answer_says_so_to_a_direct_method(hub: Any) -> None:
    from azure.iot.hub.models import CloudToDeviceMethod

    ping = CloudToDeviceMethod(method_name="ping", payload={})
    response = refused(lambda: hub.invoke_device_module_method("line3-press-08", "$edgeAgent", ping))
    assert response.status_code == 404
    assert json.loads(response.json()["Message"])["errorCode"] == 404103
    answer = hub.invoke_device_module_method(LIVE, "$edgeAgent", ping)
    assert answer.status == 200
    logs = CloudToDeviceMethod(
        method_name="GetModuleLogs",
        payload={"schemaVersion": "1.0", "items": [{"id": "^edgeAgent$", "filter": {"tail": 5}}], "encoding": "none"},
    )
    (log,) = hub.invoke_device_module_method(LIVE, "$edgeAgent", logs).payload
    assert log["id"] == "edgeAgent"
    assert "[INF]" in log["payload"]
    unknown = CloudToDeviceMethod(method_name="Dance", payload={})
    assert hub.invoke_device_module_method(LIVE, "$edgeAgent", unknown).status == 400


def test_deployments_are_listed_and_honestly_refused(deployments: Any, call: Callable[..., requests.Response]) -> None:
    assert deployments.get_configurations(20) == []
    assert (
        refused(lambda: deployments.get_configuration("nothing")).headers["iothub-errorcode"] == "ConfigurationNotFound"
    )
    answer = call("PUT", "/configurations/base", json={"id": "base"})
    assert answer.status_code == 403
    assert "does not carry out automatic deployments" in answer.json()["Message"]


def test_bad_requests_never_break_the_hub(call: Callable[..., requests.Response]) -> None:
    assert call("POST", "/devices/query", data=b"{").status_code == 400
    assert call("POST", "/devices/query", json=["x"]).status_code == 400
    assert call("GET", "/devices?top=none").status_code == 400
    deep = b'{"tags":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
    assert call("PATCH", "/twins/lab-jetson", data=deep).status_code == 400
    assert call("PATCH", "/twins/lab-jetson", data=b'{"tags":{"a":NaN}}').status_code == 400
    assert call("POST", "/devices/lab-jetson/applyConfigurationContent", json={"modulesContent": 3}).status_code == 400
