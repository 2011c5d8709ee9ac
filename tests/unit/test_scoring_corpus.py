"""All scripts of the corpus: every problem is found at its line, and nothing is found where there is none."""

from __future__ import annotations

from collections.abc import Callable

from edgetui.core.scoring.rules import RULES
from tests.unit import corpus
from tests.unit.corpus import scripts

CASES = corpus.load("scripts_*.txt")
OF_THE_FILE = {"script-name", "encoding"}  # of its name and its bytes, tried in test_scoring and test_scoring_source


def test_every_expected_problem_is_found_and_no_other(record_property: Callable[[str, object], None]) -> None:
    tally = corpus.Tally("scoring scripts")
    wrong = {}
    for case in CASES:
        found = sorted((one.rule, one.line) for one in scripts.problems(case))
        missed, false_alarms = tally.add(case, found)
        if missed or false_alarms:
            wrong[case.name] = {"missed": missed, "false alarms": false_alarms}
    record_property("corpus", tally.row())
    assert wrong == {}
    assert tally.tried >= 60


def test_every_rule_has_a_script_that_triggers_it() -> None:
    tried = {rule for case in CASES for rule, _ in case.expected}
    assert set(RULES) - tried == OF_THE_FILE


def test_every_rule_has_a_near_miss() -> None:
    """A script that comes near to a rule and must not trigger it."""
    near = {rule for case in CASES for rule in case.misses}
    assert set(RULES) - near == OF_THE_FILE
    assert near <= set(RULES)
    wrong = {case.name: case.misses for case in CASES if set(case.misses) & {rule for rule, _ in case.expected}}
    assert wrong == {}


def test_near_misses_trigger_nothing() -> None:
    near = [case for case in CASES if case.name.startswith("near: ")]
    assert [case.name for case in near if case.expected or not case.misses] == []
