"""Twins of the sandbox's hub: merging, versions, metadata, ETags, and the limits."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.sandbox.edge_device import reports as edge_reports
from edgetui.sandbox.iot_hub import identities, twins
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import World

keys = st.text(
    st.characters(codec="utf-8", exclude_characters=".$ ", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6
)
scalars = (
    st.booleans()
    | st.integers(-(2**52), 2**52)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False)
)
plain = st.recursive(scalars, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8)
sections = st.dictionaries(keys, plain, max_size=4)
patches = st.dictionaries(
    keys,
    st.recursive(scalars | st.none(), lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8),
    max_size=4,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "state", tmp_path / "cache")
    identities.put_device(world, "d", {"capabilities": {"iotEdge": True}})
    yield world
    world.close()


def desired(world: World, module: str | None = None) -> dict[str, Any]:
    twin = twins.get(world, "d", module)
    assert twin is not None
    return twin["properties"]["desired"]


def patch(world: World, body: dict[str, Any]) -> dict[str, Any]:
    return twins.change(world, "d", None, body, replace=False)


def test_an_edge_device_has_the_runtimes_modules_with_empty_twins(world: World) -> None:
    assert [key for key, _ in world.items("module")] == ["d/$edgeAgent", "d/$edgeHub"]
    assert desired(world, "$edgeAgent") == {"$metadata": {"$lastUpdated": twins.NEVER}, "$version": 1}


def test_a_patch_merges_and_null_removes(world: World) -> None:
    patch(world, {"tags": {"site": "lab", "old": {"a": 1}}, "properties": {"desired": {"x": {"y": 1, "z": 2}}}})
    twin = patch(world, {"tags": {"old": None}, "properties": {"desired": {"x": {"y": None}, "w": [1]}}})
    assert twin["tags"] == {"site": "lab"}
    section = twin["properties"]["desired"]
    assert twins.content(section) == {"x": {"z": 2}, "w": [1]}
    assert section["$version"] == 3
    assert section["$metadata"]["w"]["$lastUpdatedVersion"] == 3
    assert section["$metadata"]["x"]["z"]["$lastUpdatedVersion"] == 2
    assert "y" not in section["$metadata"]["x"]


def test_put_replaces_everything_that_people_set(world: World) -> None:
    patch(world, {"tags": {"a": 1}, "properties": {"desired": {"x": 1}}})
    twins.report(world, "d", None, {"r": 1})
    twin = twins.change(world, "d", None, {"properties": {"desired": {"y": 2}}}, replace=True)
    assert twin["tags"] == {}
    assert twins.content(twin["properties"]["desired"]) == {"y": 2}
    assert "x" not in twin["properties"]["desired"]["$metadata"]
    assert twins.content(twin["properties"]["reported"]) == {"r": 1}


def test_a_report_counts_up_but_leaves_the_etag(world: World) -> None:
    before = twins.get(world, "d")
    twins.report(world, "d", None, {"a": {"b": 1}})
    after = twins.get(world, "d")
    assert before is not None
    assert after is not None
    assert twins.etag(after) == twins.etag(before)
    assert after["version"] == before["version"] + 1
    assert after["properties"]["reported"]["$version"] == before["properties"]["reported"]["$version"] + 1
    assert "$lastUpdatedVersion" not in after["properties"]["reported"]["$metadata"]["a"]
    assert twins.etag(patch(world, {"tags": {"t": 1}})) != twins.etag(before)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"a.b": 1}, "properties.desired.a.b: a key"),
        ({"a": {"$b": 1}}, "properties.desired.a.$b: a key"),
        ({"a b": 1}, "a key"),
        ({"": 1}, "a key"),
        ({"a": "x" * 4097}, "properties.desired.a: a string"),
        ({"n": 2**52 + 1}, "an integer"),
        ({f"k{n}": "x" * 4000 for n in range(9)}, "the limit is 32768"),
        ({"a": "\ud800"}, "cannot be written"),
        ({"list": [{"in.side": 1}]}, "a key"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(world: World, section: dict[str, Any], said: str) -> None:
    with pytest.raises(HubError, match=said.replace("$", r"\$")) as refused:
        patch(world, {"properties": {"desired": section}})
    assert refused.value.status == 400
    assert desired(world)["$version"] == 1, "nothing was written"


def test_depth_is_limited(world: World) -> None:
    deep: dict[str, Any] = {"x": 1}
    for _ in range(9):
        deep = {"x": deep}
    patch(world, {"properties": {"desired": deep}})
    with pytest.raises(HubError, match="deeper than 10"):
        patch(world, {"properties": {"desired": {"x": deep}}})


def test_size_counts_as_the_service_does() -> None:
    assert twins.weigh({"ab": "é", "n": 1, "b": True, "$version": 7, "$metadata": {"x": 1}}) == 2 + 2 + 1 + 8 + 1 + 4


@given(sections, patches)
def test_merging_is_what_a_merge_patch_is(target: dict[str, Any], change: dict[str, Any]) -> None:
    def merged(old: Any, new: Any) -> Any:  # RFC 7396, section 2
        if not isinstance(new, dict):
            return new
        old = dict(old) if isinstance(old, dict) else {}
        for key, value in new.items():
            if value is None:
                old.pop(key, None)
            else:
                old[key] = merged(old.get(key), value)
        return old

    ours = copy.deepcopy(target)
    twins.merge(ours, change)
    assert ours == merged(target, change)
    once = copy.deepcopy(ours)
    twins.merge(ours, change)
    assert ours == once


@given(sections, sections)
def test_a_difference_leads_from_one_report_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    state = copy.deepcopy(before)
    twins.merge(state, edge_reports.difference(before, after))
    assert state == after
