"""What a trial's traceback comes to: the script's own frames, without the folder that the trial made."""

from __future__ import annotations

from pathlib import Path

from edgetui.adapters.trial.words import TRACEBACK, Told
from edgetui.core.models import TrialRequest

SCRIPT = Path("/tmp/edgetui-trial-1/app/score.py")
OUTPUT = f"""\
2026-05-05 10:00:00,000 I [70] azmlinfsrv - Starting up app insights client
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/server/user_script.py", line 77, in load_script
    main_module_spec.loader.exec_module(user_module)
  File "{SCRIPT}", line 12, in run
    return model.predict(rows)
  File "/env/lib/python3.11/site-packages/sklearn/base.py", line 3, in predict
    raise ValueError("bad shape")
ValueError: bad shape
2026-05-05 10:00:01,000 I [70] azmlinfsrv - done
""".splitlines()


def test_a_traceback_begins_at_the_script_and_ends_with_the_exception() -> None:
    assert Told("score.py", SCRIPT, "", OUTPUT).traceback() == (
        '  File "score.py", line 12, in run',
        "    return model.predict(rows)",
        '  File "/env/lib/python3.11/site-packages/sklearn/base.py", line 3, in predict',
        '    raise ValueError("bad shape")',
        "ValueError: bad shape",
    )


def test_of_several_the_last_is_kept_and_none_is_nothing() -> None:
    again = [line.replace("bad shape", "worse shape") for line in OUTPUT]
    assert Told("score.py", SCRIPT, "", [*OUTPUT, *again]).traceback()[-1] == "ValueError: worse shape"
    assert Told("score.py", SCRIPT, "", ["nothing", "happened"]).traceback() == ()


def test_a_recursion_keeps_its_end_only() -> None:
    frames = [f'  File "{SCRIPT}", line {n}, in run' for n in range(500)]
    found = Told("score.py", SCRIPT, "", [*frames, "RecursionError: too deep"]).traceback()
    assert len(found) == TRACEBACK
    assert found[-1] == "RecursionError: too deep"


def test_a_sample_that_is_not_answered_in_time_is_named() -> None:
    request = TrialRequest("score.py", str(SCRIPT), "", "m", (), "", "1", seconds=8.0)
    told = Told("score.py", SCRIPT, "def init(): ...\n\n\ndef run(data): ...\n", OUTPUT)
    problem = told.limit("deadline", request, "run", "empty.json")
    assert (problem.line, problem.rule) == (4, "trial-deadline")
    assert problem.message == "run(), asked with empty.json, did not come back within 8 s; it was ended"
