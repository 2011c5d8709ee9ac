"""The folder that goes in beside the script: one rule for the build and for the fingerprint, so that neither knows a file alone."""

from __future__ import annotations

import dataclasses
import itertools
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from docker.utils.build import PatternMatcher

from edgetui.adapters.builders import build_context
from edgetui.adapters.files import context_folder
from edgetui.adapters.files.local_files import LocalFiles
from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.core.cancel import Cancellation, using
from edgetui.core.context_files import Rule, entry
from edgetui.core.errors import EdgeError
from edgetui.core.models import BuildRequest
from edgetui.core.plan import Image, Plan
from edgetui.jobs import check, fingerprints, resources
from tests.unit import memory_ports
from tests.unit.test_dockerfile import request_

__all__ = ["request_"]

CONTEXT = Image(builder="acr", context=".")
LINES = (
    *(
        "data",
        "/data/",
        "*.csv",
        "**/*.csv",
        "data/*",
        "data/**",
        "**/deep",
        "d?ta",
        "[a-d]*",
        "lib/deep/../x.py",
        "**",
    ),
    *("!data/keep.csv", "!**/keep.csv", "!lib", "!data/deep", "!lib/*.py", "!*", "*", "a.b", "lib/**/x.py"),
)
NAMES = ("data/keep.csv", "data/big.csv", "data/deep/keep.csv", "lib/x.py", "lib/deep/x.py", "top.csv", "axb", "a.b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan's folder that is its own context, with a helper module and a data file in it."""
    root = tmp_path / "plan"
    root.mkdir()
    wanted = memory_ports.plan("")
    TomlPlanFiles(tmp_path / "state").save(str(root / "pump.toml"), msgspec.structs.replace(wanted, image=CONTEXT))
    for name, text in memory_ports.World().files.items():
        (root / Path(name).name).write_text(text)
    for name in ("helper.py", "data/limits.json"):
        put(root, name)
    return root


def put(root: Path, name: str, text: str = "x") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def plan_of(folder: Path) -> Plan:
    return TomlPlanFiles(folder.parent / "state").load(str(folder / "pump.toml"))


def names(folder: Path, without: tuple[str, ...] = ()) -> list[str]:
    return [name for name, _ in context_folder.files(str(folder), without)]


def beside(folder: Path) -> list[str]:
    """What goes in with the plan's context."""
    return names(folder, resources.not_in_context(plan_of(folder)))


@pytest.fixture
def fingerprint(folder: Path) -> Callable[[], str]:
    files = LocalFiles(folder.parent / "state")
    ports = dataclasses.replace(memory_ports.World().ports(), files=files)
    return lambda: fingerprints.image_inputs(plan_of(folder), "pump:1", ports)


def refused(folder: Path) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        names(folder)
    assert (caught.value.kind, caught.value.field) == ("input", "image.context")
    assert caught.value.remedy
    return caught.value


# -- a .dockerignore ----------------------------------------------------------------------------------------------------------


def test_lines_are_read_as_docker_reads_them() -> None:
    for lines in [*itertools.permutations(LINES, 2), *((one,) for one in LINES)]:
        docker, rule = PatternMatcher(list(lines)), Rule("\n".join(lines))
        for name in NAMES:
            parents = [str(one) for one in Path(name).parents][-2::-1]
            # Docker's client for Python does not ask about what lies below a folder that it left out.
            below = any(map(docker.matches, parents)) and not any("!" in one for one in lines)
            assert rule.takes(name) != (docker.matches(name) or below), (name, lines)
            assert not rule.takes(name) or all(map(rule.enters, parents)), (name, lines)


def test_comments_empty_lines_and_the_mark_of_an_editor_are_no_patterns() -> None:
    rule = Rule("\ufeff# data\n\n  \n.\n!\n\\#odd\n")
    assert rule.takes("data")
    assert not rule.takes("#odd")


@pytest.mark.parametrize("line", ["data/[a", "[z-a]"])
def test_a_line_that_is_no_pattern_is_told(folder: Path, line: str) -> None:
    put(folder, ".dockerignore", f"# one\n{line}\n")
    assert f".dockerignore:2: {line!r} is no pattern" in refused(folder).title


def test_a_folder_that_is_left_out_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("big/deep/a", "data/deep/a", "data/keep/a", ".git/objects/a"):
        put(tmp_path, name)
    put(tmp_path, ".dockerignore", "big\ndata\n!data/keep/*\n!**/HEAD\n")
    seen: list[str] = []
    scandir = os.scandir

    def looked(path: Path) -> object:
        seen.append(path.relative_to(tmp_path).as_posix())
        return scandir(path)

    put(tmp_path, ".dockerignore", "big\ndata\n!data/keep/*\n")
    monkeypatch.setattr(os, "scandir", looked)
    assert names(tmp_path) == ["data/keep/a"]
    assert seen == [".", "data", "data/keep"]


# -- what never belongs there --------------------------------------------------------------------------------------------------


LEFT_OUT = (
    *(
        ".git/config",
        "sub/.hg/x",
        "__pycache__/helper.cpython-311.pyc",
        "sub/__pycache__/a.pyc",
        ".env",
        "sub/.env.local",
    ),
    *("helper.py~", ".score.py.swp", "#score.py#", ".idea/x.xml", ".vscode/settings.json", ".DS_Store", "Dockerfile"),
    *("own/lib/site.py", ".pytest_cache/x", "model.pkl", "pump.toml"),
)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_never_belongs_there_is_left_out_and_makes_no_image_stale(
    folder: Path, fingerprint: Callable[[], str], name: str
) -> None:
    put(folder, "own/pyvenv.cfg", "home = /usr/bin")
    before, known = fingerprint(), beside(folder)
    assert known == ["data/limits.json", "helper.py", "myenv.yml", "sample.json", "score.py"]
    if name not in {"pump.toml", "model.pkl"}:
        put(folder, name)
    elif name == "pump.toml":
        put(folder, name, (folder / name).read_text() + "\n# noted after a step\n")
    else:
        put(folder, name, "another model, which the version of the registered one tells")
    assert (fingerprint(), beside(folder)) == (before, known)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("!.env", ".env"),
        ("!**/.env.*", "sub/.env.local"),
        ("!own", "own/lib/site.py"),
        ("!model.pkl", "model.pkl"),
        ("!*.toml", "pump.toml"),
        ("!**/__pycache__", "sub/__pycache__/a.pyc"),
        ("!Dockerfile", "Dockerfile"),
    ],
)
def test_a_line_of_its_own_brings_one_back(folder: Path, line: str, name: str) -> None:
    put(folder, "own/pyvenv.cfg")
    put(folder, name, (folder / name).read_text() if (folder / name).exists() else "x")
    assert name not in beside(folder)
    put(folder, ".dockerignore", f"{line}\n")
    assert name in beside(folder)


