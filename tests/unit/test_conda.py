"""The environment file: what would fail in the build is found at its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.core import conda

GOOD = """name: pump
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
      - azureml-inference-server-http==1.5.1
      - scikit-learn==1.7.2  # as trained
      - numpy~=2.2
      - importlib-metadata<9; python_version < "3.12"
"""


def found(text: str) -> dict[str, tuple[str, int]]:
    return {problem.rule: (problem.severity, problem.line) for problem in conda.check("myenv.yml", text)}


def test_a_good_environment_has_no_problem() -> None:
    assert found(GOOD) == {}
    assert found(GOOD.replace("azureml-inference-server-http==1.5.1", "azureml-defaults==1.61")) == {}


@pytest.mark.parametrize(
    ("text", "rule", "severity", "line"),
    [
        ("a: [1\n", "yaml", "error", 2),
        ("a: b: c\n", "yaml", "error", 1),
        ("\tx: 1\n", "yaml", "error", 1),
        ("- just\n- a list\n", "shape", "error", 0),
        ("", "shape", "error", 0),
        ("name: x\n", "dependencies", "error", 0),
        ("dependencies: none\n", "dependencies", "error", 1),
        (GOOD + "prefix: /home/me/env\n", "prefix", "warning", 12),
        (GOOD.replace("  - pip\n", ""), "no-pip", "warning", 7),
        (GOOD.replace("      - azureml-inference-server-http==1.5.1\n", ""), "no-server", "error", 0),
        (GOOD.replace("  - python=3.11\n", ""), "no-python", "warning", 0),
        (GOOD.replace("python=3.11", "python=3.6.2"), "python-version", "warning", 5),
        (GOOD.replace("scikit-learn==1.7.2", "scikit-learn"), "unpinned", "warning", 9),
        (GOOD + "      - scikit_learn==1.6\n", "twice", "error", 12),
        (GOOD + "  - npm:\n      left-pad\n", "section", "error", 12),
        (GOOD + "  - 3\n", "entry", "error", 12),
    ],
)
def test_environments_that_cannot_work(text: str, rule: str, severity: str, line: int) -> None:
    assert found(text)[rule] == (severity, line)


@pytest.mark.parametrize(
    "entry",
    [
        "git+https://example.org/x.git",
        "-e .",
        "./wheels/x.whl",
        "--extra-index-url https://example.org",
        "x @ file:///x.whl",
    ],
)
def test_what_is_no_name_is_not_asked_for_a_version(entry: str) -> None:
    assert found(GOOD + f"      - {entry}\n") == {}


@given(st.text(max_size=200))
def test_any_text_gives_problems_and_never_fails(text: str) -> None:
    for problem in conda.check("myenv.yml", text):
        assert problem.message
