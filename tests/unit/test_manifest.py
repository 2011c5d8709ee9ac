"""Merging our module into a device's content: everything that is not ours stays, to the byte."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetui.core import manifest, manifest_shown
from edgetui.core.errors import EdgeError
from edgetui.core.models import Deployed, RegistryCredential
from edgetui.core.plan import Module
from edgetui.core.redact import Secret

IMAGE = "edgeacr.azurecr.io/pump@sha256:" + "a" * 64
PASSWORD = "pa55-of-the-registry"
CREDENTIAL = RegistryCredential("edgeacr.azurecr.io", "edgeacr", Secret(PASSWORD))
PLAIN = Module(create_options={})


def device(agent: dict[str, Any] | None = None, hub: dict[str, Any] | None = None, **more: Any) -> Deployed:
    return Deployed("d1", agent or {}, hub or {}, 3, 4, **more)


def agent(**modules: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25", "registryCredentials": {}}},
        "systemModules": {"edgeAgent": {"type": "docker", "env": {"UpstreamProtocol": {"value": "AMQPWS"}}}},
        "modules": modules,
    }


def module(image: str = "x/y:1", options: str = "{}", **more: Any) -> dict[str, Any]:
    settings = {"image": image, "createOptions": options}
    return {"type": "docker", "status": "running", "restartPolicy": "always", "settings": settings, **more}


# Every shape that the schema has, and fields that nobody has heard of yet.
_keys = st.text(
    st.characters(codec="utf-8", exclude_characters=".$# \x00", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=12,
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**52), 2**52)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)
_extras = st.dictionaries(_keys.map(lambda key: "x-" + key), _values, max_size=3)
_options = st.dictionaries(_keys, _values, max_size=2).map(
    lambda value: json.dumps({key: inner for key, inner in value.items() if key != "HostConfig"})
)


@st.composite
def _modules(draw: st.DrawFn) -> dict[str, Any]:
    settings = {"image": draw(st.text(max_size=20)), "createOptions": draw(_options), **draw(_extras)}
    if draw(st.booleans()):
        settings["createOptions01"] = ""
    made: dict[str, Any] = {
        "type": "docker",
        "status": draw(st.sampled_from(["running", "stopped"])),
        "restartPolicy": draw(st.sampled_from(["never", "on-failure", "on-unhealthy", "always"])),
        "settings": settings,
        **draw(_extras),
    }
    for key, values in (
        ("version", st.text(max_size=6)),
        ("imagePullPolicy", st.sampled_from(["never", "on-create"])),
        ("startupOrder", st.integers(0, 2**32 - 1)),
        ("env", st.dictionaries(_keys, st.fixed_dictionaries({"value": _values}), max_size=2)),
    ):
        if draw(st.booleans()):
            made[key] = draw(values)
    return made


_credentials = st.dictionaries(
    _keys,
    st.fixed_dictionaries(
        {"username": st.text(max_size=8), "password": st.text(max_size=8), "address": st.text(max_size=12)}
    ),
    max_size=3,
)
_routes = st.dictionaries(
    _keys.map(lambda key: "r" + key),
    st.text(max_size=30)
    | st.fixed_dictionaries(
        {"route": st.text(max_size=20), "priority": st.integers(0, 9), "timeToLiveSecs": st.integers(0, 99)}
    ),
    max_size=4,
)


@st.composite
def _devices(draw: st.DrawFn) -> Deployed:
    modules = draw(st.dictionaries(_keys.filter(lambda key: key != "pump"), _modules(), max_size=3))
    known = agent()
    known["modules"] = modules
    known["runtime"]["settings"]["registryCredentials"] = draw(_credentials)
    known.update(draw(_extras))
    known["runtime"].update(draw(_extras))
    known["runtime"]["settings"].update(draw(_extras))
    hub = {
        "schemaVersion": "1.2",
        "routes": draw(_routes),
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
        **draw(_extras),
    }
    return device(known, hub)


@settings(max_examples=200, deadline=None)
@given(_devices(), st.booleans())
def test_all_that_is_not_ours_stays_to_the_byte(live: Deployed, ours_is_there: bool) -> None:
    if ours_is_there:
        live.agent["modules"]["pump"] = module()
    before = json.dumps([live.agent, live.hub])
    merged = manifest.merge(
        live, "pump", IMAGE, Module(create_options={}, routes={"ours": "FROM /* INTO $upstream"}), CREDENTIAL
    )

    assert json.dumps([live.agent, live.hub]) == before, "the live content itself must not be touched"
    assert set(merged.content) == {"$edgeAgent", "$edgeHub"}, "other modules' twins are not sent"
    after = copy.deepcopy(merged.content)
    sent_agent, sent_hub = (after[key]["properties.desired"] for key in ("$edgeAgent", "$edgeHub"))
    mine = sent_agent["modules"].pop("pump")
    assert mine["settings"]["image"] == IMAGE
    assert sent_hub["routes"].pop("ours") == "FROM /* INTO $upstream"
    known = sent_agent["runtime"]["settings"]["registryCredentials"]
    added = known.keys() - live.agent["runtime"]["settings"]["registryCredentials"].keys()
    for key in added:
        assert known.pop(key) == {"username": "edgeacr", "password": PASSWORD, "address": "edgeacr.azurecr.io"}
    rest = copy.deepcopy(live)
    rest.agent["modules"].pop("pump", None)
    assert json.dumps([sent_agent, sent_hub]) == json.dumps([rest.agent, rest.hub])
    assert PASSWORD not in json.dumps([merged.changes, merged.warnings])


def test_a_device_that_was_never_configured_gets_the_runtime_that_it_reports() -> None:
    live = device(agent_reported={"version": {"version": "1.5.21"}})
    merged = manifest.merge(live, "pump", IMAGE, PLAIN, CREDENTIAL)
    section = merged.content["$edgeAgent"]["properties.desired"]
    assert section["systemModules"]["edgeHub"]["settings"]["image"].endswith("-hub:1.5")
    assert section["schemaVersion"] == "1.1"
    assert merged.content["$edgeHub"]["properties.desired"]["storeAndForwardConfiguration"] == {"timeToLiveSecs": 7200}
    assert any("never configured" in text for text in merged.warnings)


def test_a_credential_is_found_by_its_address_and_keeps_its_key() -> None:
    live = agent()
    live["runtime"]["settings"]["registryCredentials"] = {
        "old": {"username": "u", "password": "p", "address": "EDGEACR.azurecr.io"},
        "edgeacr": {"username": "other", "password": "q", "address": "elsewhere.example"},
    }
    merged = manifest.merge(device(live), "pump", IMAGE, PLAIN, CREDENTIAL)
    known = merged.content["$edgeAgent"]["properties.desired"]["runtime"]["settings"]["registryCredentials"]
    assert known["old"] == {"username": "edgeacr", "password": PASSWORD, "address": "EDGEACR.azurecr.io"}
    assert known["edgeacr"] == live["runtime"]["settings"]["registryCredentials"]["edgeacr"]


def test_a_new_credential_never_takes_the_key_of_another() -> None:
    live = agent()
    live["runtime"]["settings"]["registryCredentials"] = {
        "edgeacr": {"username": "o", "password": "q", "address": "a.b"}
    }
    merged = manifest.merge(device(live), "pump", IMAGE, PLAIN, CREDENTIAL)
    known = merged.content["$edgeAgent"]["properties.desired"]["runtime"]["settings"]["registryCredentials"]
    assert known["edgeacr"]["address"] == "a.b"
    assert known["edgeacr2"]["address"] == "edgeacr.azurecr.io"


def test_our_own_module_keeps_what_the_plan_does_not_say() -> None:
    known = module(version="7", imagePullPolicy="never", startupOrder=5, env={"A": {"value": "1"}}, extra={"a": 1})
    known["settings"]["createOptions01"] = "rest"
    merged = manifest.merge(
        device(agent(pump=known)), "pump", IMAGE, Module(create_options={}, env={"B": 2}), CREDENTIAL
    )
    mine = merged.content["$edgeAgent"]["properties.desired"]["modules"]["pump"]
    assert mine["version"] == "7"
    assert mine["imagePullPolicy"] == "never"
    assert mine["startupOrder"] == 5
    assert mine["extra"] == {"a": 1}
    assert mine["env"] == {"A": {"value": "1"}, "B": {"value": 2}}
    assert mine["settings"] == {"image": IMAGE, "createOptions": "{}"}


def test_the_changes_name_what_changes_and_hide_secrets() -> None:
    live = agent(
        pump=module("edgeacr.azurecr.io/pump@sha256:old", env={"DB_PASSWORD": {"value": "geheim"}}), opc=module()
    )
    merged = manifest.merge(
        device(live, {"routes": {"a": "b"}}),
        "pump",
        IMAGE,
        Module(create_options={}, env={"DB_PASSWORD": "neu"}),
        CREDENTIAL,
    )
    text = "\n".join(merged.changes)
    assert "modules.pump.settings.image: edgeacr.azurecr.io/pump@sha256:old → " + IMAGE in text
    assert "registryCredentials.edgeacr.username: edgeacr" in text
    assert "password: •••" in text
    assert "geheim" not in text
    assert "neu" not in text
    assert merged.changes[-1] == "= 1 other module (opc) and 1 route stay as they are"


def test_a_host_port_that_another_module_has_is_refused() -> None:
    bound = '{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"5001"}]}}}'
    with pytest.raises(EdgeError) as caught:
        manifest.merge(device(agent(web=module(options=bound))), "pump", IMAGE, Module(), CREDENTIAL)
    assert caught.value.field == "module.create_options"
    assert "5001/tcp" in caught.value.title
    assert "'web'" in caught.value.title


def test_another_protocol_or_our_own_older_self_is_no_clash() -> None:
    udp = '{"HostConfig":{"PortBindings":{"80/udp":[{"HostPort":"5001"}]}}}'
    mine = '{"HostConfig":{"PortBindings":{"5001/tcp":[{"HostPort":"5001"}]}}}'
    merged = manifest.merge(
        device(agent(web=module(options=udp), pump=module(options=mine))), "pump", IMAGE, Module(), None
    )
    assert "web" in merged.content["$edgeAgent"]["properties.desired"]["modules"]


def test_a_route_in_the_longer_form_keeps_priority_and_time() -> None:
    live = device(agent(), {"routes": {"up": {"route": "old", "priority": 3, "timeToLiveSecs": 60}}})
    merged = manifest.merge(live, "pump", IMAGE, Module(create_options={}, routes={"up": "new"}), None)
    routes = merged.content["$edgeHub"]["properties.desired"]["routes"]
    assert routes == {"up": {"route": "new", "priority": 3, "timeToLiveSecs": 60}}


def test_long_create_options_come_in_pieces_that_give_the_whole() -> None:
    options = {"Env": [f"VARIABLE_{number}={'x' * 60}" for number in range(80)]}
    merged = manifest.merge(device(agent()), "pump", IMAGE, Module(create_options=options), None)
    settings_ = merged.content["$edgeAgent"]["properties.desired"]["modules"]["pump"]["settings"]
    pieces = [settings_[key] for key in sorted(key for key in settings_ if key.startswith("createOptions"))]
    assert len(pieces) > 2
    assert json.loads("".join(pieces)) == options
    assert all(len(piece) <= 512 for piece in pieces)


@pytest.mark.parametrize(
    ("name", "given_module", "field"),
    [
        ("no spaces", PLAIN, "module.name"),
        ("pump", Module(create_options={}, env={"A.B": 1}), "module.env"),
        ("pump", Module(create_options={}, routes={"a b": "x"}), "module.routes"),
    ],
)
def test_names_that_the_schema_refuses_are_named(name: str, given_module: Module, field: str) -> None:
    with pytest.raises(EdgeError) as caught:
        manifest.merge(device(agent()), name, IMAGE, given_module, None)
    assert caught.value.field == field
    assert caught.value.kind == "input"


def test_the_hubs_limits_are_told_before_the_hub_tells_them() -> None:
    many = {f"m{number}": module() for number in range(50)}
    with pytest.raises(EdgeError, match="51 modules"):
        manifest.merge(device(agent(**many)), "pump", IMAGE, PLAIN, None)
    fat = agent(big=module(env={"A": {"value": "x" * 40_000}}))
    with pytest.raises(EdgeError, match="32768 are the most"):
        manifest.merge(device(fat), "pump", IMAGE, PLAIN, None)


def test_what_governs_a_device_and_a_foreign_module_of_our_name_are_warned_of() -> None:
    live = device(
        agent(pump=module("other.example/thing:1")), configurations={"fleet-1": "Applied", "lost": "Targeted"}
    )
    warnings = manifest.merge(live, "pump", IMAGE, PLAIN, None).warnings
    assert any("fleet-1" in text and "lost" not in text for text in warnings)
    assert any("other.example/thing:1" in text for text in warnings)


def test_redacted_masks_every_password_and_nothing_else() -> None:
    section = agent(pump=module(env={"API_KEY": {"value": "k1"}, "MODE": {"value": "fast"}}))
    section["runtime"]["settings"]["registryCredentials"] = {"a": {"username": "u", "password": "p1", "address": "b"}}
    text = json.dumps(manifest_shown.redacted(section), ensure_ascii=False)
    assert "p1" not in text
    assert "k1" not in text
    assert "fast" not in text, "what a variable holds is its owner's"
    assert '"MODE": {"value": "•••"}' in text
    assert '"username": "u"' in text
    assert '"image": "x/y:1"' in text


_hidden = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20).map("Zq§".__add__)
_words = st.sampled_from(["MODE", "DB_PASSWORD", "MQTT_PWD", "STORAGE", "conn-string", "ä", "x"])


@given(
    st.dictionaries(_words, _hidden, max_size=4), st.lists(st.tuples(_words, _hidden), max_size=4), st.integers(1, 40)
)
def test_nothing_that_others_keep_in_variables_can_be_read(
    env: dict[str, str], inner: list[tuple[str, str]], size: int
) -> None:
    options = {"Env": [f"{name}={value}" for name, value in inner], "Cmd": ["--token", "Zq§1", "--password=Zq§2", "-v"]}
    text = json.dumps(
        options | {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}, ensure_ascii=False
    )
    settings_ = {"image": "x/y:1", "createOptions": text[:size]}
    settings_ |= {f"createOptions{number:02}": text[size + (number - 1) * 30 :][:30] for number in range(1, 40)}
    live = agent(
        other={**module(), "settings": settings_, "env": {name: {"value": value} for name, value in env.items()}}
    )
    live["runtime"]["settings"]["registryCredentials"] = {"a": {"username": "u", "password": "Zq§", "address": "b"}}
    routes = {"token": "FROM /messages/modules/password/* WHERE secret = 'Zq' INTO $upstream"}
    hub = {"routes": routes, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}

    kept = json.dumps([manifest_shown.redacted(live), manifest_shown.redacted(hub)], ensure_ascii=False)
    assert "Zq§" not in kept
    assert "8080" in kept
    assert all(name in kept for name, _ in inner)
    assert manifest_shown.redacted(hub) == hub, "routes are no secret"

    live["modules"]["pump"] = live["modules"].pop("other")
    ours = Module(create_options={}, env=dict.fromkeys(env, "mine"), routes=routes)
    merged = manifest.merge(device(live, hub), "pump", IMAGE, ours, CREDENTIAL)
    assert "Zq§" not in "\n".join(merged.changes)
    assert PASSWORD not in "\n".join(merged.changes)


def test_create_options_that_are_no_json_are_not_shown() -> None:
    for options in ("{'Env': ['PASSWORD=Zq']}", '{"Env": ["A=Zq"'):
        assert "Zq" not in json.dumps(manifest_shown.redacted(agent(a=module(options=options))))
    in_the_open = agent(a={"settings": {"createOptions": {"Env": {"A": "Zq"}}}})
    assert "Zq" not in json.dumps(manifest_shown.redacted(in_the_open))


def test_the_size_is_counted_as_the_hub_counts_it() -> None:
    assert (
        manifest.twin_size({"ab": "ü", "c": 1, "d": True, "$metadata": "not counted", "e": [1.5, "xy"]})
        == 2 + 2 + 1 + 8 + 1 + 4 + 1 + 10
    )
