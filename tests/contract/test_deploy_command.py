"""`edgetui deploy` on the example, from a first start to the answer from the device, through the unmodified SDKs."""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.contract.client_runs import EXAMPLE
from tests.contract.whole_runs import Ended, Home

DEVICE = "line1-gateway"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the whole run is watched through /proc")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> Iterator[Home]:
    one = Home(tmp_path_factory.mktemp("person"), sandbox_cache)
    yield one
    one.kill_left()


@pytest.fixture(scope="module")
def runs(home: Home) -> list[Ended]:
    """The same command twice."""
    return [home.run("deploy", str(home.plan), "--sandbox", "--yes", "--json") for _ in range(2)]


@pytest.fixture(scope="module")
def unbuildable(home: Home, runs: list[Ended]) -> list[Ended]:
    """A build and a check that fail since a package does not exist."""
    folder = Path(shutil.copytree(EXAMPLE, home.folder / "unbuildable"))
    environment = folder / "myenv.yml"
    environment.write_text(f"{environment.read_text().rstrip()}\n      - edgetui-no-such-package==1.0\n")
    plan = str(folder / "plan.toml")
    return [home.run("deploy", plan, "--sandbox", "--yes", "--json"), home.run("check", plan, "--resolve")]


def expected(folder: Path = EXAMPLE) -> dict[str, Any]:
    with (folder / "model.pkl").open("rb") as file:
        model = pickle.load(file)  # noqa: S301 -- our own file
    readings = json.loads((folder / "sample.json").read_text())["readings"]
    scores = [float(s) for s in model.decision_function([[one["temperature"], one["pressure"]] for one in readings])]
    return {"anomaly": [score < 0 for score in scores], "score": scores}


def test_it_ends_well(runs: list[Ended]) -> None:
    for run in runs:
        assert run.code == 0, run.out + run.err
        assert run.err == ""


def test_the_last_line_tells_everything(runs: list[Ended]) -> None:
    for run in runs:
        last = run.events[-1]
        assert set(last) == {"event", "ok", "model", "image", "devices"}
        assert (last["event"], last["ok"], last["model"]) == ("finished", True, "pump-anomaly:1")
        host, _, rest = last["image"].partition("/")
        assert host.startswith("127.0.0.1:")
        assert rest.startswith("pump-anomaly@sha256:")
        assert set(last["devices"]) == {DEVICE}
        assert last["devices"][DEVICE]["state"] == "running"


def test_the_device_answers_what_the_model_says_when_loaded_here(runs: list[Ended]) -> None:
    for run in runs:
        prediction = run.events[-1]["devices"][DEVICE]["prediction"]
        assert prediction["score"] == pytest.approx(expected()["score"], abs=1e-9)
        assert prediction["anomaly"] == expected()["anomaly"]


def test_every_step_happened_for_real(runs: list[Ended]) -> None:
    kinds = [event["event"] for event in runs[0].events]
    wanted = ["checked", "registered", "image-built", "credential-stored", "image-resolved", "preview"]  # the review
    wanted += ["image-resolved", "applied", "answered"]
    assert [kind for kind in kinds if kind in wanted] == wanted
    log = [event["text"] for event in runs[0].events if event["event"] == "log"]
    assert len(log) > 5


def test_the_second_run_does_nothing_twice(runs: list[Ended]) -> None:
    first, second = (run.events for run in runs)
    registered, built = (
        next(event for event in second if event["event"] == kind) for kind in ("registered", "image-built")
    )
    assert registered["reused"] is True
    assert built["reused"] is True
    assert second[-1]["image"] == first[-1]["image"]


def test_no_secret_is_in_any_file_output_argument_or_environment(home: Home, runs: list[Ended]) -> None:
    secrets = home.secrets()
    assert {"hub-key", "registry-password", "registry-password2"} <= set(secrets)
    places: list[tuple[str, bytes]] = [(str(file), file.read_bytes()) for file in home.files_outside_the_sandbox()]
    places += [("output", (run.out + run.err).encode()) for run in runs]
    assert len(places) > 5
    assert len(home.seen) > 5
    for (pid, argv), environ in home.seen.items():
        places += [(f"argv of {pid}", argv), (f"environment of {pid}: {argv!r}", environ)]
    found = {(name, place) for name, value in secrets.items() for place, text in places if value in text}
    assert found == set()


def test_no_python_process_left_loopback(home: Home, runs: list[Ended]) -> None:
    notes = home.notes()
    processes = [note for note in notes if note.startswith("process ")]
    for part in ("edgetui deploy", "edgetui.sandbox", "edgetui.adapters.hosting.child"):
        assert any(part in note for note in processes), f"{part} was not watched"
    assert [note for note in notes if note.startswith("left ")] == []