@pytest.mark.parametrize("lines", ["*\n!lib\n", "*\n!lib/**\n", "*\n!**/*.py\n", "*\n!*\n"])
def test_a_list_of_what_goes_in_does_not_mean_what_never_should(tmp_path: Path, lines: str) -> None:
    for name in (
        "lib/a.py",
        "lib/__pycache__/a.py",
        "lib/.env",
        "lib/own/pyvenv.cfg",
        "lib/own/b.py",
        "lib/.git/hook.py",
    ):
        put(tmp_path, name)
    put(tmp_path, ".dockerignore", lines)
    assert names(tmp_path) == ["lib/a.py"]


def test_a_model_in_there_is_left_out_by_any_way_to_it_but_not_a_context_in_a_model(tmp_path: Path) -> None:
    for name in ("app/a.py", "app/weights/w.bin", "app/sub/b.py"):
        put(tmp_path, name)
    (tmp_path / "link").symlink_to(tmp_path / "app")
    for without in ("app/weights", "app/sub/../weights", "link/weights"):
        assert names(tmp_path / "app", (str(tmp_path / without),)) == ["a.py", "sub/b.py"]
    assert names(tmp_path / "app/sub", (str(tmp_path / "app"),)) == ["b.py"]
    assert names(tmp_path / "app/sub", (str(tmp_path / "app/sub"),)) == ["b.py"]


