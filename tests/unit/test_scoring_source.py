"""A script's bytes are read as Python reads them; where they are no text, the line is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from edgetui.adapters.files.local_files import LocalFiles
from edgetui.core.events import Checked
from edgetui.core.plan import Image, Scoring
from edgetui.core.scoring import source
from edgetui.jobs import check
from tests.unit import memory_ports

IMAGE = Image()
SCRIPT = "import json\n\n\ndef init():\n    print('Größe')\n\n\ndef run(raw_data):\n    return json.loads(raw_data)\n"


@pytest.mark.parametrize(
    "data",
    [
        SCRIPT.encode(),
        b"\xef\xbb\xbf" + SCRIPT.encode(),
        ("# coding: latin-1\n" + SCRIPT).encode("latin-1"),
        ("#!/usr/bin/env python\n# -*- coding: cp1252 -*-\n" + SCRIPT).encode("cp1252"),
        ("\n\n# coding: latin-1\n" + SCRIPT).encode(),  # the third line names nothing
    ],
)
def test_what_python_reads(data: bytes) -> None:
    text = source.decode("score.py", data)
    assert text.endswith(SCRIPT)
    assert not text.startswith("\ufeff")
    compile(data, "score.py", "exec")


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (SCRIPT.encode("latin-1"), 5, "0xf6 is not UTF-8"),
        (b"# \xf6\n" + SCRIPT.encode("latin-1"), 1, "0xf6 is not UTF-8"),
        (("# coding: utf-8\n" + SCRIPT).encode("latin-1"), 6, "0xf6 is not UTF-8"),
        (("# coding: ascii\n" + SCRIPT).encode(), 6, "0xc3 is not ascii"),
        (("# coding: klingon\n" + SCRIPT).encode(), 1, "klingon"),
        (SCRIPT.encode("utf-16"), 0, "UTF-16"),
    ],
)
def test_what_python_does_not_read(data: bytes, line: int, word: str) -> None:
    with pytest.raises(source.UnreadableError) as wrong:
        source.decode("score.py", data)
    problem = wrong.value.problem
    assert (problem.file, problem.line, problem.severity, problem.rule) == ("score.py", line, "error", "encoding")
    assert word in problem.message
    with pytest.raises((SyntaxError, ValueError)):
        compile(data, "score.py", "exec")


def found(folder: Path, image: Image = IMAGE) -> list[tuple[str, int]]:
    """What a check says of the script in a real folder."""
    ports = dataclasses.replace(memory_ports.World().ports(), files=LocalFiles(folder / "state"))
    plan = memory_ports.plan(str(folder))
    plan = msgspec.structs.replace(plan, image=image, scoring=Scoring("score.py", "myenv.yml"))
    *_, last = check.check(plan, ports)
    assert isinstance(last, Checked)
    return [(one.rule, one.line) for one in last.problems if one.file == "score.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "score.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "myenv.yml").write_text(memory_ports.ENVIRONMENT, encoding="utf-8")
    return tmp_path


def test_a_check_reads_the_script_as_python_does(folder: Path) -> None:
    assert found(folder) == []
    (folder / "score.py").write_text("# coding: latin-1\n" + SCRIPT, encoding="latin-1")
    assert found(folder) == []
    (folder / "score.py").write_text(SCRIPT, encoding="latin-1")
    assert found(folder) == [("encoding", 5)]


def test_a_check_asks_the_folder_for_what_lies_beside_the_script(folder: Path) -> None:
    (folder / "score.py").write_text("import prep\n" + SCRIPT, encoding="utf-8")
    assert found(folder) == [("import-unknown", 1)]
    (folder / "prep.py").touch()
    assert found(folder) == [("sibling", 1)]
    assert found(folder, Image(builder="acr", context=".")) == []
    assert found(folder, Image(builder="azureml", context=".")) == [("sibling", 1)]


@pytest.mark.parametrize("kind", ["file", "folder", "nothing"])
def test_only_a_model_that_is_a_file_has_a_name_to_load(folder: Path, kind: str) -> None:
    load = SCRIPT.replace("import json", "import json, os\nNAME = 'pump.pkl'")
    (folder / "score.py").write_text(load, encoding="utf-8")
    if kind == "file":
        (folder / "model.pkl").write_bytes(b"N.")
    elif kind == "folder":
        (folder / "model.pkl").mkdir()
        (folder / "model.pkl/pump.pkl").write_bytes(b"N.")
    assert found(folder) == ([("model-name", 2)] if kind == "file" else [])


def test_the_environments_python_is_asked(folder: Path) -> None:
    text = "def init():\n    pass\n\n\ndef run(raw_data):\n    match raw_data:\n        case _:\n            return 1\n"
    (folder / "score.py").write_text(text, encoding="utf-8")
    assert found(folder) == []
    old = memory_ports.ENVIRONMENT.replace("python=3.11", "python=3.9")
    (folder / "myenv.yml").write_text(old, encoding="utf-8")
    assert found(folder) == [("syntax", 6)]


def test_only_what_really_goes_in_beside_the_script_is_found_there(folder: Path) -> None:
    context = Image(builder="acr", context=".")
    read = SCRIPT.replace("import json", "import json, helper, kit, prep\nLIMITS = open('data/limits.json')")
    (folder / "score.py").write_text(read, encoding="utf-8")
    for name in ("helper.py", "kit/words.py", "data/limits.json", "prep.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert {("sibling", 1), ("relative-path", 2)} <= set(found(folder))
    assert found(folder, context) == []
    (folder / ".dockerignore").write_text("prep.py\ndata\n")
    assert found(folder, context) == [("relative-path", 2), ("sibling", 1)]
    # Modules are imported from the top of the folder, not from where the script lies in it.
    (folder / "score.py").write_text("import helper\n" + SCRIPT, encoding="utf-8")
    assert found(folder, Image(builder="acr", context="kit")) == [("sibling", 1)]
    (folder / "kit" / "helper.py").touch()
    assert found(folder, Image(builder="acr", context="kit")) == []
