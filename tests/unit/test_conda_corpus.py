"""All environment files of the corpus: every problem is found at its line, and nothing is found where there is none."""

from __future__ import annotations

from collections.abc import Callable

from edgetui.core import conda
from edgetui.core.conda.rules import RULES
from tests.unit import corpus

CASES = corpus.load("environments.txt")


def test_every_expected_problem_is_found_and_no_other(record_property: Callable[[str, object], None]) -> None:
    tally = corpus.Tally("environment files")
    wrong = {}
    for case in CASES:
        found = sorted((one.rule, one.line) for one in conda.check("myenv.yml", case.text, has_git=False))
        missed, false_alarms = tally.add(case, found)
        if missed or false_alarms:
            wrong[case.name] = {"missed": missed, "false alarms": false_alarms}
    record_property("corpus", tally.row())
    assert wrong == {}
    assert tally.tried >= 40


def test_every_rule_has_a_file_that_triggers_it() -> None:
    assert set(RULES) == {rule for case in CASES for rule, _ in case.expected}


def test_every_rule_has_a_near_miss_that_does_not_trigger_it() -> None:
    assert set(RULES) - {rule for case in CASES for rule in case.misses} == set()
    wrong = {case.name: case.misses for case in CASES if set(case.misses) & {rule for rule, _ in case.expected}}
    assert wrong == {}


def test_near_misses_trigger_nothing() -> None:
    near = [case for case in CASES if case.name.startswith("near: ")]
    assert [case.name for case in near if case.expected or not case.misses] == []
