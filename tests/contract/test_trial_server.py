"""Trials on the real inference server: the answer, the script's own traceback at its line, an end at every limit, nothing left."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edgetui.adapters.builders import build_context
from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.trial.server import TrialServer
from edgetui.core.cancel import Cancellation, using
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine, Progress, Smoked
from edgetui.core.models import BuildRequest, TrialRequest, WorkspaceInfo
from edgetui.core.plan import Image, Model, Plan, Scoring
from edgetui.jobs import smoke
from tests.unit import memory_ports

EXAMPLE = Path(__file__).parents[2] / "assets/examples/pump-anomaly"
REQUIREMENTS = ("azureml-inference-server-http==1.5.1",)
RUN = "\n\ndef run(raw_data):\n    return raw_data\n"
LOADED = "def init():\n    pass\n"

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="what is left is looked for in /proc")


def left(script: str) -> list[str]:
    """Processes that still have the trial's script in their environment or command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if script.encode() in held:
            found.append(f"{process.name} {(process / 'cmdline').read_bytes()!r}")
    return found


def folders(cache: Path, script: str) -> list[str]:
    """What is left of the script in the trials' folders, which other tests use too."""
    return [str(one) for one in (cache / "trials").glob(f"*/app/{script}")]


Trial = Callable[..., Smoked]


@pytest.fixture
def trial(tmp_path: Path, sandbox_cache: Path) -> Trial:
    """Run a script's text as a trial of its own; asserts that nothing of it is left."""

    def run(
        text: str,
        sample: str = '{"data": 1}',
        seconds: float = 60.0,
        memory: int = 1 << 30,
        others: tuple[tuple[str, str], ...] = (),
    ) -> Smoked:
        script = tmp_path / f"score_{uuid.uuid4().hex}.py"
        script.write_text(text, encoding="utf-8")
        request = TrialRequest("score.py", str(script), "", "m", REQUIREMENTS, "", sample, seconds, memory)
        *_, last = TrialServer(sandbox_cache).run(msgspec.structs.replace(request, others=others))
        assert isinstance(last, Smoked)
        assert left(script.name) == folders(sandbox_cache, script.name) == []
        return last

    return run


def only(smoked: Smoked) -> tuple[str, int, str]:
    """Rule, line and message of the one problem."""
    (problem,) = smoked.problems
    assert not smoked.ok
    assert problem.remedy
    assert problem.file == "score.py"
    return problem.rule, problem.line, problem.message


def test_the_example_answers(sandbox_cache: Path, tmp_path: Path) -> None:
    plan = Plan(
        model=Model("pump-anomaly", "model.pkl"),
        scoring=Scoring("score.py", "myenv.yml", "sample.json"),
        folder=str(EXAMPLE),
    )
    ports = memory_ports.World().ports()
    ports = type(ports)(**{**vars(ports), "files": LocalFiles(tmp_path), "trial": TrialServer(sandbox_cache)})
    *before, last = smoke.smoke(plan, ports)
    assert isinstance(last, Smoked)
    assert last.problems == ()
    assert (last.ok, last.status) == (True, 200)
    assert last.answer["anomaly"] == [False, True, True]
    assert last.init_seconds is not None
    assert last.run_milliseconds is not None
    assert last.peak_memory > 50 << 20
    assert any(isinstance(event, LogLine) and "Invoking user's init" in event.text for event in before)
    assert json.loads(msgspec.json.encode(last))["event"] == "smoked"


def test_without_a_sample_the_start_is_tried(trial: Trial) -> None:
    smoked = trial(LOADED + RUN, sample="")
    assert (smoked.ok, smoked.status, smoked.answer) == (True, 0, None)


def test_an_exception_at_import_is_told_at_its_line(trial: Trial) -> None:
    rule, line, message = only(trial("import nothing_of_that_name\n\n\n" + LOADED + RUN))
    assert (rule, line) == ("trial-init", 1)
    assert "importing the script failed: ModuleNotFoundError: No module named 'nothing_of_that_name'" in message


def test_an_exception_in_init_is_told_at_its_line(trial: Trial) -> None:
    rule, line, message = only(trial("def init():\n    part = {}\n    part['model']\n" + RUN))
    assert (rule, line, message) == ("trial-init", 3, "init() failed: KeyError: 'model'")


