"""The IoT Hub query language of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetui.sandbox.iot_hub import query as hub_query
from edgetui.sandbox.iot_hub.errors import HubError

EVERYTHING = "SELECT * FROM devices WHERE "
ROW: dict[str, Any] = {
    "deviceId": "line1-gw",
    "moduleId": "$edgeAgent",
    "tags": {"site": "lab", "floor": 3, "mobile": True, "quote": "it's"},
    "capabilities": {"iotEdge": True},
    "connectionState": "Connected",
    "configurations": {"base-1": {"status": "Applied"}},
    "properties": {
        "desired": {"$version": 4},
        "reported": {"lastDesiredVersion": 4, "lastDesiredStatus": {"code": 200}},
    },
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("capabilities.iotEdge = true", True),
        ("capabilities.iotEdge", True),
        ("NOT capabilities.iotEdge", False),
        ("deviceId='line1-gw' and tags.site IN ['lab', 'home']", True),
        ("tags.floor in (1, 2)", False),
        ("tags.floor nin [1, 2]", True),
        ("tags.floor >= 3 AND tags.floor < 3.5", True),
        ("tags.floor != 3 OR tags.site <> 'x'", True),
        ("(tags.site = 'x' OR tags.floor = 3) AND NOT (deviceId = 'y')", True),
        ("properties.desired.$version = properties.reported.lastDesiredVersion", True),
        ("configurations.[[base-1]].status = 'Applied'", True),
        ("properties.reported.lastDesiredStatus.code != 200", False),
        ("STARTS_WITH(deviceId, 'line1') AND ENDSWITH(deviceId, 'gw') AND startswith(tags.site, 'l')", True),
        ("CONTAINS(deviceId, 'e1-')", True),
        ("is_defined(tags.zone)", False),
        ("NOT is_defined(tags.zone)", True),
        ("tags.zone = 'a'", False),
        ("NOT tags.zone = 'a'", False),  # undefined stays undefined
        ("tags.zone != 'a'", False),
        ("tags.zone = 'a' OR tags.site = 'lab'", True),
        ("tags.floor = '3'", False),
        ("tags.floor < 'x'", False),
        ("tags.quote = 'it''s'", True),
        ('tags.site = "lab"', True),
        ("devices.deviceId = 'line1-gw'", True),
        ("connectionState = 'connected'", False),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    assert hub_query.parse(EVERYTHING + condition).matches(ROW) is expected


def test_columns_are_named_and_missing_ones_left_out() -> None:
    query = hub_query.parse("select deviceId, tags.site as place, tags.zone from devices.modules")
    assert query.source == "devices.modules"
    assert query.project(ROW) == {"deviceId": "line1-gw", "place": "lab"}


def test_counting_and_grouping() -> None:
    rows = [{"tags": {"site": site, "n": n}} for site, n in [("a", 1), ("b", 5), ("a", 3)]]
    assert hub_query.parse("SELECT COUNT() AS n FROM devices").aggregate(rows) == [{"n": 3}]
    assert hub_query.parse("SELECT COUNT() AS n FROM devices").aggregate([]) == [{"n": 0}]
    grouped = hub_query.parse("SELECT tags.site, COUNT() AS n, AVG(tags.n) AS mean FROM devices GROUP BY tags.site")
    assert grouped.aggregate(rows) == [{"site": "a", "n": 2, "mean": 2}, {"site": "b", "n": 1, "mean": 5}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("SELECT * FROM devices WHERE", "ends too early"),
        ("SELECT * FROM devices ORDER BY deviceId", "character 23"),
        ("SELECT * FROM jobs", "FROM jobs"),
        ("SELECT * FROM devices WHERE tags.x == 1", "not understood"),
        ("SELECT * FROM devices WHERE nonsense(deviceId)", "no function nonsense"),
        ("SELECT * FROM devices WHERE is_defined(deviceId, 'x')", "takes 1"),
        ("SELECT tags.site, COUNT() AS n FROM devices", "GROUP BY"),
        ("SELECT * FROM devices WHERE " + "(" * 50 + "deviceId = 'x'" + ")" * 50, "parentheses"),
        ("SELECT * FROM devices WHERE deviceId = '" + "x" * 9000 + "'", "limit"),
    ],
)
def test_what_is_no_query_gets_a_clear_400(text: str, said: str) -> None:
    with pytest.raises(HubError, match=said) as refused:
        hub_query.parse(text)
    assert (refused.value.status, refused.value.code) == (400, "BadRequest")


WORDS = (
    "SELECT * FROM devices devices.modules WHERE AND OR NOT IN ( ) [ ] , = != < >= 'a' 12 -3.5 true null tags.x deviceId "
    "COUNT() AS n GROUP BY TOP startswith( is_defined( configurations.[[a]].b $version"
)
_words = st.sampled_from(WORDS.split())


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(_words, max_size=25).map(" ".join),
        st.lists(_words, max_size=12).map(lambda words: EVERYTHING + " ".join(words)),
    )
)
def test_any_text_is_answered_or_refused(text: str) -> None:
    try:
        query = hub_query.parse(text)
    except HubError:
        return  # the 400 itself is checked above; nothing else may be raised
    if query.aggregates:
        assert isinstance(query.aggregate([ROW]), list)
    else:
        assert query.matches(ROW) in {True, False}
        assert isinstance(query.project(ROW), dict)