# -- build and fingerprint ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["content", "name", "program", "new", "gone"])
def test_a_change_of_what_goes_in_makes_another_image(
    folder: Path, fingerprint: Callable[[], str], change: str
) -> None:
    before, helper = fingerprint(), folder / "helper.py"
    if change == "content":
        helper.write_text("another")
    elif change == "name":
        helper.rename(folder / "helpers.py")
    elif change == "program":
        helper.chmod(0o755)
    elif change == "new":
        put(folder, "sub/new.txt")
    else:
        helper.unlink()
    assert fingerprint() != before


def test_what_dockerignore_keeps_out_makes_no_image_stale(folder: Path, fingerprint: Callable[[], str]) -> None:
    put(folder, ".dockerignore", "notes\n")
    before = fingerprint()
    put(folder, "notes/today.md")
    assert fingerprint() == before
    put(folder, ".dockerignore", "notes\n# a remark\n")
    assert fingerprint() == before
    put(folder, ".dockerignore", "")
    assert fingerprint() != before


def test_the_same_script_at_another_place_makes_another_image(folder: Path, fingerprint: Callable[[], str]) -> None:
    plans = TomlPlanFiles(folder.parent / "state")
    text = (folder / "score.py").read_text()
    found = set()
    for place in ("a/score.py", "b/score.py"):
        put(folder, place, text)
    for place in ("a/score.py", "b/score.py"):
        plan = plan_of(folder)
        scoring = msgspec.structs.replace(plan.scoring, script=place)
        plans.save(str(folder / "pump.toml"), msgspec.structs.replace(plan, scoring=scoring))
        found.add(fingerprint())
    assert len(found) == 2


def test_the_build_packs_the_very_files_of_the_fingerprint(
    folder: Path,
    request_: BuildRequest,
    tmp_path: Path,
) -> None:
    for name in LEFT_OUT[:-2]:
        put(folder, name)
    put(folder, "own/pyvenv.cfg")
    plan = plan_of(folder)
    wanted = msgspec.structs.replace(
        request_,
        script=str(folder / "score.py"),
        context=resources.context(plan),
        without=resources.not_in_context(plan),
    )
    with (tmp_path / "context.tar").open("wb") as to:
        build_context.write(build_context.recipe(wanted).image_context("base:1"), to, zipped=False)
    with tarfile.open(tmp_path / "context.tar") as archive:
        packed = [one.name.removeprefix("script/var/azureml-app/") for one in archive if one.isfile()]
    assert [name for name in packed if not name.startswith(("model/", "Dockerfile"))] == beside(folder)


@pytest.mark.parametrize(
    ("script", "place"),
    [("/p/score.py", "score.py"), ("/p/a/score.py", "a/score.py"), ("/q/score.py", "score.py"), ("/px/s.py", "s.py")],
)
def test_the_script_keeps_its_place_in_the_folder(script: str, place: str) -> None:
    assert entry(script, "/p/sub/..") == place
    assert entry(script, "") == Path(script).name


# -- what is wrong -------------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_used_is_told_before_the_build(folder: Path) -> None:
    ports = dataclasses.replace(memory_ports.World().ports(), files=LocalFiles(folder.parent / "state"))

    def told(context: str, builder: str = "acr") -> list[str]:
        image = msgspec.structs.replace(CONTEXT, context=context, builder=builder)
        plan = msgspec.structs.replace(plan_of(folder), image=image)
        return [f"{one.field}: {one.title}" for one in check.paths(plan, ports)]

    assert told(".") == []
    assert told("nowhere") == [f"image.context: {folder}/nowhere is no folder"]
    assert told("score.py") == [f"image.context: {folder}/score.py is a file, not a folder"]
    assert told("nowhere", "azureml") == []  # that builder takes none, which is told by itself
    (folder / ".dockerignore").write_bytes(b"\xff\xfe")
    assert told(".") == [f"image.context: {folder}/.dockerignore is not UTF-8"]


def test_looking_through_a_folder_can_be_stopped(folder: Path) -> None:
    stopped = Cancellation()
    stopped.cancel()
    with using(stopped), pytest.raises(EdgeError) as caught:
        names(folder)
    assert caught.value.kind == "cancelled"
