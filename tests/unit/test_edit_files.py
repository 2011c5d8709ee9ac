"""Editing script, environment and sample: nothing is lost, also not what another program wrote meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.core.errors import EdgeError
from edgetui.core.plan import Model, Plan, Scoring
from edgetui.core.ports import Ports
from edgetui.jobs import edit_files


class OnlyFiles:
    """The one port that these jobs use: the real one, on the disk."""

    def __init__(self, state: Path) -> None:
        self.files = LocalFiles(state)


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return cast("Ports", OnlyFiles(tmp_path / "state"))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "plan"
    folder.mkdir()
    return Plan(scoring=Scoring("score.py", "env/myenv.yml", "sample.json"), folder=str(folder))


def test_a_file_is_read_as_it_is_and_a_missing_one_is_told(plan: Plan, ports: Ports) -> None:
    Path(plan.folder, "score.py").write_bytes(b"a\r\nb")
    assert edit_files.read(plan, ports, "script").text == "a\r\nb"
    assert edit_files.read(plan, ports, "environment").missing
    assert edit_files.read(Plan(), ports, "sample") == edit_files.Opened("sample", "")


def test_a_file_that_cannot_be_read_says_why(plan: Plan, ports: Ports) -> None:
    Path(plan.folder, "score.py").write_bytes(b"\x80\x81")
    error = edit_files.read(plan, ports, "script").error
    assert error is not None
    assert error.field == "scoring.script"


def test_saving_makes_the_file_and_its_folder(plan: Plan, ports: Ports) -> None:
    path = str(Path(plan.folder, "env", "myenv.yml"))
    saved = edit_files.save(ports, "environment", path, "name: x\n", "")
    assert Path(path).read_text() == "name: x\n"
    assert saved.kept == ""


def test_what_another_program_wrote_is_kept_beside_it(plan: Plan, ports: Ports) -> None:
    path = Path(plan.folder, "score.py")
    for other in ("theirs", "theirs again"):
        path.write_text(other)
        saved = edit_files.save(ports, "script", str(path), "mine", "as opened")
        assert path.read_text() == "mine"
        assert Path(saved.kept).read_text() == other
    assert sorted(p.name for p in path.parent.iterdir()) == ["score.py", "score.py.other", "score.py.other2"]


def test_saving_the_same_text_again_is_no_conflict(plan: Plan, ports: Ports) -> None:
    path = Path(plan.folder, "score.py")
    path.write_text("same")
    assert edit_files.save(ports, "script", str(path), "same", "before").kept == ""


def test_a_folder_in_the_files_place_is_an_error_with_a_field(plan: Plan, ports: Ports) -> None:
    path = Path(plan.folder, "score.py")
    path.mkdir()
    with pytest.raises(EdgeError) as caught:
        edit_files.save(ports, "script", str(path), "x", "")
    assert caught.value.field == "scoring.script"


def test_it_can_be_asked_first_and_nothing_is_written_then(plan: Plan, ports: Ports) -> None:
    path = Path(plan.folder, "score.py")
    path.write_text("theirs")
    asked = edit_files.save_or_ask(ports, "script", str(path), "mine", "as opened")
    assert asked == edit_files.Conflict("script", str(path), "mine", "theirs")
    assert path.read_text() == "theirs"
    assert edit_files.save_or_ask(ports, "script", str(path), "mine", "theirs") == edit_files.Saved(
        "script", str(path), "mine"
    )
    assert path.read_text() == "mine"


def test_what_other_programs_did_since_is_noticed(plan: Plan, ports: Ports) -> None:
    path = Path(plan.folder, "score.py")
    path.write_text("one")
    opened = [edit_files.read(plan, ports, name) for name in edit_files.NAMES]
    assert edit_files.changed(ports, opened) == []
    path.write_text("two")
    Path(plan.folder, "sample.json").write_text("{}")
    assert [(now.name, then.text, now.text) for then, now in edit_files.changed(ports, opened)] == [
        ("script", "one", "two"),
        ("sample", "", "{}"),
    ]
    path.unlink()
    assert edit_files.changed(ports, opened[:1])[0][1].missing


def test_a_template_fits_the_model_and_leaves_what_is_there(plan: Plan, ports: Ports) -> None:
    Path(plan.folder, "score.py").write_text("mine")
    named = msgspec.structs.replace(plan, model=Model("pump", "anomaly.onnx"))
    begun = edit_files.start_from(named, ports, "onnx")
    assert begun.made == ("environment", "sample")
    assert 'MODEL = "anomaly.onnx"' in begun.texts["script"]
    assert Path(plan.folder, "score.py").read_text() == "mine"
    with pytest.raises(EdgeError) as refused:
        edit_files.start_from(named, ports, "cobol")
    assert "Choose one of" in refused.value.remedy


def test_the_example_fills_what_is_missing_and_nothing_else(plan: Plan, ports: Ports) -> None:
    Path(plan.folder, "score.py").write_text("mine")
    assert edit_files.start_from(plan, ports, edit_files.EXAMPLE).made == ("environment", "sample")
    assert Path(plan.folder, "score.py").read_text() == "mine"
    assert "scikit-learn" in Path(plan.folder, "env", "myenv.yml").read_text()
    assert edit_files.start_from(plan, ports, edit_files.EXAMPLE).made == ()


@pytest.mark.parametrize(
    ("path", "free"),
    [
        ("sample.json", "sample-2.json"),
        ("sample-2.json", "sample-3.json"),
        ("a.b/sample", "a.b/sample-2"),
        ("more/sample-7.tar.gz", "more/sample-7.tar-2.gz"),
    ],
)
def test_a_copy_gets_the_next_free_name(plan: Plan, ports: Ports, path: str, free: str) -> None:
    assert edit_files.free_name(plan, ports, path, [path]) == free
    Path(plan.folder, free).parent.mkdir(parents=True, exist_ok=True)
    Path(plan.folder, free).write_text("{}")
    assert edit_files.free_name(plan, ports, path, [path]) not in {path, free}
