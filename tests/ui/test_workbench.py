"""The workbench of step 3: problems at their lines, mended by a key; trial, resolver and pins; templates, samples, find."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import msgspec
import pytest
from textual.events import Paste
from textual.pilot import Pilot

from edgetui.core import cancel
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, LogLine, Progress, Resolved, Smoked
from edgetui.core.models import EngineState, Problem, ResolveRequest, SampleAnswer, TrialRequest
from edgetui.core.ports import Ports
from edgetui.jobs import examples
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.log import LogScreen
from edgetui.ui.screens.script import ScriptScreen

from . import fake_ports
from .driving import check_snapshot, check_snapshots, masked, text_of, until

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
GOOD = Smoked(True, (), 0.42, 3.25, 200, {"anomaly": [False, True], "score": [11.3, -4.0]}, 90_177_536, "3.11.9")
BAD = Smoked(
    False,
    (Problem("score.py", 31, "error", "run() failed: KeyError: 'readings'", "correct the script", "trial-run"),),
    0.42,
    None,
    500,
    "internal error",
    90_177_536,
    "3.11.9",
    (
        '  File "score.py", line 31, in run',
        "    scores = model.decision_function(rows)",
        '  File "/env/sklearn/base.py", line 3, in decision_function',
        '    raise KeyError("readings")',
        "KeyError: 'readings'",
    ),
)
PINS = {"numpy": "2.2.6", "scikit-learn": "1.7.2", "azureml-inference-server-http": "1.4.1", "scipy": "1.15.3"}

WHY = "no conda solver: pip install py-rattler"


class NoEngine:
    def state(self) -> EngineState:
        return EngineState(reachable=False, why="none here")


@dataclass
class Bench:
    """Trial and resolver of a test; both wait for `hold`."""

    smoked: Smoked = GOOD
    resolved: Resolved = field(default_factory=lambda: Resolved(True, PINS, (), ("libgomp=14.2",), why_unchecked=WHY))
    hold: threading.Event = field(default_factory=threading.Event)
    tried: list[TrialRequest] = field(default_factory=list)
    error: EdgeError | None = None

    def run(self, request: TrialRequest) -> Iterator[Event]:
        self.tried.append(request)
        yield Progress("script", "installing 4 packages for the trial")
        yield LogLine("script", "Collecting numpy")
        self._wait("The trial")
        yield self.smoked

    def resolve(self, request: ResolveRequest) -> Iterator[Event]:
        yield Progress("script", f"resolving {len(request.requirements)} packages for {request.platform}")
        self._wait("Resolving")
        yield self.resolved

    def _wait(self, what: str) -> None:
        with cancel.current().on_cancel(self.hold.set):
            assert self.hold.wait(20)
        if cancel.current().requested:
            raise cancelled(what)
        if self.error:
            raise self.error


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.hold.set()
    return made


@pytest.fixture
def ports(tmp_path: Path, bench: Bench) -> Ports:
    made = fake_ports.ports(fake_ports.World(), tmp_path / "state", sandbox="happy")
    return replace(made, engine=NoEngine(), trial=bench, resolver=bench)


@pytest.fixture
def plan(ports: Ports) -> Path:
    """The path of a plan that is a copy of the example."""
    return Path(examples.start(ports))


@asynccontextmanager
async def opened(ports: Ports, plan: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    app = EdgeApp(ports, str(plan))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.has_session)
        app.open_step("script")
        await until(pilot, lambda: isinstance(app.screen, ScriptScreen) and len(screen(pilot)._files.opened) == 3)
        await until(pilot, lambda: bool(screen(pilot).status.text) or "F9" in str(screen(pilot).problems.border_title))
        yield pilot


def screen(pilot: Pilot[int]) -> ScriptScreen:
    return next(one for one in pilot.app.screen_stack if isinstance(one, ScriptScreen))


def text(file: Path) -> str:
    return file.read_text()


def put(file: Path, old: str, new: str) -> None:
    """Replace a text of a file."""
    file.write_text(file.read_text().replace(old, new))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def unpinned(plan: Path) -> Path:
    """Let the environment disagree with the model file, so that a problem has a fix; returns the environment."""
    file = plan.parent / "myenv.yml"
    lines = [
        line.split("==")[0] + "==1.0.2  # why" if "scikit-learn" in line else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


# problems


@SIZES
async def test_problems_are_marked_at_their_lines(ports: Ports, plan: Path, size: tuple[int, int]) -> None:
    (plan.parent / "score.py").write_text(
        "import json\nimport requests\n\n\ndef init():\n    pass\n\n\ndef run():\n    pass\n"
    )
    unpinned(plan)
    async with opened(ports, plan, size) as pilot:
        shown = await until(pilot, "to fix; F6 goes to the next")
        assert any(line.strip().startswith("9✗") for line in shown.splitlines()), shown
        await check_snapshot(pilot, f"workbench-problems-{size[0]}x{size[1]}")


async def test_f6_goes_from_problem_to_problem_over_files(ports: Ports, plan: Path) -> None:
    (plan.parent / "score.py").write_text("import json\n\n\ndef init():\n    pass\n\n\ndef run():\n    pass\n")
    unpinned(plan)
    async with opened(ports, plan) as pilot:
        await until(pilot, "to fix; F6 goes to the next")
        found = screen(pilot).problems.problems
        places = []
        for _ in found:
            await pilot.press("f6")
            await until(pilot, lambda: screen(pilot).editor(screen(pilot).active).has_focus)
            chosen = screen(pilot).problems.chosen
            assert chosen is not None
            places.append((chosen.file, chosen.line))
            assert screen(pilot).editor(screen(pilot).active).cursor_location[0] + 1 == (chosen.line or 1)
        assert sorted(places) == sorted((problem.file, problem.line) for problem in found)
        await pilot.press("shift+f6")
        await until(pilot, lambda: screen(pilot).problems.chosen is not None)
        chosen = screen(pilot).problems.chosen
        assert chosen is not None
        assert (chosen.file, chosen.line) == places[-2]


async def test_a_key_mends_what_the_problem_says_and_undo_takes_it_back(ports: Ports, plan: Path) -> None:
    file = unpinned(plan)
    before = file.read_text()
    async with opened(ports, plan) as pilot:
        await until(pilot, "ctrl+t: ")
        await pilot.press("f6", "ctrl+t")
        await until(pilot, lambda: file.read_text() != before)
        changed = [(a, b) for a, b in zip(before.splitlines(), file.read_text().splitlines(), strict=True) if a != b]
        assert len(changed) == 1
        assert "scikit-learn==1.0.2" in changed[0][0]
        assert "scikit-learn==1.0.2" not in changed[0][1]
        assert "# why" in changed[0][1]
        await until(pilot, "✓ checked")
        screen(pilot).editor("environment").focus()
        await pilot.press("ctrl+z", "escape")
        await until(pilot, lambda: file.read_text() == before)


async def test_a_fix_waits_for_what_is_still_being_typed(ports: Ports, plan: Path) -> None:
    file = unpinned(plan)
    async with opened(ports, plan) as pilot:
        await until(pilot, "ctrl+t: ")
        await pilot.press("f6")
        await until(pilot, lambda: screen(pilot).editor("environment").has_focus)
        screen(pilot).editor("environment").move_cursor((0, 0))
        await pilot.press(*"# above", "enter", "ctrl+t")
        await until(pilot, lambda: "==1.0.2" not in file.read_text())
        assert file.read_text().startswith("# above\n")
        assert sum("scikit-learn" in line for line in file.read_text().splitlines()) == 1


# trial


@SIZES
async def test_a_trial_shows_times_answer_memory_and_python(ports: Ports, plan: Path, size: tuple[int, int]) -> None:
    async with opened(ports, plan, size) as pilot:
        await pilot.press("f8")
        shown = await until(pilot, "tried: init() 0.4 s")
        await until(pilot, "✓ checked; F3 goes on")
        shown = text_of(pilot.app)
        assert '{"anomaly": [false, true], "score": [11.3, -4.0]}' in shown
        assert "run() 3.2 ms · memory 86 MiB · Python 3.11.9" in shown
        assert "checked, tried" in shown
        await check_snapshot(pilot, f"workbench-tried-{size[0]}x{size[1]}")
        await pilot.press("escape")
        await until(pilot, "checked, tried")


@SIZES
async def test_a_trial_that_fails_opens_its_line(ports: Ports, plan: Path, bench: Bench, size: tuple[int, int]) -> None:
    bench.smoked = BAD
    async with opened(ports, plan, size) as pilot:
        await pilot.press("f8")
        await until(pilot, "the trial failed at line 31")
        await until(pilot, lambda: screen(pilot).editor("script").cursor_location[0] == 30)
        shown = await until(pilot, "but failed when tried")
        assert "KeyError: 'readings'" in shown
        assert 'File "score.py", line 31, in run' in shown
        await check_snapshot(pilot, f"workbench-failed-{size[0]}x{size[1]}")


async def test_who_types_meanwhile_is_not_moved(ports: Ports, plan: Path, bench: Bench) -> None:
    bench.smoked = BAD
    bench.hold.clear()
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "installing 4 packages for the trial")
        screen(pilot).editor("script").focus()
        await pilot.press("#")
        bench.hold.set()
        await until(pilot, "before the last change: failed")
        assert screen(pilot).editor("script").cursor_location == (0, 1)


@pytest.mark.parametrize("stop", ["f8", "f9"])
async def test_the_check_goes_on_while_a_trial_runs_and_a_key_stops_it(
    ports: Ports, plan: Path, bench: Bench, stop: str
) -> None:
    bench.hold.clear()
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "F9 stops it")
        screen(pilot).editor("script").focus()
        await pilot.press(*"def run(", "enter")
        # All keys, also where they come so slowly that some are saved and checked before the others.
        await until(pilot, lambda: (plan.parent / "score.py").read_text().startswith("def run(\n"))
        await until(pilot, lambda: "script" not in cast("EdgeApp", pilot.app).bridge.running)
        await until(pilot, "1 error to fix")
        assert "F9 stops it" in text_of(pilot.app)
        await pilot.press(stop)
        await until(pilot, "Stopped.")
        assert "F9 stops it" not in text_of(pilot.app)
        assert not pilot.app.screen.query_one("#trial").display


async def test_what_was_tried_is_kept_until_a_file_changes(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "tried: init() 0.4 s")
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        cast("EdgeApp", pilot.app).open_step("script")
        await until(pilot, "tried: init() 0.4 s")
        await until(pilot, "✓ checked")
        screen(pilot).editor("sample").take('{"readings": []}')
        screen(pilot).editor("sample").unsaved()
        screen(pilot).save("sample")
        await until(pilot, "~ tried before the last change: answered; F8 tries again")


async def test_what_was_tried_is_old_when_the_file_is_read_again_and_differs(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "tried: init() 0.4 s")
        put(plan.parent / "score.py", "import json", "import json  # by another editor")
        await pilot.press("f5")
        await until(pilot, "~ tried before the last change: answered; F8 tries again")


async def test_what_was_tried_and_resolved_is_there_after_a_new_start(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "tried: init() 0.4 s")
        await pilot.press("ctrl+r")
        await until(pilot, "4 packages; ctrl+n pins them")
    async with opened(ports, plan) as pilot:
        await until(pilot, "tried: init() 0.4 s")
        shown = await until(pilot, "4 packages; ctrl+n pins them")
        assert "    on 20" in shown
        assert '200 {"anomaly": [false, true], "score": [11.3, -4.0]}' in shown
        await pilot.press("ctrl+l")
        await until(pilot, "Answer, status 200:")
        await pilot.press("escape")
        await until(pilot, lambda: screen(pilot).is_current)
        screen(pilot).editor("script").focus()
        await pilot.press("#")
        await until(pilot, "~ tried before the last change: answered; F8 tries again")


async def test_other_samples_and_what_the_trial_has_not_are_shown(ports: Ports, plan: Path, bench: Bench) -> None:
    (plan.parent / "empty.json").write_text('{"readings": []}')
    put(plan, 'sample = "sample.json"', 'sample = "sample.json"\nsamples = ["empty.json"]')
    put(plan.parent / "myenv.yml", "  - pip\n", "  - pip\n  - r=4\n")
    bench.smoked = msgspec.structs.replace(GOOD, others=(SampleAnswer("empty.json", 400, "no readings"),))
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        shown = await until(pilot, "empty.json: 400 no readings")
        assert "not in the trial, which has no conda: r" in shown
        assert bench.tried[0].others == (("empty.json", '{"readings": []}'),)
        await check_snapshots(pilot, "workbench-tried-others")


async def test_log_and_answer_are_a_page_of_their_own(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        await pilot.press("ctrl+l")
        await until(pilot, "Nothing was tried yet")
        await pilot.press("f8")
        await until(pilot, "tried: init()")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(pilot.app.screen, LogScreen))
        shown = await until(pilot, "Collecting numpy")
        assert '{"anomaly": [false, true], "score": [11.3, -4.0]}' in shown
        await check_snapshots(pilot, "workbench-log")


async def test_a_trial_that_cannot_be_made_says_why(ports: Ports, plan: Path, bench: Bench) -> None:
    bench.error = EdgeError("The environment cannot be installed", "no such version", "Resolve it first: ctrl+r")
    async with opened(ports, plan) as pilot:
        await pilot.press("f8")
        await until(pilot, "That did not work")
        await pilot.press("escape")
        assert "✗ The environment cannot be installed" in text_of(pilot.app)


async def test_errors_come_before_the_trial(ports: Ports, plan: Path, bench: Bench) -> None:
    (plan.parent / "score.py").write_text("def init(:\n")
    async with opened(ports, plan) as pilot:
        await until(pilot, "to fix; F6")
        await pilot.press("f8")
        await until(pilot, "First fix the error below")
        assert not bench.tried


# resolver


@SIZES
async def test_what_resolves_can_be_pinned_with_comments_kept(ports: Ports, plan: Path, size: tuple[int, int]) -> None:
    file = plan.parent / "myenv.yml"
    file.write_text(file.read_text().replace("scikit-learn==1.7.2", "scikit-learn>=1.7,<1.8  # as the model"))
    before = file.read_text()
    async with opened(ports, plan, size) as pilot:
        await pilot.press("ctrl+n")
        await until(pilot, "ctrl+r asks the resolver first")
        await pilot.press("ctrl+r")
        await until(pilot, "resolves for linux/amd64, Python 3.11: 4 packages")
        await until(pilot, "checked, resolved")
        await check_snapshot(pilot, f"workbench-resolved-{size[0]}x{size[1]}")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: file.read_text() != before)
        assert "scikit-learn==1.7.2  # as the model" in file.read_text()
        await until(pilot, "4 packages, pinned")
        assert "resolved" in text_of(pilot.app)
        screen(pilot).tabs.active = "tab-environment"
        await pilot.pause()
        screen(pilot).editor("environment").focus()
        await pilot.press("ctrl+z", "escape")
        await until(pilot, lambda: file.read_text() == before)
        await until(pilot, "4 packages; ctrl+n pins them")
        screen(pilot).editor("environment").focus()
        await pilot.press("#")
        await until(pilot, "resolved before the last change; ctrl+r asks again")


async def test_what_does_not_resolve_is_said_at_its_line(ports: Ports, plan: Path, bench: Bench) -> None:
    words = "Because there is no version of scikit-learn==9 and you require it, it cannot be made."
    bench.resolved = Resolved(False, {}, (Problem("myenv.yml", 7, "error", words, "ask for another", "unresolvable"),))
    async with opened(ports, plan) as pilot:
        await pilot.press("ctrl+r")
        await until(pilot, "does not resolve for linux/amd64")
        await until(pilot, lambda: screen(pilot).editor("environment").has_focus)
        assert screen(pilot).editor("environment").cursor_location[0] == 6
        assert screen(pilot).editor("environment").marks[7].message == words
        assert "Because there is no version of scikit-learn==9" in text_of(pilot.app)


# templates


@SIZES
async def test_the_template_that_fits_the_model_stands_first(ports: Ports, plan: Path, size: tuple[int, int]) -> None:
    before = (plan.parent / "score.py").read_text()
    async with opened(ports, plan, size) as pilot:
        await pilot.press("f9")
        await until(pilot, "fits your model")
        await check_snapshot(pilot, f"workbench-templates-{size[0]}x{size[1]}")
        await pilot.press("enter")
        await until(pilot, "There already")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ScriptScreen))
        assert (plan.parent / "score.py").read_text() == before
        await pilot.press("f9")
        await until(pilot, "fits your model")
        await pilot.press("enter")
        await until(pilot, "There already")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: 'MODEL = "model.pkl"' in (plan.parent / "score.py").read_text())
        await until(pilot, "✓ checked")
        screen(pilot).editor("script").focus()
        await pilot.press("ctrl+z", "escape")
        await until(pilot, lambda: (plan.parent / "score.py").read_text() == before)


async def test_a_template_fills_an_empty_plan(ports: Ports, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[model]\nname = "pump"\n')
    async with opened(ports, plan) as pilot:
        await pilot.press("f9")
        await until(pilot, "names no model file")
        await pilot.press("down", "down", "down", "down", "down")
        await until(pilot, "Untested: ")
        await pilot.press("up", "up", "up", "up", "up", "enter")
        await until(pilot, "✓ checked")
        assert {"score.py", "myenv.yml", "sample.json"} <= names(tmp_path)
        assert screen(pilot).field("script").value == "score.py"
        await until(pilot, lambda: screen(pilot).editor("script").has_focus)


# samples


async def test_several_samples_are_kept_and_one_is_sent(ports: Ports, plan: Path, bench: Bench) -> None:
    sample = plan.parent / "sample.json"
    async with opened(ports, plan) as pilot:
        await pilot.press("ctrl+g")
        await until(pilot, "sample.json  (sent to the device)")
        await check_snapshots(pilot, "workbench-samples")
        await pilot.press("down", "enter")
        await until(pilot, (plan.parent / "sample-2.json").exists)
        await until(pilot, lambda: screen(pilot).editor("sample").path.endswith("sample-2.json"))
        assert 'sample = "sample-2.json"' in text(plan)
        assert 'samples = ["sample.json"]' in text(plan)
        await until(pilot, lambda: screen(pilot).editor("sample").text == sample.read_text())
        screen(pilot).editor("sample").put('{"readings": [1]}')
        screen(pilot).save("sample")
        await until(pilot, lambda: (plan.parent / "sample-2.json").read_text() == '{"readings": [1]}')
        await pilot.press("f8")
        await until(pilot, lambda: bool(bench.tried))
        assert bench.tried[0].sample == '{"readings": [1]}'
        await pilot.press("ctrl+g")
        await until(pilot, "sample-2.json  (sent to the device)")
        await pilot.press("down", "enter")
        await until(pilot, lambda: 'samples = ["sample-2.json"]' in plan.read_text())
        await pilot.press("ctrl+g")
        await until(pilot, "sample.json  (sent to the device)")
        await pilot.press("up", "delete", "escape")
        await until(pilot, lambda: "samples = " not in plan.read_text())
        assert (plan.parent / "sample-2.json").exists()


# find


async def test_a_text_is_found_and_gone_through(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        editor = screen(pilot).editor("script")
        editor.focus()
        before = editor.text
        await pilot.press("ctrl+f", *"model", "enter")
        await until(pilot, "1 of ")
        await check_snapshots(pilot, "workbench-find")
        first = editor.selection
        assert editor.selected_text == "model"
        await pilot.press("n")
        await until(pilot, "2 of ")
        await pilot.press("N", "N")
        await until(pilot, lambda: editor.selection != first and "model" in editor.selected_text.lower())
        await pilot.press("n")
        await until(pilot, lambda: editor.selection == first)
        await pilot.press("slash", *"nowhere", "enter")
        await until(pilot, "not there")
        await pilot.press("escape")
        await until(pilot, lambda: editor.has_focus)
        assert editor.text == before


# other programs


async def test_a_change_outside_is_noticed_and_undo_brings_mine_back(ports: Ports, plan: Path) -> None:
    file = plan.parent / "score.py"
    before = file.read_text()
    async with opened(ports, plan) as pilot:
        file.write_text("# theirs\n" + before)
        screen(pilot)._look()
        await until(pilot, lambda: screen(pilot).editor("script").text == "# theirs\n" + before)
        await until(pilot, "Another program changed score.py")
        assert not screen(pilot).editor("script").dirty
        screen(pilot).editor("script").focus()
        await pilot.press("ctrl+z", "escape")
        await until(pilot, lambda: file.read_text() == before)


async def test_theirs_can_be_taken_instead_of_mine(ports: Ports, plan: Path) -> None:
    file = plan.parent / "score.py"
    async with opened(ports, plan) as pilot:
        screen(pilot).editor("script").focus()
        file.write_text("theirs = 1\n")
        await pilot.press("#", "escape")
        await until(pilot, "Changed meanwhile")
        await check_snapshots(pilot, "workbench-conflict", lambda text: masked(text, plan=str(plan.parent)))
        await pilot.press("right", "enter")
        await until(pilot, lambda: screen(pilot).editor("script").text == "theirs = 1\n")
        assert not screen(pilot).editor("script").dirty
        assert [one.name for one in plan.parent.glob("*.other*")] == []


@pytest.mark.parametrize("again", [True, False])
async def test_a_file_that_is_removed_outside_can_be_written_again(ports: Ports, plan: Path, *, again: bool) -> None:
    file = plan.parent / "score.py"
    before = file.read_text()
    async with opened(ports, plan) as pilot:
        file.unlink()
        screen(pilot)._look()
        await until(pilot, "The file is gone")
        if again:
            await pilot.press("enter")
            await until(pilot, file.exists)
            assert file.read_text() == before
        else:
            await pilot.press("right", "enter")
            await until(
                pilot, lambda: str(screen(pilot).editor("script").placeholder).startswith(f"There is no {file} ")
            )
            assert not file.exists()


async def test_five_thousand_lines_can_be_pasted_checked_and_taken_back(ports: Ports, plan: Path) -> None:
    file = plan.parent / "score.py"
    before = file.read_text()
    more = "\n".join(f"    values[{n}] = input_{n}  # line" for n in range(5_000))
    async with opened(ports, plan) as pilot:
        editor = screen(pilot).editor("script")
        editor.focus()
        await until(pilot, lambda: editor.has_focus)
        editor.move_cursor(editor.document.end)
        pilot.app.post_message(Paste(f"def more(values):\n{more}\n"))
        await until(pilot, lambda: file.read_text() != before)
        assert file.read_text() == f"{before}def more(values):\n{more}\n"
        await until(pilot, "✓ checked")
        await pilot.press("ctrl+f", *"input_4999", "enter")
        await until(pilot, "1 of 1")
        await pilot.press("escape", "ctrl+z", "escape")
        await until(pilot, lambda: file.read_text() == before)


async def test_every_key_of_the_footer_fits_80_columns(ports: Ports, plan: Path) -> None:
    async with opened(ports, plan) as pilot:
        last = text_of(pilot.app).splitlines()[-1]
        assert last == "F2 Back F3 Next F7 File F8 Try F9 Template ^r Resolve F1 Help ^p More F10 Quit"