def test_an_exception_in_run_is_told_at_its_line(trial: Trial) -> None:
    smoked = trial(LOADED + "\n\ndef half(x):\n    return x / 0\n\n\ndef run(raw_data):\n    return half(1)\n")
    assert only(smoked) == ("trial-run", 6, "run() failed: ZeroDivisionError: division by zero")
    assert smoked.status == 500


def test_an_answer_that_is_an_error_is_told(trial: Trial) -> None:
    text = "from azureml_inference_server_http.api.aml_response import AMLResponse\n" + LOADED
    rule, line, message = only(trial(text + "\n\ndef run(data):\n    return AMLResponse('no rows', 400)\n"))
    assert (rule, line) == ("trial-run", 6)
    assert "400: no rows" in message


def test_a_script_that_hangs_in_init_ends_at_the_deadline(trial: Trial) -> None:
    text = "import threading\n\n\ndef init():\n    threading.Event().wait()\n" + RUN
    assert only(trial(text, seconds=12)) == ("trial-deadline", 4, "init() did not come back within 12 s; it was ended")


def test_a_script_that_hangs_in_run_ends_at_the_deadline(trial: Trial) -> None:
    text = "import threading\n\n\n" + LOADED + "\n\ndef run(raw_data):\n    threading.Event().wait()\n"
    assert only(trial(text, seconds=12)) == ("trial-deadline", 8, "run() did not come back within 12 s; it was ended")


PICKY = (
    "from azureml_inference_server_http.api.aml_response import AMLResponse\n"
    + LOADED
    + "\n\ndef run(raw_data):\n    if raw_data == 'wrong':\n        return AMLResponse('no rows', 400)\n    return 1 / len(raw_data)\n"
)


def test_every_sample_that_is_kept_is_asked_with(trial: Trial) -> None:
    smoked = trial(PICKY, "four", others=(("two.json", "22"), ("wrong.json", "wrong"), ("empty.json", "")))
    assert (smoked.ok, smoked.status, smoked.answer) == (True, 200, 0.25)
    assert [(one.sample, one.status) for one in smoked.others] == [
        ("two.json", 200),
        ("wrong.json", 400),
        ("empty.json", 500),
    ]
    assert [one.answer for one in smoked.others[:2]] == [0.5, "no rows"]
    (problem,) = smoked.problems
    assert (problem.severity, problem.line, problem.rule) == ("warning", 6, "trial-sample")
    assert problem.message.startswith("empty.json was answered with 500")


def test_another_sample_that_ends_the_server_is_an_error(trial: Trial) -> None:
    text = (
        "import os\n" + LOADED + "\n\ndef run(raw_data):\n    return os._exit(3) if raw_data == 'bad' else raw_data\n"
    )
    smoked = trial(text, "good", others=(("bad.json", "bad"), ("good.json", "good")))
    assert only(smoked) == ("trial-run", 6, "bad.json ends the server's process")
    assert (smoked.answer, [one.status for one in smoked.others]) == ("good", [0])


DAEMON = """
import os, signal, threading

def init():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            threading.Event().wait()
        os._exit(0)
    os.wait()
"""


def test_a_script_that_leaves_a_daemon_behind_leaves_none(trial: Trial) -> None:
    smoked = trial(DAEMON + RUN)
    assert (smoked.ok, smoked.answer) == (True, '{"data": 1}')


def test_a_script_that_forks_without_end_is_ended(trial: Trial) -> None:
    text = "import os, threading\n\n\ndef init():\n    while os.fork():\n        pass\n    threading.Event().wait()\n"
    rule, line, message = only(trial(text + RUN, seconds=40))
    assert (rule, line) == ("trial-processes", 4)
    assert "without end" in message


def test_a_script_that_fills_memory_is_ended(trial: Trial) -> None:
    text = "def init():\n    kept = []\n    while True:\n        kept.append(bytearray(b'x' * (8 << 20)))\n"
    smoked = trial(text + RUN, memory=400 << 20)
    assert only(smoked) == ("trial-memory", 1, "init() took more than 400 MiB of memory; it was ended")
    assert smoked.peak_memory > 400 << 20


def test_a_script_that_prints_a_million_lines_is_not_shown_whole(tmp_path: Path, sandbox_cache: Path) -> None:
    script = tmp_path / f"score_{uuid.uuid4().hex}.py"
    script.write_text("import os\n\n\ndef init():\n    os.write(1, b'line\\n' * 1_000_000)\n" + RUN)
    request = TrialRequest("score.py", str(script), "", "m", REQUIREMENTS, "", "1", 60.0)
    events = list(TrialServer(sandbox_cache).run(request))
    last = events[-1]
    assert isinstance(last, Smoked)
    assert last.ok
    assert sum(isinstance(event, LogLine) for event in events) < 2100
    assert any(isinstance(event, LogLine) and "goes on" in event.text for event in events)
    assert left(script.name) == []


