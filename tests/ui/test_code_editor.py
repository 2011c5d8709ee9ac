"""The editor for script and environment: highlighting that never crashes, line ends kept, problems, the outside editor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.message import Message

from edgetui.core.models import Problem
from edgetui.ui.widgets import outside_editor
from edgetui.ui.widgets.code_editor import CodeEditor, language_of
from edgetui.ui.widgets.problem_list import ProblemList, counted, in_words

SCRIPT = "import json\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return json.loads(data)\n"
PROBLEMS = (
    Problem("score.py", 4, "warning", "init() does nothing", "load the model there"),
    Problem("myenv.yml", 2, "error", "no azureml-defaults", "add it under pip"),
)


class EditorApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.editor = CodeEditor()
        self.problems = ProblemList()
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.editor
        yield self.problems

    def on_code_editor_dirtied(self, event: CodeEditor.Dirtied) -> None:
        self.heard.append(event)

    def on_code_editor_save_due(self, event: CodeEditor.SaveDue) -> None:
        self.heard.append(event)

    def on_problem_list_picked(self, event: ProblemList.Picked) -> None:
        self.editor.jump(event.problem.line)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("score.py", "python"),
        ("my.env.YAML", "yaml"),
        ("myenv.yml", "yaml"),
        ("sample.json", None),
        ("Makefile", None),
    ],
)
def test_only_grammars_that_are_safe_are_loaded(path: str, language: str | None) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize("name", ["score.py", "myenv.yml", "sample.json"])
def test_each_kind_of_file_opens_in_a_process_that_lives_on(name: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.ui.test_code_editor import EditorApp\n"
        "async def main():\n"
        "    app = EditorApp()\n"
        "    async with app.run_test(size=(80, 24)) as pilot:\n"
        '        app.editor.load(sys.argv[1], \'{"a": [1, 2.5, null, "x"]}\\n# comment\\nkey: value\\n\' * 50)\n'
        "        await pilot.pause()\n"
        "        await pilot.press('x', 'enter', 'ctrl+z')\n"
        "    print('json' in ' '.join(m for m in sys.modules if m.startswith('tree_sitter')))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, name], capture_output=True, text=True, check=False, timeout=60,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


async def test_python_is_highlighted_in_the_colours_of_the_theme() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", SCRIPT)
        await pilot.pause()

        def colours() -> set[object]:
            segments = app.editor.render_line(3)._segments  # def init():
            return {segment.style.color for segment in segments if segment.style and segment.text.strip()}

        dark = colours()
        assert len(dark) >= 3
        app.theme = "ansi-light"
        await pilot.pause()
        assert colours() != dark
        assert len(colours()) >= 3


async def test_unsaved_work_is_noticed_and_undone_work_is_not() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", SCRIPT)
        app.editor.focus()
        await pilot.press("x")
        assert app.editor.dirty
        assert app.editor.text_to_save == "x" + SCRIPT
        await pilot.press("ctrl+z")
        assert not app.editor.dirty
        await pilot.press("y")
        app.editor.saved(app.editor.text_to_save)
        assert not app.editor.dirty
        assert app.editor.text_to_save == "y" + SCRIPT
        await pilot.pause()
        assert [event.dirty for event in app.heard if isinstance(event, CodeEditor.Dirtied)] == [
            True,
            False,
            True,
            False,
        ]


async def test_what_is_typed_while_saving_stays_unsaved() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", SCRIPT)
        app.editor.focus()
        await pilot.press("a")
        saving = app.editor.text_to_save
        await pilot.press("b")
        app.editor.saved(saving)
        assert app.editor.dirty
        assert app.editor.text_to_save == "ab" + SCRIPT


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "a\nb", "a\rb\r", "", "\n\n", "a\x0cb\r\nc\n", "tab\there\u2028x\n"])
async def test_a_file_that_is_not_changed_stays_the_same_to_the_byte(text: str) -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", text)
        await pilot.pause()
        assert not app.editor.dirty
        assert app.editor.text_to_save == text


async def test_line_ends_of_another_system_are_kept_through_an_edit() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", "a\r\nb\r\n")
        app.editor.focus()
        assert app.editor.line_ends == ""
        await pilot.press("x", "enter")
        assert app.editor.text_to_save == "x\r\na\r\nb\r\n"
        app.editor.load("score.py", "a\r\nb\n")
        assert "all of them CRLF" in app.editor.line_ends


async def test_five_thousand_lines_can_be_pasted_and_taken_back() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", "")
        app.editor.focus()
        text = "\n".join(f"value_{n} = {n}  # line" for n in range(5_000))
        app.post_message(Paste(text))
        await pilot.pause()
        assert app.editor.text_to_save == text
        await pilot.press("ctrl+z")
        assert app.editor.text_to_save == ""


async def test_a_new_line_starts_where_the_last_one_did_and_deeper_behind_a_colon() -> None:
    async with EditorApp().run_test() as pilot:
        editor = pilot.app.editor  # type: ignore[attr-defined]
        editor.load("score.py", "")
        editor.focus()
        await pilot.press(*"if x:", "enter", *"y = 1", "enter", "z")
        assert editor.text == "if x:\n    y = 1\n    z"
        await pilot.press("shift+tab", "home", "enter")
        assert editor.text == "if x:\n    y = 1\n\nz"
        editor.load("myenv.yml", "dependencies:\n  - pip:")
        await pilot.press("ctrl+end", "enter", "tab", "-")
        assert editor.text == "dependencies:\n  - pip:\n    -"


async def test_tab_moves_the_lines_of_a_selection_and_undo_takes_it_back() -> None:
    text = "a\n\n  b\n    c\nd\n"
    async with EditorApp().run_test() as pilot:
        editor = pilot.app.editor  # type: ignore[attr-defined]
        editor.load("score.py", text)
        editor.focus()
        await pilot.press("shift+down", "shift+down", "shift+down", "shift+down")
        await pilot.press("tab")
        assert editor.text == "    a\n\n      b\n        c\nd\n"
        assert editor.selected_text == "a\n\n      b\n        c\n"
        await pilot.press("shift+tab", "shift+tab")
        assert editor.text == "a\n\nb\nc\nd\n"
        await pilot.press("ctrl+z", "ctrl+z", "ctrl+z")
        assert editor.text == text
        await pilot.press("ctrl+end")
        assert editor.cursor_location == (5, 0)
        await pilot.press("ctrl+home")
        assert editor.cursor_location == (0, 0)


async def test_escape_leaves_and_leaving_is_the_time_to_save() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", SCRIPT)
        app.problems.show(PROBLEMS)
        app.editor.focus()
        await pilot.press("tab")
        assert app.editor.has_focus
        await pilot.press("escape")
        assert not app.editor.has_focus
        assert any(isinstance(event, CodeEditor.SaveDue) for event in app.heard)


async def test_nothing_blinks() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)):
        assert not app.editor.cursor_blink


async def test_problems_stand_errors_first_and_enter_goes_to_the_line() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.editor.load("score.py", SCRIPT)
        app.problems.show(PROBLEMS)
        await pilot.pause()
        assert [problem.file for problem in app.problems.problems] == ["myenv.yml", "score.py"]
        assert app.problems.border_title == "Problems · 1 error, 1 warning · F6 goes to the next"
        assert str(app.problems.get_option_at_index(1).prompt) == (
            "! warning  score.py:4  init() does nothing → load the model there"
        )
        app.problems.focus()
        await pilot.press("down", "down", "enter")
        assert app.editor.has_focus
        assert app.editor.cursor_location == (3, 0)
        app.problems.focus()
        await pilot.press("y")
        assert app.clipboard == in_words(PROBLEMS[0])
        app.problems.show(())
        assert app.problems.border_title == "Problems · none found"


def test_counts_are_words() -> None:
    assert counted(2, 1) == "2 errors, 1 warning"
    assert counted(0, 0) == "none found"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"VISUAL": "code --wait", "EDITOR": "vi"}, ["code", "--wait"]),
        ({"EDITOR": "'/opt/my editor' -n"}, ["/opt/my editor", "-n"]),
        ({"VISUAL": "'open", "EDITOR": "nano"}, ["nano"]),
        ({}, []),
    ],
)
def test_the_persons_editor_is_taken_from_the_environment(environ: dict[str, str], words: list[str]) -> None:
    assert outside_editor.command(environ) == words


async def test_without_an_editor_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    app = EditorApp()
    async with app.run_test():
        assert "$EDITOR" in outside_editor.edit_outside(app, "/nowhere")
