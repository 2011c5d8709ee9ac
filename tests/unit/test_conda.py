"""The environment file: what would fail in the build is found at its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
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
        (GOOD.replace("python=3.11", "python=3.9"), "python-version", "warning", 5),
        (GOOD.replace("scikit-learn==1.7.2", "scikit-learn"), "unpinned", "warning", 9),
        (GOOD + "      - scikit_learn==1.6\n", "twice", "error", 12),
        (GOOD + "  - npm:\n      left-pad\n", "section", "error", 12),
        (GOOD + "  - 3\n", "entry", "error", 12),
    ],
)
def test_environments_that_cannot_work(text: str, rule: str, severity: str, line: int) -> None:
    assert found(text)[rule] == (severity, line)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_problems_and_never_fails(text: str) -> None:
    for problem in conda.check("myenv.yml", text):
        assert problem.message


def test_support_ends_by_the_day() -> None:
    text = GOOD.replace("python=3.11", "python=3.10")
    assert conda.check("myenv.yml", text, "2026-10-30") == []
    (ended,) = conda.check("myenv.yml", text, "2026-10-31")
    assert (ended.rule, ended.line) == ("python-version", 5)
    assert "3.10" not in ended.remedy


def test_what_the_file_asks_for() -> None:
    assert conda.python_version(GOOD) == "3.11"
    assert conda.python_version(GOOD.replace("python=3.11", "python>=3.11")) == ""
    assert conda.python_version("dependencies:\n  - conda-forge::python==3.12.4\n") == "3.12.4"
    assert [entry.name for entry in conda.pip_requirements(GOOD)][:2] == [
        "azureml-inference-server-http",
        "scikit-learn",
    ]
    assert [entry.line for entry in conda.pip_requirements(GOOD)] == [8, 9, 10, 11]
    assert conda.pip_requirements("- no\n") == []
    listed = conda.conda_packages(GOOD.replace("  - pip\n", "  - pip\n  - libgomp=14.2\n"))
    assert [entry.text for entry in listed] == ["libgomp=14.2"]


def test_pins_change_only_the_lines_of_what_resolved() -> None:
    text = (
        GOOD.replace("scikit-learn==1.7.2", '"scikit-learn[tests]>=1.5"').replace("\n", "\r\n")
        + "      - git+https://x/y.git\r\n"
    )
    pinned = conda.with_pins(
        text, {"scikit_learn": "1.7.2", "Numpy": "2.2.6", "importlib.metadata": "8.6.1", "other": "1"}
    )
    changed = [(a, b) for a, b in zip(text.splitlines(True), pinned.splitlines(True), strict=True) if a != b]
    assert changed == [
        (
            '      - "scikit-learn[tests]>=1.5"  # as trained\r\n',
            '      - "scikit-learn[tests]==1.7.2"  # as trained\r\n',
        ),
        ("      - numpy~=2.2\r\n", "      - numpy==2.2.6\r\n"),
        (
            '      - importlib-metadata<9; python_version < "3.12"\r\n',
            '      - importlib-metadata==8.6.1; python_version < "3.12"\r\n',
        ),
    ]
    assert conda.with_pins(pinned, {"numpy": "2.2.6"}) == pinned


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("libgomp", "libgomp=14.2.0"),
        ("libgomp  # why", "libgomp=14.2.0  # why"),
        ('"libgomp>=13,<15"', '"libgomp=14.2.0"'),
        ("libgomp >=13", "libgomp=14.2.0"),
        ("libgomp=14", "libgomp=14.2.0"),
        ("conda-forge::libgomp", "conda-forge::libgomp=14.2.0"),
        ("libgomp==14.2.0", "libgomp==14.2.0"),
        ("libgomp=14.2.0=h77fa898_1", "libgomp=14.2.0=h77fa898_1"),
        ("libgomp[build=h77fa898_1]", "libgomp[build=h77fa898_1]"),
        ("python=3.11", "python=3.11"),
        ("other", "other"),
    ],
)
def test_pins_of_conda_change_what_names_no_build(before: str, after: str) -> None:
    text = f"dependencies:\n  - {before}\n  - pip:\n      - libgomp>=1\n"
    pins = {"libgomp": "14.2.0", "python": "3.11.9"}
    assert conda.with_pins(text, {}, pins) == text.replace(before, after, 1)


@settings(deadline=None)
@given(st.text(max_size=200), st.dictionaries(st.text(max_size=10), st.text(max_size=5)))
def test_pinning_any_text_never_fails(text: str, versions: dict[str, str]) -> None:
    assert isinstance(conda.with_pins(text, versions), str)