def test_a_script_that_reads_stdin_gets_nothing(trial: Trial) -> None:
    rule, line, message = only(trial("NAME = input()\n" + LOADED + RUN))
    assert (rule, line) == ("trial-init", 1)
    assert "EOFError" in message


def test_what_a_script_writes_to_stdin_goes_nowhere(trial: Trial) -> None:
    assert trial("import os\n\n\ndef init():\n    os.write(0, b'x' * 1_000_000)\n" + RUN).ok


def test_a_script_that_ends_its_own_process_is_told(trial: Trial) -> None:
    rule, line, message = only(trial("import os\n\n\ndef init():\n    os._exit(9)\n" + RUN))
    assert (rule, line) == ("trial-init", 4)
    assert "ends the server's process" in message


def test_cancelling_ends_it(tmp_path: Path, sandbox_cache: Path) -> None:
    script = tmp_path / f"score_{uuid.uuid4().hex}.py"
    script.write_text("import threading\n\n\ndef init():\n    threading.Event().wait()\n" + RUN)
    request = TrialRequest("score.py", str(script), "", "m", REQUIREMENTS, "", "1", 300.0)
    cancellation = Cancellation()

    def until_init(events: Iterator[Event]) -> None:
        for event in events:
            if isinstance(event, LogLine) and "Invoking user's init" in event.text:
                threading.Thread(target=cancellation.cancel).start()

    with using(cancellation), pytest.raises(EdgeError) as stopped:
        until_init(TrialServer(sandbox_cache).run(request))
    assert stopped.value.kind == "cancelled"
    assert left(script.name) == folders(sandbox_cache, script.name) == []


def test_leaving_the_iterator_ends_it(tmp_path: Path, sandbox_cache: Path) -> None:
    script = tmp_path / f"score_{uuid.uuid4().hex}.py"
    script.write_text(LOADED + RUN)
    request = TrialRequest("score.py", str(script), "", "m", REQUIREMENTS, "", "1", 300.0)
    running = TrialServer(sandbox_cache).run(request)
    for event in running:
        if isinstance(event, Progress) and event.text == "starting the inference server":
            break
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert left(script.name) == folders(sandbox_cache, script.name) == []


KILLED = """
import sys
from pathlib import Path
from edgetui.adapters.trial.server import TrialServer
from edgetui.core.models import TrialRequest

request = TrialRequest("score.py", sys.argv[1], "", "m", ("azureml-inference-server-http==1.5.1",), "", "1", 300.0)
for event in TrialServer(Path(sys.argv[2])).run(request):
    if "Invoking user's init" in getattr(event, "text", ""):
        print("in init", flush=True)
"""


