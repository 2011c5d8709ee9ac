"""Names and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.core import rules


@pytest.mark.parametrize("good", ["a", "pump-anomaly", "A.b_c-9", "x" * 255])
def test_good_model_names(good: str) -> None:
    assert rules.model_name(good) == ""


@pytest.mark.parametrize(
    ("bad", "word"),
    [("", "needs a name"), ("-a", "begin"), ("a b", "a space"), ("a/b", "'/'"), ("x" * 256, "255"), ("pümp", "'ü'")],
)
def test_bad_model_names_say_what_is_wrong(bad: str, word: str) -> None:
    assert word in rules.model_name(bad)


@given(st.text(max_size=20))
def test_a_model_name_is_judged_as_the_pattern_says(text: str) -> None:
    assert (rules.model_name(text) == "") == (rules.MODEL_NAME.fullmatch(text) is not None)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (rules.image_name, "pump-anomaly", "Pump"),
        (rules.image_name, "team/pump_a.b", "a--/b"),
        (rules.image_tag, "auto", ".x"),
        (rules.module_name, "pump_1-a", "pump.1"),
        (rules.route_name, "sensorToPump", "a b"),
        (rules.env_name, "MODE", "A.B"),
        (rules.platform, "linux/arm/v7", "windows/amd64"),
        (rules.tag_pair, "site=lab", "site"),
        (rules.tag_pair, "a=b=c", "=b"),
    ],
)
def test_other_names(rule: object, good: str, bad: str) -> None:
    assert rule(good) == ""  # type: ignore[operator]
    assert rule(bad) != ""  # type: ignore[operator]


def test_a_name_is_only_proposed_where_it_can_be_used() -> None:
    assert rules.image_name("Pump") == "use lower case: pump"
    assert "pump_ü" not in rules.image_name("Pump_Ü")


@pytest.mark.parametrize(
    ("text", "found"), [("<my-subscription-id>", "<my-subscription-id>"), ("edge-ws", ""), ("${WS}", "${WS}")]
)
def test_placeholders(text: str, found: str) -> None:
    assert rules.placeholder(text) == found


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_file_names_are_safe_and_tell_texts_apart(one: str, other: str) -> None:
    name = rules.file_name(one)
    assert name not in {"", ".", ".."}
    assert "/" not in name
    assert len(name) <= 120
    assert (name == rules.file_name(other)) == (one == other)
