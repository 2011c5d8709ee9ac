"""The scoring contract: what the inference server refuses is found, what it takes is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetui.core import scoring
from tests.unit import corpus

GOOD_RUN = "def run(raw_data):\n    return raw_data\n"
GOOD_INIT = "def init():\n    pass\n\n\n"


def found(text: str, file: str = "score.py") -> dict[str, tuple[str, int]]:
    return {problem.rule: (problem.severity, problem.line) for problem in scoring.check(file, text)}


@pytest.mark.parametrize(
    "text",
    [
        GOOD_INIT + GOOD_RUN,
        GOOD_INIT + "def run(raw_data, request_headers):\n    return 1\n",
        GOOD_INIT + "def run(raw_data=None):\n    return 1\n",
        GOOD_INIT + "def run(*, raw_data):\n    return 1\n",
        "try:\n    from fast import run\nexcept ImportError:\n    from slow import run\n" + GOOD_INIT,
        "from other import init, run\n",
        "if True:\n    def init():\n        pass\n    def run(a):\n        pass\n",
        "init = lambda: None\nrun = print\n",
        GOOD_INIT + "# fill in <<name>> here\n" + GOOD_RUN,
        GOOD_INIT + "def run(raw_data):\n    return 1 << 3\n",
        "import joblib\nimport sklearn\n" + GOOD_INIT + GOOD_RUN,
    ],
)
def test_scripts_that_the_server_takes(text: str) -> None:
    assert found(text) == {}


@pytest.mark.parametrize(
    ("text", "rule", "severity", "line"),
    [
        (GOOD_RUN, "no-init", "error", 0),
        (GOOD_INIT, "no-run", "error", 0),
        ("", "no-run", "error", 0),
        ("def init(:\n", "syntax", "error", 1),
        ("x = '\x00'\n", "syntax", "error", 0),
        ("def init(model):\n    pass\n" + GOOD_RUN, "init-parameters", "error", 1),
        (GOOD_INIT + "def run():\n    pass\n", "run-parameters", "error", 5),
        (GOOD_INIT + "def run(request_headers):\n    pass\n", "run-parameters", "error", 5),
        (GOOD_INIT + "def run(*args):\n    pass\n", "run-star", "error", 5),
        (GOOD_INIT + "def run(data, **more):\n    pass\n", "run-star", "error", 5),
        (GOOD_INIT + "def run(data, /):\n    pass\n", "run-positional", "error", 5),
        (GOOD_INIT + "async def run(data):\n    pass\n", "async-run", "error", 5),
        (GOOD_INIT + "def run(mini_batch):\n    pass\n", "batch", "warning", 5),
        ("class A:\n    def init(self): pass\n    def run(self, x): pass\n", "no-init", "error", 2),
        ("from .other import init, run\n", "relative-import", "error", 1),
        ("from sklearn.externals import joblib\n" + GOOD_INIT + GOOD_RUN, "externals", "error", 1),
        ("p = Model.get_model_path('<<modelname>>')\n" + GOOD_INIT + GOOD_RUN, "placeholder", "error", 1),
        ("p = Model.get_model_path('pump')\n" + GOOD_INIT + GOOD_RUN, "model-path", "warning", 1),
    ],
)
def test_scripts_that_cannot_work(text: str, rule: str, severity: str, line: int) -> None:
    assert found(text)[rule] == (severity, line)


@pytest.mark.parametrize("file", ["my score.py", "1score.py", "score.txt"])
def test_a_script_that_cannot_be_imported_by_its_name(file: str) -> None:
    assert "script-name" in found(GOOD_INIT + GOOD_RUN, file)


def test_every_problem_says_what_to_do() -> None:
    problems = scoring.check("my score.py", "def init(a): pass\nasync def run(*a, **k): pass\nx = '<<n>>'\n")
    assert len(problems) > 4
    assert all(problem.remedy and problem.message for problem in problems)


@given(st.text(max_size=300))
def test_any_text_gives_problems_and_never_fails(text: str) -> None:
    for problem in scoring.check("score.py", text):
        assert problem.message
        assert problem.remedy


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(corpus.load("scripts_*.txt")), st.data())
def test_a_script_that_is_being_typed_gives_problems_and_never_fails(case: corpus.Case, data: st.DataObject) -> None:
    lines = case.text.splitlines(keepends=True)
    cut = data.draw(st.integers(0, len(lines)))
    gone = data.draw(st.integers(0, 3))
    text = "".join(lines[:cut] + lines[cut + gone :])
    for problem in scoring.check("score.py", text):
        assert 0 <= problem.line <= text.count("\n") + 1


@pytest.mark.parametrize("text", ["(" * 10_000, "x = " + "-" * 20_000 + "1", "if 1:\n" * 200, "a" + ".b" * 3000 + "()"])
def test_a_text_of_great_depth_never_fails(text: str) -> None:
    assert scoring.check("score.py", text)