def test_nothing_is_left_when_edgetui_itself_is_killed(tmp_path: Path, sandbox_cache: Path, trial: Trial) -> None:
    assert trial(LOADED + RUN).ok  # the environment is there
    script = tmp_path / f"score_{uuid.uuid4().hex}.py"
    script.write_text(DAEMON.replace("    os.wait()", "    threading.Event().wait()") + RUN)
    command = [sys.executable, "-c", KILLED, str(script), str(sandbox_cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "in init\n"
        assert len(left(script.name)) >= 3
        assert len(folders(sandbox_cache, script.name)) == 1
        killed.kill()
    until = time.monotonic() + 20
    while left(script.name) + folders(sandbox_cache, script.name) and time.monotonic() < until:
        threading.Event().wait(0.05)
    assert left(script.name) == folders(sandbox_cache, script.name) == []


WITH_HELPER = """
import json
from pathlib import Path

import helper
import kit.words

HERE = Path(__file__).resolve().parent


def init():
    names = sorted(one.relative_to(HERE).as_posix() for one in HERE.rglob("*") if one.is_file())
    global told
    told = [name for name in names if "__pycache__" not in name]


def run(raw_data):
    if raw_data == "fail":
        helper.fail()
    limit = json.loads(Path("data/limits.json").read_text())
    return {"helper": helper.NAME, "kit": kit.words.NAME, "limit": limit, "files": told}
"""


@pytest.fixture
def with_context(tmp_path: Path) -> Path:
    """A plan's folder with a helper module, a package, a data file, and much that does not go into an image."""
    root = tmp_path / "plan"
    for name, text in {
        "score.py": WITH_HELPER,
        "helper.py": "NAME = 'helper'\n\n\ndef fail():\n    raise ValueError('no rows')\n",
        "kit/words.py": "NAME = 'kit'\n",
        "data/limits.json": "[1, 2]",
        "myenv.yml": f"dependencies:\n- python\n- pip:\n  - {REQUIREMENTS[0]}\n",
        "sample.json": "1",
        "fail.json": "fail",
        "plan.toml": "# the plan\n",
        "model.pkl": "model",
        ".env": "KEY=1",
        ".dockerignore": "*.json\n!data\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def tried(root: Path, cache: Path, context: str, script: str = "score.py", sample: str = "sample.json") -> Smoked:
    plan = Plan(
        model=Model("pump", "model.pkl"),
        scoring=Scoring(script, "myenv.yml", sample),
        image=Image("acr", context=context),
        folder=str(root),
        file="plan.toml",
    )
    ports = memory_ports.World().ports()
    ports = type(ports)(**{**vars(ports), "files": LocalFiles(root.parent), "trial": TrialServer(cache)})
    *_, last = smoke.smoke(plan, ports)
    assert isinstance(last, Smoked)
    return last


def test_what_lies_beside_the_script_is_there_as_in_the_image(with_context: Path, sandbox_cache: Path) -> None:
    smoked = tried(with_context, sandbox_cache, ".")
    assert smoked.problems == ()
    packed = build_context.recipe(request_for(with_context)).image_context("base:1")
    place = "script/var/azureml-app/"
    in_image = sorted(name.removeprefix(place) for name in packed if name.startswith(place))
    model = "azureml-models/pump/1/model.pkl"
    assert smoked.answer == {"helper": "helper", "kit": "kit", "limit": [1, 2], "files": sorted([*in_image, model])}
    assert in_image == ["data/limits.json", "helper.py", "kit/words.py", "myenv.yml", "score.py"]


def request_for(root: Path) -> BuildRequest:
    return BuildRequest(
        WorkspaceInfo("s", "g", "w"),
        "pump:1",
        str(root / "score.py"),
        str(root / "myenv.yml"),
        "pump",
        "1",
        model_path=str(root / "model.pkl"),
        context=str(root),
        without=(str(root / "plan.toml"), str(root / "model.pkl")),
    )


def test_without_a_context_the_script_is_alone(with_context: Path, sandbox_cache: Path) -> None:
    (problem,) = tried(with_context, sandbox_cache, "").problems
    assert "ModuleNotFoundError: No module named 'helper'" in problem.message


def test_a_script_further_down_finds_modules_from_the_top_of_the_context(
    with_context: Path, sandbox_cache: Path
) -> None:
    (with_context / "app").mkdir()
    (with_context / "score.py").rename(with_context / "app" / "score.py")
    (with_context / "app" / "near.py").write_text("")
    smoked = tried(with_context, sandbox_cache, ".", "app/score.py")
    assert (smoked.ok, smoked.answer["helper"]) == (True, "helper")
    text = (with_context / "app" / "score.py").read_text()
    (with_context / "app" / "score.py").write_text(f"import near\n{text}")
    (problem,) = tried(with_context, sandbox_cache, ".", "app/score.py").problems
    assert (problem.line, "No module named 'near'" in problem.message) == (1, True)  # nor does the image find it


def test_an_exception_in_a_module_beside_the_script_is_told_at_the_script_s_line(
    with_context: Path, sandbox_cache: Path
) -> None:
    smoked = tried(with_context, sandbox_cache, ".", sample="fail.json")
    (problem,) = smoked.problems
    assert (problem.rule, problem.message) == ("trial-run", "run() failed: ValueError: no rows")
    assert (with_context / "score.py").read_text().splitlines()[problem.line - 1] == "        helper.fail()"
    assert any(line.strip().startswith('File "helper.py", line 5') for line in smoked.traceback)


def test_an_environment_that_cannot_be_installed_says_why(tmp_path: Path, sandbox_cache: Path) -> None:
    request = TrialRequest("score.py", str(EXAMPLE / "score.py"), "", "m", ("numpy==0.0.99",), "", "", 30.0)
    with pytest.raises(EdgeError) as failed:
        list(TrialServer(sandbox_cache).run(request))
    assert "numpy==0.0.99" in failed.value.detail
    assert failed.value.field == "scoring.environment"
