"""What the live device's agent reads from a deployment, and how it reports while it is busy."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.sandbox.edge_device import deployment
from edgetui.sandbox.edge_device import reports as edge_reports
from edgetui.sandbox.edge_device.agent import Agent
from edgetui.sandbox.edge_device.images import Images, PrepareError
from edgetui.sandbox.fleet import seed as fleet_seed
from edgetui.sandbox.iot_hub import configuration_content, identities, twins
from edgetui.sandbox.world import World

LIMIT = 30  # seconds


def section(schema: str = "1.1", **modules: Any) -> dict[str, Any]:
    runtime = {"type": "docker", "settings": {}}
    return {"schemaVersion": schema, "runtime": runtime, "modules": modules, "$version": 3, "$metadata": {}}


def module(options: str = "{}", **parts: Any) -> dict[str, Any]:
    settings = {"image": "h:1/m:1", **deployment.options_chunks(options)}
    return {"type": "docker", "status": "running", "restartPolicy": "always", "settings": settings, **parts}


@pytest.mark.parametrize(
    ("schema", "accepted"),
    [
        ("1.0", True),
        ("1.1", True),
        ("1.1.0", True),
        ("1.1.1", False),
        ("1.2", False),
        ("2.0", False),
        ("x", False),
        ("", False),
    ],
)
def test_the_agent_takes_schemas_up_to_1_1(schema: str, accepted: bool) -> None:
    if accepted:
        assert deployment.read(section(schema)).modules == {}
        return
    with pytest.raises(deployment.ConfigError) as refused:
        deployment.read(section(schema))
    assert refused.value.code == 412


def test_an_empty_or_broken_configuration_has_the_agents_codes() -> None:
    with pytest.raises(deployment.ConfigError) as empty:
        deployment.read({"$version": 1, "$metadata": {}})
    assert empty.value.code == 417
    for broken in (
        module("{"),
        module("[]"),
        {"type": "docker"},
        module('{"HostConfig":{"PortBindings":{"5001/tcp":[{"HostPort":"x"}]}}}'),
    ):
        with pytest.raises(deployment.ConfigError) as refused:
            deployment.read(section(m=broken))
        assert refused.value.code == 400


def test_options_variables_and_ports() -> None:
    options = {"Env": ["A=image", "B=b=c"], "HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": "8001"}]}}}
    spec = deployment.read(
        section(m=module(json.dumps(options), env={"A": {"value": True}, "N": {"value": 2.5}}))
    ).modules["m"]
    assert spec.environment == {"A": "true", "B": "b=c", "N": "2.5"}
    assert spec.host_port == 8001
    assert deployment.read(section(m=module())).modules["m"].host_port is None


@given(st.text(max_size=3000))
def test_create_options_survive_their_pieces(text: str) -> None:
    chunks = deployment.options_chunks(text)
    assert deployment.options_text(chunks) == text
    assert all(len(piece) <= 512 for piece in chunks.values())


def test_the_registry_credential_is_found_as_the_agent_finds_it() -> None:
    def entry(address: str) -> dict[str, str]:
        return {"username": address, "password": "p", "address": address}

    found = deployment.registry_credential
    credentials = {
        "a": entry("https://acr.io"),
        "b": entry("ACR.io"),
        "c": entry("acr.io"),
        "d": entry("127.0.0.1:5000"),
    }
    assert found("acr.io/m:1", credentials) == ("ACR.io", "p"), "case aside, the first one wins"
    assert found("127.0.0.1:5000/a/b@sha256:00", credentials) == ("127.0.0.1:5000", "p")
    assert found("127.0.0.1/m", credentials) is None
    assert found("m:1", {"x": entry("https://index.docker.io/v1/")}) is None, "a bare name has no credential"
    assert found("library/m", {"x": entry("https://index.docker.io/v1/")}) == ("https://index.docker.io/v1/", "p")
    assert found("acr.io/m", {"x": entry("acr.io/")}) is None


def test_the_seeded_fleet_keeps_the_hubs_own_rules(tmp_path: Path) -> None:
    world = World(tmp_path / "state", tmp_path / "cache")
    fleet_seed.seed(world)
    devices = dict(world.items("device"))
    assert len(devices) >= 25
    live = [name for name in devices if (twins.get(world, name) or {})["tags"].get("live")]
    assert live == [world.names.live_device]
    passwords = set()
    for name in devices:
        content = {}
        for system in identities.SYSTEM_MODULES:
            twin = twins.get(world, name, system)
            assert twin is not None
            twins.check_section(twins.content(twin["properties"]["reported"]), "reported", twins.DESIRED_LIMIT)
            content[system] = {"properties.desired": twins.content(twin["properties"]["desired"])}
        wanted = configuration_content.check({"modulesContent": content})["$edgeAgent"]
        for entry in wanted.get("runtime", {}).get("settings", {}).get("registryCredentials", {}).values():
            passwords.add(entry["password"])
    assert len(passwords) >= 3, "each made by chance"
    world.close()


def test_a_pull_that_takes_too_long_is_first_canceled_then_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "state", tmp_path / "cache")
    world.base_url = "https://127.0.0.1:1"
    world.put("setting", "edge", {"backoff": 0.01, "pull_timeout": 0.05})
    fleet_seed.seed(world)
    go_on = threading.Event()

    def prepare(*_: object) -> Any:
        assert go_on.wait(LIMIT)
        raise PrepareError("no such thing", final=True)

    monkeypatch.setattr(Images, "prepare", prepare)
    device = world.names.live_device
    agent = Agent(world, device)
    agent.start()

    def wait_for(code: int, text: str) -> dict[str, Any]:
        with world.changed:
            found: dict[str, Any] = {}

            def there() -> bool:
                twin = twins.get(world, device, "$edgeAgent")
                assert twin is not None
                found.update(twin["properties"]["reported"])
                status = found.get("lastDesiredStatus", {})
                return status.get("code") == code and text in status.get("description", "")

            assert world.changed.wait_for(there, LIMIT), found
        return found

    wait_for(200, "")
    twin = twins.get(world, device, "$edgeAgent")
    assert twin is not None
    desired = twins.content(twin["properties"]["desired"])
    desired["modules"] = {"slow": module()}
    twins.set_desired(world, device, "$edgeAgent", desired)
    assert "slow" not in wait_for(500, "The operation was canceled.")["modules"]
    go_on.set()
    assert wait_for(500, "(no such thing)")["modules"]["slow"]["runtimeStatus"] == "failed"
    agent.stop()
    assert wait_for(406, "")["systemModules"]["edgeHub"]["runtimeStatus"] == "unknown"
    assert not (tmp_path / "state" / "devices" / device / "slow.log").exists()
    world.close()


def test_a_report_keeps_its_shape_for_a_module_without_settings() -> None:
    report = edge_reports.module_report({}, edge_reports.ModuleState())
    assert report["settings"] == {"image": "", "imageHash": "", "createOptions": ""}