def test_nothing_is_written_outside_our_own_folders(home: Home, runs: list[Ended], unbuildable: list[Ended]) -> None:
    assert [run.code for run in unbuildable] == [1, 2]
    for run in unbuildable:
        assert "edgetui-no-such-package" in run.out + run.err
    for folder in ("home", "tmp", "work"):
        assert [str(file) for file in (home.folder / folder).rglob("*")] == []
    names = {file.name for file in home.plan.parent.iterdir()}
    assert names == {file.name for file in EXAMPLE.iterdir() if file.name != "__pycache__"}


def test_no_process_is_left(home: Home, runs: list[Ended]) -> None:
    assert home.left_processes() == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_signal_while_it_builds_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path, sandbox_cache: Path
) -> None:
    home = Home(tmp_path / "person", sandbox_cache)
    with (
        contextlib.closing(_Killer(home)),
        home.start("deploy", str(home.plan), "--sandbox", "--yes", "--json") as process,
    ):
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "log":
                process.send_signal(number)
                break
        rest, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert "Traceback" not in err
        if number is not signal.SIGKILL:
            last = json.loads(rest.splitlines()[-1])
            assert (last["event"], last["ok"]) == ("finished", False)
        assert home.left_processes() == []
        assert list((home.folder / "tmp").rglob("*")) == [] or number is signal.SIGKILL


class _Killer:
    def __init__(self, home: Home) -> None:
        self.home = home

    def close(self) -> None:
        self.home.kill_left()


def _plan(change: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        file = folder / "plan.toml"
        before = file.read_text()
        after = change(before)
        assert after != before
        file.write_text(after)

    return apply


def _file(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None  # type: ignore[func-returns-value]


def _config(folder: Path) -> None:
    text = (folder / "plan.toml").read_text()
    start, end = text.index("[workspace]"), text.index("[model]")
    (folder / "plan.toml").write_text(f'{text[:start]}[workspace]\nconfig = "config.json"\n\n{text[end:]}')
    placeholders = {"subscription_id": "<subscription-id>", "resource_group": "<group>", "workspace_name": "<name>"}
    (folder / "config.json").write_text(json.dumps(placeholders))


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "no such model file": (_plan(lambda t: t.replace('path = "model.pkl"', 'path = "none.pkl"')), "model.path"),
    "a name that Azure ML refuses": (
        _plan(lambda t: t.replace('[model]\nname = "pump-anomaly"', '[model]\nname = "no spaces please"')),
        "model.name",
    ),
    "a config.json with placeholders": (_config, "workspace.config"),
    "broken TOML": (_plan(lambda t: t.replace('name = "edge-ws"', 'name = "edge-ws')), "plan.toml"),
    "an unknown key": (_plan(lambda t: t.replace("\n[hub]\n", "\n[hub]\ncolour = 1\n")), "colour"),
    "an environment that is no YAML": (_file("myenv.yml", "dependencies: [\n"), "scoring.environment"),
    "a script without init": (_file("score.py", "def run(raw_data):\n    return 1\n"), "scoring.script"),
    "a script without run": (_file("score.py", "def init():\n    pass\n"), "scoring.script"),
    "no device": (_plan(lambda t: t.replace('devices = ["line1-gateway"]', "devices = []")), "devices"),
    "no such hub": (_plan(lambda t: t.replace('[hub]\nname = "edge-hub"', '[hub]\nname = "other"')), "hub.name"),
    "no such device": (_plan(lambda t: t.replace('["line1-gateway"]', '["line1-gatewai"]')), "target.devices"),
    "no such workspace": (_plan(lambda t: t.replace('name = "edge-ws"', 'name = "edge-wss"')), "workspace.name"),
    "a port that another module of the device has": (
        _plan(lambda t: t + '[module.create_options.HostConfig.PortBindings]\n"5001/tcp" = [{ HostPort = "443" }]\n'),
        "module.create_options",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_2_and_names_its_field(
    case: str, tmp_path: Path, sandbox: Sandbox, sandbox_cache: Path
) -> None:
    change, field = BAD[case]
    home = Home(tmp_path / "person", sandbox_cache)
    change(home.plan.parent)
    before = {file: file.read_bytes() for file in home.plan.parent.iterdir()}
    done = home.run("deploy", str(home.plan), "--yes", "--json", more=sandbox.env)
    assert done.code == 2, done.out + done.err
    assert field in done.err
    assert "Traceback" not in done.err
    last = done.events[-1]
    assert (last["event"], last["ok"]) == ("finished", False)
    assert last["title"]
    kinds = {event["event"] for event in done.events}
    assert kinds.isdisjoint({"registered", "image-built", "credential-stored"})
    assert {file: file.read_bytes() for file in home.plan.parent.iterdir()} == before


def test_no_such_scenario_is_bad_usage(tmp_path: Path, sandbox_cache: Path) -> None:
    home = Home(tmp_path / "person", sandbox_cache)
    done = home.run("deploy", str(home.plan), "--sandbox", "nowhere", "--yes")
    assert done.code == 2
    assert "There is no scenario 'nowhere'" in done.err
    assert home.left_processes() == []
    shutil.rmtree(home.folder)
