"""The environment file: what would fail in the build is found at its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from edgetui.core import conda, dockerfile, pythons
from edgetui.core.conda.document import needed_python
from edgetui.core.errors import EdgeError

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
    assert conda.python_version("dependencies:\n  - conda-forge::python==3.12.4\n") == "3.12.4"
    assert [entry.name for entry in conda.pip_requirements(GOOD)][:2] == [
        "azureml-inference-server-http",
        "scikit-learn",
    ]
    assert [entry.line for entry in conda.pip_requirements(GOOD)] == [8, 9, 10, 11]
    assert conda.pip_requirements("- no\n") == []
    listed = conda.conda_packages(GOOD.replace("  - pip\n", "  - pip\n  - libgomp=14.2\n"))
    assert [entry.text for entry in listed] == ["libgomp=14.2"]


PYTHONS = {
    "python=3.11": "3.11",
    "python==3.12.4": "3.12.4",
    "python=3.10.*": "3.10",
    "python 3.12.*": "3.12",
    "python 3.12.4 h2628c8c_0_cpython": "3.12.4",
    "conda-forge::python=3.12=h2628c8c_0": "3.12",
    "Python = 3.13": "3.13",
    "python>=3.12": "3.12",
    "python >= 3.9, <3.11": "3.10",
    "python~=3.12.0": "3.12",
    "python~=3.9": "3.11",
    "python<3.11": "3.10",
    "python<=3.10": "3.10",
    "python>3.11,<3.13": "3.11",
    "python>=3.12.1,<3.12.3": "3.12",
    "python[version='>=3.12']": "3.12",
    'python[version=">=3.9,<3.11", build=*_cpython]': "3.10",
    "python!=3.11": "3.12",
    "python!=3.9": "3.11",
    "python=3": "3.11",
    "python=3.12|3.13": "3.12",
    "python=3.1*,>=3.13": "3.13",
    "python": "3.11",
    "python *": "3.11",
    "python=3.99": "3.99",
}


@pytest.mark.parametrize("entry", PYTHONS)
def test_the_check_the_dockerfile_and_the_resolver_take_one_python(entry: str) -> None:
    text = GOOD.replace("python=3.11", json.dumps(entry))
    assert conda.python_version(text) == PYTHONS[entry]
    minor = ".".join(PYTHONS[entry].split(".")[:2])
    built = dockerfile.environment_dockerfile(dockerfile.environment(text), dockerfile.Setting())
    assert built.startswith(f"FROM python:{minor}-slim\n")
    severities = {one.severity for one in conda.check("e", text) if one.line == 5 and one.rule != "build-string"}
    assert severities == ({"warning"} if minor == "3.99" or entry in {"python", "python *"} else set())


@pytest.mark.parametrize(
    "entry",
    ["python>=3.6,<3.9", "python<3.9", "python>=3.12,<3.12", "python>=4", "python=2", "python=new", "python@3.11"],
)
def test_a_python_that_cannot_be_is_an_error_wherever_it_is_asked_for(entry: str) -> None:
    text = GOOD.replace("python=3.11", entry)
    assert [(one.severity, one.line) for one in conda.check("e", text)] == [("error", 5)]
    assert conda.python_version(text) == ""
    for work in (needed_python, dockerfile.environment):
        with pytest.raises(EdgeError) as caught:
            work(text)
        assert (caught.value.kind, caught.value.field) == ("input", "scoring.environment")
        assert caught.value.remedy


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_behind_python_is_taken(text: str) -> None:
    wanted = pythons.bounds(f"python{text}")
    assert wanted is None or isinstance(pythons.chosen(wanted), str)


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


def in_yaml(text: str, quoting: str) -> str:
    """A text as a scalar of YAML, in one of its three ways."""
    if quoting == "'":
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text) if quoting == '"' else text


MARKERS = ["", "; sys_platform == 'linux'", ' ;python_version>"3.9"', "; extra == 'a' and os_name != \"nt\"", "  # why"]
REQUIREMENTS = st.tuples(
    st.sampled_from(["joblib", "Num_py", "scikit-learn", "a.b"]),
    st.sampled_from(["", "[x]", "[y, z]", " [x]"]),
    st.sampled_from(["", "==1.0", " >= 1, <2", "~=1.4", " (>1)", "!=1.1", "===1.0"]),
    st.sampled_from(MARKERS),
).map("".join)
VERSIONS = {"joblib": "1.6.0", "num-py": "2.2.6+cpu", "scikit-learn": "1.0", "a-b": "1!2.0rc1"}


@settings(max_examples=60, deadline=None)  # each reads some files
@given(
    st.lists(
        st.tuples(REQUIREMENTS, st.sampled_from(["", "'", '"']), st.sampled_from(["", '  # kept: "it\'s"'])), max_size=5
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_pins_in_any_quotes_keep_the_file_s_yaml_its_names_and_its_comments(
    items: list[tuple[str, str, str]], end: str
) -> None:
    rows = [f"      - {in_yaml(text, quoting)}{comment}" for text, quoting, comment in items]
    before = end.join(["# top", "dependencies:", "  - python=3.11", "  - pip:", "      - azureml-defaults", *rows, ""])
    after = conda.with_pins(before, VERSIONS)
    was, now = conda.pip_requirements(before), conda.pip_requirements(after)
    assert [(entry.name, entry.line) for entry in was] == [(entry.name, entry.line) for entry in now]
    assert after.count(end) == before.count(end)
    assert [line.partition("# kept")[1:] for line in before.split(end)] == [
        line.partition("# kept")[1:] for line in after.split(end)
    ]
    for old, new in zip(was[1:], now[1:], strict=True):
        assert new.text.partition(";")[1:] == old.text.partition(";")[1:]
        one = Requirement(new.text.partition(" #")[0])
        assert (str(one.specifier), one.extras) == (
            f"=={VERSIONS[new.name]}",
            Requirement(old.text.partition(" #")[0]).extras,
        )
    assert conda.with_pins(after, VERSIONS) == after


@pytest.mark.parametrize(
    "lines",
    [
        "  - pip: [numpy, scipy]\n",
        "  - pip:\n      - >-\n        numpy\n",
        "  - pip:\n      - numpy\n        >=2\n",
        "  - pip:\n      - &name numpy\n",
        "  - pip:\n      - numpy==1 --hash=sha256:00\n",
        "  - pip:\n      - numpy @ https://files.example.org/numpy.whl\n",
    ],
)
def test_a_line_that_cannot_be_pinned_safely_stays_as_it_is(lines: str) -> None:
    text = f"dependencies:\n{lines}"
    assert conda.with_pins(text, {"numpy": "2.2.6"}) == text
    assert conda.with_pins("dependencies:\n  - pip:\n      - numpy\n", {"numpy": "1: {"}).endswith("- numpy\n")


@settings(deadline=None)
@given(st.text(max_size=200), st.dictionaries(st.text(max_size=10), st.text(max_size=5)))
def test_pinning_any_text_never_fails(text: str, versions: dict[str, str]) -> None:
    assert isinstance(conda.with_pins(text, versions), str)
