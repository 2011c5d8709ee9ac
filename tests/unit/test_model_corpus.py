"""All model files of the corpus: what is to be found in them is found, and nothing where there is nothing."""

from __future__ import annotations

import io
from collections.abc import Callable

from edgetui.core import model_file
from edgetui.core.model_file.rules import RULES
from edgetui.core.models import Problem
from tests.unit import corpus
from tests.unit.corpus import model_files

CASES = model_files.cases()


def judged(case: model_files.ModelCase) -> list[Problem]:
    facts = model_file.read(io.BytesIO(case.data), len(case.data))
    lines = "".join(f"      - {line}\n" for line in (*case.environment, "joblib==1.6.0", "azureml-defaults==1.61"))
    return model_file.check(
        case.file, facts, "myenv.yml", f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n{lines}"
    )


def test_every_expected_problem_is_found_and_no_other(record_property: Callable[[str, object], None]) -> None:
    tally = corpus.Tally("model files")
    wrong = {}
    for case in CASES:
        found = judged(case)
        rules = [(one.rule, 0) for one in found]
        expected = corpus.Case(case.name, "", tuple((rule, 0) for rule in case.expected))
        missed, false_alarms = tally.add(expected, rules)
        named = all(case.naming in one.message for one in found)
        weighed = not case.severity or all(one.severity == case.severity for one in found)
        if missed or false_alarms or not named or not weighed:
            wrong[case.name] = [(one.severity, one.rule, one.message) for one in found]
    record_property("corpus", tally.row())
    assert wrong == {}
    assert tally.tried >= 150


def test_every_rule_has_a_file_that_triggers_it_and_a_near_miss() -> None:
    assert {rule for case in CASES for rule in case.expected} == set(RULES)
    assert {case.near for case in CASES if case.near} == set(RULES)
    assert [case.name for case in CASES if bool(case.near) == bool(case.expected)] == []
