"""The hub adapter on the sandbox's wire, and against refusals that only a scripted server gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgetui.adapters.edge import hub_calls
from edgetui.adapters.edge.iot_hub import IotHub, create
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.models import Device, HubInfo
from tests.conftest import Sandbox
from tests.contract.adapters import call, context_of, scripted_context
from tests.loopback import DROP, HANG, Asked, Reply, serve

LIVE = "line1-gateway"
OFFLINE = "line3-press-08"
KEYS = "/listkeys"


@pytest.fixture
def adapter(sandbox: Sandbox) -> IotHub:
    return create(context_of(sandbox))


@pytest.fixture
def hub(sandbox: Sandbox, adapter: IotHub) -> HubInfo:
    (found,) = adapter.hubs(sandbox.env["EDGETUI_SANDBOX_SUBSCRIPTION"])
    return found


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.remedy
    return caught.value


# -- on the sandbox ----------------------------------------------------------------------------------------------------------


def test_the_hubs_of_a_subscription(sandbox: Sandbox, hub: HubInfo) -> None:
    assert hub.host_name == sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]
    assert (hub.name, hub.sku) == ("edge-hub", "S1")
    assert hub.resource_group == sandbox.env["EDGETUI_SANDBOX_RESOURCE_GROUP"]


def test_devices_come_by_pages_joined_with_what_their_agents_say(sandbox: Sandbox, hub: HubInfo) -> None:
    pages = list(IotHub(context_of(sandbox), page=7).devices(hub))
    assert len(pages) >= 4
    assert all(0 < len(page) <= 7 for page in pages)
    devices = {device.id: device for page in pages for device in page}
    assert len(devices) == sum(len(page) for page in pages) > 25
    assert devices == {device.id: device for page in create(context_of(sandbox)).devices(hub) for device in page}
    camera = devices["line2-camera-01"]
    assert (camera.platform, camera.agent_version, camera.modules) == ("linux/arm64", "1.6.1", ("vision-inspector",))
    assert camera.tags["site"] == "eindhoven"
    assert (devices["line3-press-07"].platform, devices["line3-press-07"].agent_code) == ("linux/arm/v7", 200)
    assert not devices[OFFLINE].connected
    assert devices["test-bench-03"].modules == ()
    assert devices["Truck;42@bilbao"].status == "enabled"


def test_listing_a_fleet_takes_two_queries_a_page(sandbox: Sandbox, hub: HubInfo) -> None:
    adapter = IotHub(context_of(sandbox), page=10)
    asked: list[str] = []
    registry = adapter._calls._of(hub, "count").registry
    registry.protocol.config.hooks.append(lambda response, *_, **__: asked.append(response.url))
    pages = list(adapter.devices(hub))
    assert 0 < len(asked) <= 2 * len(pages)


def test_deployed_is_what_a_device_was_told_and_what_it_answered(
    sandbox: Sandbox, adapter: IotHub, hub: HubInfo
) -> None:
    found = adapter.deployed(hub, LIVE)
    raw = call(sandbox, "GET", f"/twins/{LIVE}/modules/%24edgeAgent").json()["properties"]
    assert found.agent == {key: value for key, value in raw["desired"].items() if not key.startswith("$")}
    assert found.agent_version == raw["desired"]["$version"]
    assert found.hub["routes"]
    assert found.hub_version >= 1
    assert found.agent_reported["lastDesiredVersion"] >= 1
    assert found.connected
    assert found.tags["line"] == "line1"
    assert found.configurations == {}
    assert not adapter.deployed(hub, OFFLINE).connected
    odd = adapter.deployed(hub, "Truck;42@bilbao")
    assert odd.device == "Truck;42@bilbao"
    assert odd.agent["modules"]


def test_a_manifest_is_applied_and_read_back(adapter: IotHub, hub: HubInfo) -> None:
    before = adapter.deployed(hub, "lab-jetson")
    module = {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": "a.azurecr.io/m:1", "createOptions": "{}"},
        "env": {"ü": {"value": "½"}},
    }
    agent = {**before.agent, "modules": {**before.agent["modules"], "ours": module}}
    content = {"$edgeAgent": {"properties.desired": agent}, "$edgeHub": {"properties.desired": before.hub}}
    adapter.apply(hub, "lab-jetson", content)
    after = adapter.deployed(hub, "lab-jetson")
    assert msgspec.json.encode(after.agent, order="sorted") == msgspec.json.encode(agent, order="sorted")
    assert after.agent_version == before.agent_version + 1


def test_a_device_that_is_not_there_or_no_edge_device_is_told(sandbox: Sandbox, adapter: IotHub, hub: HubInfo) -> None:
    for work in (
        lambda: adapter.deployed(hub, "nobody"),
        lambda: adapter.apply(hub, "nobody", good_content(adapter, hub)),
    ):
        error = refused(work)
        assert "edge-hub has no such device" in error.title
        assert (error.field, error.kind) == ("target.devices", "input")
    call(sandbox, "PUT", "/devices/plain", json={"deviceId": "plain"}).raise_for_status()
    assert "no IoT Edge device" in refused(lambda: adapter.deployed(hub, "plain")).title
    call(sandbox, "DELETE", "/devices/plain", headers={"If-Match": "*"}).raise_for_status()


def good_content(adapter: IotHub, hub: HubInfo) -> dict[str, Any]:
    known = adapter.deployed(hub, LIVE)
    return {"$edgeAgent": {"properties.desired": known.agent}, "$edgeHub": {"properties.desired": known.hub}}


def test_a_wrong_manifest_says_which_value(adapter: IotHub, hub: HubInfo) -> None:
    content = good_content(adapter, hub)
    content["$edgeAgent"]["properties.desired"] = {
        **content["$edgeAgent"]["properties.desired"],
        "modules": {"a b": {}},
    }
    error = refused(lambda: adapter.apply(hub, LIVE, content))
    assert error.kind == "input"
    assert "a b" in error.detail


def test_the_log_of_a_module_comes_from_the_device(adapter: IotHub, hub: HubInfo) -> None:
    assert "[INF]" in adapter.module_log(hub, LIVE, "edgeAgent", 5)
    assert len(adapter.module_log(hub, LIVE, "edgeAgent", 1).splitlines()) == 1
    offline = refused(lambda: adapter.module_log(hub, OFFLINE, "edgeAgent"))
    assert "not connected" in offline.title
    assert offline.retryable
    assert "no module edge.gent" in refused(lambda: adapter.module_log(hub, LIVE, "edge.gent")).title


# -- signing in --------------------------------------------------------------------------------------------------------------


def test_a_forged_token_tells_of_both_ways(sandbox: Sandbox, hub: HubInfo) -> None:
    head, _, _ = sandbox.env["EDGETUI_SANDBOX_TOKEN"].rpartition(".")
    adapter = create(context_of(sandbox, token=f"{head}.forged"))
    error = refused(lambda: adapter.deployed(hub, LIVE))
    assert (error.kind, error.field) == ("access", "hub.name")
    assert "neither the sign-in nor a key" in error.title
    assert "Sign-in:" in error.detail
    assert "Key:" in error.detail
    assert head not in str(error)


def hub_of(server: Any, group: str = "rg") -> HubInfo:
    return HubInfo("edge-hub", server.host, "sub", group)


def twin(device: str = "d", **more: Any) -> dict[str, Any]:
    properties = {"desired": {"$version": 4}, "reported": {"$version": 1}}
    return {
        "deviceId": device,
        "capabilities": {"iotEdge": True},
        "connectionState": "Connected",
        "properties": properties,
        **more,
    }


UNAUTHORIZED = Reply(
    401,
    {"Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"},
    {"iothub-errorcode": "IotHubUnauthorizedAccess"},
)


def policy(name: str, rights: str) -> dict[str, str]:
    return {"keyName": name, "primaryKey": base64.b64encode(name[:1].encode() * 32).decode(), "rights": rights}


POLICIES = [
    policy("iothubowner", "RegistryWrite, ServiceConnect, DeviceConnect"),
    policy("device", "DeviceConnect"),
    policy("edgetui", "RegistryWrite, ServiceConnect"),
]


def test_a_hub_that_wants_a_key_gets_the_weakest_that_is_enough(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path.partition("?")[0].endswith(KEYS):
            return Reply(200, {"value": POLICIES})
        return (
            Reply(200, twin()) if asked.headers["authorization"].startswith("SharedAccessSignature") else UNAUTHORIZED
        )

    with serve(answer, tmp_path / "tls") as server:
        adapter = create(scripted_context(server))
        assert adapter.deployed(hub_of(server), "d").agent_version == 4
        assert adapter.deployed(hub_of(server), "d").connected
        ways = [asked.headers["authorization"].partition(" ")[0] for asked in server.asked]
    assert ways == ["Bearer", "Bearer", *["SharedAccessSignature"] * 6]
    assert "skn=edgetui" in server.asked[-1].headers["authorization"]
    keys = [one["primaryKey"] for one in POLICIES]
    assert all(key not in f"{asked.path}{asked.headers}{asked.body!r}" for asked in server.asked for key in keys)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no listkeys/action"}}), "no listkeys/action"),
        (Reply(200, {"value": POLICIES[1:2]}), "no policy of the hub"),
        (Reply(200, {"value": [{**POLICIES[0], "primaryKey": "%"}]}), "not well-formed"),
        (Reply(200, {"value": POLICIES}), "With the key of policy edgetui"),
    ],
)
def test_without_a_way_in_the_reason_is_told(tmp_path: Path, keys: Reply, words: str) -> None:
    with serve(lambda asked: keys if KEYS in asked.path else UNAUTHORIZED, tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).deployed(hub_of(server), "d"))
    assert words in error.detail
    assert not any(one["primaryKey"] in str(error) for one in POLICIES)


def test_a_refusal_that_no_key_heals_is_not_tried_with_one(tmp_path: Path) -> None:
    quota = Reply(403, {"Message": "Total number of messages exceeded"}, {"iothub-errorcode": "IotHubQuotaExceeded"})
    with serve(lambda _: quota, tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).deployed(hub_of(server), "d"))
        assert len(server.asked) == 1
    assert "IotHubQuotaExceeded" in error.detail
    assert error.kind == "failed"


# -- throttles, failures, silence --------------------------------------------------------------------------------------------


THROTTLED = Reply(
    429, {"Message": "ErrorCode:ThrottlingException;slow down"}, {"iothub-errorcode": "ThrottlingException"}
)


def test_a_throttled_call_waits_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_calls, "_WAITS", (0.01, 0.01))
    replies = [THROTTLED, Reply(429, b"", {"Retry-After": "0"}), Reply(200, twin())]
    with serve(lambda _: replies.pop(0) if len(replies) > 1 else replies[0], tmp_path / "tls") as server:
        assert create(scripted_context(server)).deployed(hub_of(server), "d").agent_version == 4
        assert len(server.asked) == 5


def test_a_hub_that_goes_on_throttling_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_calls, "_WAITS", (0.01, 0.01))
    with serve(lambda _: THROTTLED, tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).apply(hub_of(server), "d", {}))
        assert len(server.asked) == 3
    assert "edge-hub is throttling" in error.title
    assert error.retryable


def test_a_hub_that_asks_for_too_much_patience_is_named_at_once(tmp_path: Path) -> None:
    with serve(lambda _: Reply(429, b"", {"Retry-After": "3600"}), tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).deployed(hub_of(server), "d"))
        assert len(server.asked) == 1
    assert "throttling" in error.title


def test_waiting_for_a_throttle_can_be_stopped(tmp_path: Path) -> None:
    stop = cancel.Cancellation()

    def answer(_: Asked) -> Reply:
        stop.cancel()
        return THROTTLED

    with serve(answer, tmp_path / "tls") as server, cancel.using(stop):
        with pytest.raises(EdgeError) as caught:
            create(scripted_context(server)).deployed(hub_of(server), "d")
        assert caught.value.kind == "cancelled"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Reply(412, {"Message": "Precondition failed"}, {"iothub-errorcode": "PreconditionFailed"}),
            "changed it at the same moment",
        ),
        (Reply(413, {"Message": "too large"}), "32 KB"),
        (Reply(400, {"Message": "ErrorCode:InvalidConfigurationContent;x"}), "does not accept"),
        (Reply(500, b"<html>"), "status page"),
    ],
)
def test_refusals_of_a_manifest_say_what_to_do(tmp_path: Path, reply: Reply, words: str) -> None:
    with serve(lambda _: reply, tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).apply(hub_of(server), "d", {}))
        assert len(server.asked) == 1, "a change is not sent twice"
    assert words in error.remedy


@pytest.mark.parametrize("status", [200, 204])
def test_both_successes_of_an_apply_are_taken(tmp_path: Path, status: int) -> None:
    with serve(lambda _: Reply(status), tmp_path / "tls") as server:
        create(scripted_context(server)).apply(hub_of(server), "d e", {"$edgeAgent": {}})
        (asked,) = server.asked
    assert asked.path.startswith("/devices/d%20e/applyConfigurationContent?")
    assert json.loads(asked.body) == {"modulesContent": {"$edgeAgent": {}}}


def test_reading_outlives_one_failure_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_calls, "_WAITS", (0.01, 0.01, 0.01))
    replies = [Reply(503, b""), Reply(200, twin())]
    with serve(lambda _: replies.pop(0) if len(replies) > 1 else replies[0], tmp_path / "tls") as server:
        assert create(scripted_context(server)).deployed(hub_of(server), "d").connected


@pytest.mark.parametrize(("reply", "words"), [(HANG, "no answer in time"), (DROP, "connection broke")])
def test_a_hub_that_does_not_answer_is_an_error_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, words: str
) -> None:
    monkeypatch.setattr(hub_calls, "TIMEOUT", (1.0, 0.2))
    with serve(lambda _: reply, tmp_path / "tls") as server:
        error = refused(lambda: create(scripted_context(server)).apply(hub_of(server), "d", {}))
        host = server.host
    assert (error.kind, error.retryable) == ("unreachable", True)
    assert words in error.title
    assert host in error.title


def test_configurations_are_told(tmp_path: Path) -> None:
    applied = {"base": {"status": "Applied"}, "other": {"status": "Targeted"}}
    with serve(lambda _: Reply(200, twin(configurations=applied)), tmp_path / "tls") as server:
        found = create(scripted_context(server)).deployed(hub_of(server), "d")
    assert found.configurations == {"base": "Applied", "other": "Targeted"}


def test_a_device_that_never_reported_is_listed(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        rows = [] if b"devices.modules" in asked.body else [twin("new", lastActivityTime="0001-01-01T00:00:00Z")]
        return Reply(200, rows, {"x-ms-item-type": "Twin"})

    with serve(answer, tmp_path / "tls") as server:
        assert list(create(scripted_context(server)).devices(hub_of(server))) == [[Device("new", connected=True)]]
