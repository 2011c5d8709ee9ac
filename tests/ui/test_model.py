"""Step 2: choose a registered model, register a file, see what is wrong with what was typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgetui.core.models import ModelVersion
from edgetui.ui.app import EdgeApp
from edgetui.ui.screens.model_tags import check_tags, format_tags, parse_tags
from edgetui.ui.widgets.field import Field
from tests.conftest import Sandbox
from tests.ui import on_sandbox
from tests.ui.conftest import SIZES
from tests.ui.driving import check_snapshot, masked, text_of, until
from tests.ui.fake_ports import World

CHOSEN = '[workspace]\nsubscription = "sub-1"\nresource_group = "edge-rg"\nname = "edge-ws"\n'
FORM = CHOSEN + '[model]\nname = "pump"\npath = "model.pkl"\ndescription = "odd readings"\ntags = { site = "lab" }\n'


@pytest.fixture(autouse=True)
def registered(world: World, tmp_path: Path) -> None:
    world.models = [
        ModelVersion("press", 4, "of the press [old]", {"line": "2"}, created="2026-01-02T03:04:05Z"),
        ModelVersion("pump", 2, "", {}, created="2026-02-02T03:04:05Z"),
        ModelVersion("pump", 1, "", {}, created="2026-01-01T03:04:05Z"),
    ]
    (tmp_path / "model.pkl").write_bytes(b"a model")


@pytest.mark.parametrize("size", SIZES)
async def test_choose_a_registered_version(fake: Callable[..., EdgeApp], size: tuple[int, int], tmp_path: Path) -> None:
    app = fake(CHOSEN)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "Enter chooses a version")
        await check_snapshot(pilot, f"model-registered-{size[0]}x{size[1]}", masked)
        await pilot.press("slash", *"pump", "enter")
        await until(pilot, "2 of 3 versions")
        await pilot.press("down", "enter")
        await until(pilot, " 3 Script")
        assert (app.session.plan.model.name, app.session.plan.model.version) == ("pump", 1)
        assert "version = 1" in (tmp_path / "plan.toml").read_text()


@pytest.mark.parametrize("size", SIZES)
async def test_register_a_file(fake: Callable[..., EdgeApp], world: World, size: tuple[int, int]) -> None:
    app = fake(FORM)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await check_snapshot(pilot, f"model-new-{size[0]}x{size[1]}", masked)
        await pilot.press("enter")  # the button has the focus: everything is filled in
        await until(pilot, "10.0 MB of 40.0 MB · 25 %")
        world.hold.set()
        await until(pilot, "✓ pump:3 is registered; F3 goes on.")
        assert world.uploads[0].tags == {"site": "lab"}
        await pilot.press("f8")
        await until(pilot, "F3 goes on")
        assert len(world.uploads) == 1  # the same content is not uploaded twice


async def test_an_upload_goes_on_while_other_screens_are_open_and_can_be_stopped(
    fake: Callable[..., EdgeApp], world: World
) -> None:
    app = fake(FORM)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "F8 (or Enter")
        await pilot.press("f8")
        await until(pilot, "25 %")
        await pilot.press("f2")
        await until(pilot, "⠸ 2 Model")
        await pilot.press("2")
        await until(pilot, " 2 Model · ⠸")
        await pilot.press("f9")
        await until(pilot, "cancelled")
        await until(pilot, lambda: not app.bridge.running)
        assert world.models[0].name == "press"
        assert len(world.models) == 3


async def test_what_is_wrong_stands_under_its_field(fake: Callable[..., EdgeApp], world: World) -> None:
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "Enter chooses a version")
        await pilot.press("f7")
        await until(pilot, "F8 (or Enter")
        await pilot.press("f8")
        await until(pilot, "choose the file or folder to register")
        await pilot.press(*"nothing.pkl", "tab")
        await until(pilot, "there is no file or folder")
        await pilot.press("ctrl+u", *"my model", "tab", "tab", *"site", "tab")
        shown = await until(pilot, "write site as key=value")
        assert "a space is not allowed" in app.screen.query_one("#name", Field).problem
        assert "site" in shown  # what was typed stays
        await pilot.press("f8")
        await until(pilot, "Correct what is marked")
        assert world.uploads == []


async def test_what_was_typed_is_in_the_plan_as_soon_as_the_field_is_left(
    fake: Callable[..., EdgeApp], tmp_path: Path
) -> None:
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "Enter chooses a version")
        await pilot.press("f7")
        await until(pilot, "F8 (or Enter")
        await pilot.press(*"model.pkl", "tab")
        await until(pilot, lambda: 'path = "model.pkl"' in (tmp_path / "plan.toml").read_text())
        assert app.session.plan.model.name == "model"  # proposed from the file's name
        await pilot.press("end", *"-2", "f2")  # leaving the screen leaves the field
        await until(pilot, lambda: 'name = "model-2"' in (tmp_path / "plan.toml").read_text())
        assert "Deploy a model" in text_of(app)


async def test_a_file_of_the_current_folder_is_meant_where_the_plan_lies_elsewhere(
    fake: Callable[..., EdgeApp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "other.pkl").write_bytes(b"another model")
    monkeypatch.chdir(tmp_path / "work")
    app = fake(CHOSEN)
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "Enter chooses a version")
        await pilot.press("f7")
        await until(pilot, "F8 (or Enter")
        await pilot.press(*"other.pkl", "tab")
        await until(pilot, lambda: app.session.plan.model.path == str(tmp_path / "work" / "other.pkl"))
        assert app.screen.query_one("#path", Field).problem == ""


async def test_registered_models_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    with on_sandbox.outside(sandbox.env, tmp_path / "home") as outside:
        async with outside.opened("model") as pilot:
            await until(pilot, "F8 (or Enter")
            await pilot.press("f7")
            await until(pilot, "Enter chooses a version")
            await pilot.press("enter")
            await until(pilot, " 3 Script")
            session = pilot.app.session  # type: ignore[attr-defined]
            assert session.plan.model.version is not None
            assert session.plan.model.path == ""


@pytest.mark.parametrize("tags", [{}, {"a": "b"}, {"a": "b, c", "d": 'e "f"'}, {"url": "x=y"}])
def test_tags_come_back_from_their_text(tags: dict[str, str]) -> None:
    text = format_tags(tags)
    assert check_tags(text) == ""
    assert parse_tags(text) == tags


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a", "key=value"), ("a=1, a=2", "twice"), ('"a=1', "double quotes"), ("=x", "key")],
)
def test_tags_that_cannot_be_read_say_why(text: str, problem: str) -> None:
    assert problem in check_tags(text)


async def test_a_name_that_cannot_be_is_marked_when_the_form_opens(fake: Callable[..., EdgeApp]) -> None:
    app = fake(FORM.replace('"pump"', '"-pump"'))
    async with app.run_test() as pilot:
        await until(pilot, "Enter opens a step")
        await pilot.press("2")
        await until(pilot, "✗ begin the name with a letter or a digit")
