"""Paths that no file system takes are refused in words, not by a crash."""

from __future__ import annotations

import pytest

from edgetui.ui.screens.resume import _plan_file
from edgetui.ui.widgets.paths import impossible, meant


@pytest.mark.parametrize("text", ["x" * 300, "a\0b", "~no-such-person-here/plan.toml"])
def test_an_impossible_path_stays_as_it_was_typed(text: str) -> None:
    assert meant(text, "/tmp") == text
    assert meant(text, "") == text


def test_the_plan_file_says_that_its_path_is_too_long() -> None:
    assert _plan_file("x" * 300) == "the path is too long"


@pytest.mark.parametrize("text", ["a\0b", "~no-such-person-here/plan.toml"])
def test_the_plan_file_refuses_what_is_no_path(text: str) -> None:
    assert _plan_file(text)


def test_every_path_field_can_ask_why_a_path_is_impossible() -> None:
    assert impossible("x" * 300, "/tmp") == impossible("x" * 300, "") == "the path is too long"
    assert impossible("~no-such-person-here/m", "")
    assert not impossible("config.json", "/tmp")
    assert not impossible("", "")
