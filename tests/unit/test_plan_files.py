import os
import stat
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetui.adapters.files import plan_reading, plan_writing
from edgetui.adapters.files.plan_files import TomlPlanFiles
from edgetui.core.errors import EdgeError
from edgetui.core.models import THIS_RUN_ONLY
from edgetui.core.plan import Hub, Image, Model, Module, Plan, Registry, Scoring, Target, Workspace
from edgetui.core.results import DeviceOutcome, Results

BY_HAND = """\
# Line 1, hall B
[workspace]            # the lab's
config = "config.json"
[model]
name = 'pump-anomaly'  # as registered
path = "model.pkl"
tags = { site = "lab" }

[scoring]
script = "score.py"
environment = "myenv.yml"
[image]
tag = "auto"           # said although it is the default
[[target]]
devices = [
  "line1-gateway",     # the live one
  "line2-gateway",
]
[module.env]
LEVEL = "debug"
[module.create_options.HostConfig.PortBindings]
"5001/tcp" = [{ HostPort = "5055" }]
"""


@pytest.fixture
def plans(tmp_path: Path) -> TomlPlanFiles:
    return TomlPlanFiles(tmp_path / "state")


def change(plan: Plan, **sections: dict[str, Any]) -> Plan:
    parts = {name: msgspec.structs.replace(getattr(plan, name), **values) for name, values in sections.items()}
    return msgspec.structs.replace(plan, **parts)


# Reading


def test_a_plan_written_by_hand_is_read(plans: TomlPlanFiles, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(BY_HAND)
    plan = plans.load(str(tmp_path / "plan.toml"))
    assert plan == Plan(
        workspace=Workspace(config="config.json"),
        model=Model(name="pump-anomaly", path="model.pkl", tags={"site": "lab"}),
        scoring=Scoring(script="score.py", environment="myenv.yml"),
        target=(Target(devices=("line1-gateway", "line2-gateway")),),
        module=Module(
            env={"LEVEL": "debug"},
            create_options={"HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": "5055"}]}}},
        ),
        folder=str(tmp_path),
        file="plan.toml",
    )


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ('[model]\n\nnmae = "x"', 3, "model.nmae", "Did you mean model.name?"),
        ('script = "score.py"', 1, "script", "Did you mean scoring.script?"),
        ('[hub]\nname = "a"\n[modul]\nname = "x"', 3, "modul", "Did you mean module?"),
        ('folder = "/"', 1, "folder", "Remove it"),
        ('[registry]\npassword = "hunter2"', 2, "registry.password", "Secrets never stand in a plan"),
        ("[model]\nname = 3", 2, "model.name", "must be a text"),
        ('[model]\nversion = "3"', 2, "model.version", "without quotes"),
        ('[image]\n# fast\nbuilder = "podman"', 3, "image.builder", "azureml, acr, docker"),
        ('[target]\ndevices = ["a"]', 1, "target", "[[target]]"),
        ('[[target]]\ndevices = ["a"]\n[[target]]\ndevices = "b"', 4, "target[1].devices", "list of texts"),
        ("[[target]]\n[[target]]\npriority = 1.5", 3, "target[1].priority", "whole number"),
        ("[module.env]\nA = 1\nB = [1]", 3, "module.env.B", "must be"),
        ('[module]\nenv = { A = 1, "x" = 1979-01-01 }', 2, "module.env.x", "must be"),
        ("model.name = 3", 1, "model.name", "must be a text"),
        ('[scoring]\n"script" = 3', 2, "scoring.script", "must be a text"),
        ("model = 3", 1, "model", "[section]"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_key(text: str, line: int, field: str, words: str) -> None:
    with pytest.raises(EdgeError) as caught:
        plan_reading.read(text, "/p/plan.toml")
    error = caught.value
    assert error.title.startswith(f"/p/plan.toml:{line}: ")
    assert (error.field, error.kind) == (field, "input")
    assert words in f"{error.title} {error.remedy}"
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[model]\nname =", 2),
        ("[model]\n[hub]\n[model]", 3),
        ('[hub]\nname = "a"\nname = "b"', 3),
        ("[hub]\nname = a", 2),
        ("x", 1),
    ],
)
def test_broken_toml_is_named_with_its_line(text: str, line: int) -> None:
    with pytest.raises(EdgeError, match="this is not TOML") as caught:
        plan_reading.read(text, "plan.toml")
    assert caught.value.title.startswith(f"plan.toml:{line}: ")
    assert caught.value.detail
    assert caught.value.remedy


def test_a_missing_plan_and_a_folder_are_told(plans: TomlPlanFiles, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="There is no plan"):
        plans.load(str(tmp_path / "none.toml"))
    with pytest.raises(EdgeError, match="is a folder"):
        plans.load(str(tmp_path))


# Writing


def test_an_unchanged_plan_leaves_the_file_to_the_byte(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    for content in (BY_HAND.encode(), BY_HAND.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + BY_HAND.encode()):
        path.write_bytes(content)
        plans.save(str(path), plans.load(str(path)))
        assert path.read_bytes().removeprefix(b"\xef\xbb\xbf") == content.removeprefix(b"\xef\xbb\xbf")


def test_only_the_changed_line_changes(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(BY_HAND)
    path.chmod(0o640)
    plans.save(
        str(path), change(plans.load(str(path)), model={"path": "better.pkl"}, module={"env": {"LEVEL": "info"}})
    )
    assert path.read_text() == BY_HAND.replace("model.pkl", "better.pkl").replace('"debug"', '"info"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_comments_stay_when_much_changes(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(BY_HAND)
    plan = change(
        plans.load(str(path)),
        workspace={"config": "", "subscription": "s", "resource_group": "r", "name": "n"},
        model={"path": "", "version": 3, "tags": {}},
        hub={"name": "edge-hub"},
    )
    plan = msgspec.structs.replace(
        plan, target=(Target(devices=("line1-gateway",)), Target(condition="tags.a='b'", priority=3))
    )
    plans.save(str(path), plan)
    assert plans.load(str(path)) == plan
    text = path.read_text()
    for comment in ("# Line 1, hall B", "# the lab's", "# as registered", "# said although it is the default"):
        assert comment in text


def test_only_answers_are_written(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    plans.save(str(path), Plan(model=Model(name="pump"), image=Image(builder="azureml"), folder=str(tmp_path)))
    assert path.read_text() == '[model]\nname = "pump"\n'


def test_a_plan_that_moves_still_names_the_same_files(plans: TomlPlanFiles, tmp_path: Path) -> None:
    plan = Plan(model=Model(name="m", path="m.pkl"), scoring=Scoring(script="/s.py"), folder=str(tmp_path / "a"))
    plans.save(str(tmp_path / "plan.toml"), plan)
    moved = plans.load(str(tmp_path / "plan.toml"))
    assert (moved.model.path, moved.scoring.script, moved.folder) == (str(Path("a/m.pkl")), "/s.py", str(tmp_path))
    plans.save(str(tmp_path / "b" / "plan.toml"), moved)
    assert plans.load(str(tmp_path / "b" / "plan.toml")).model.path == str(tmp_path / "a" / "m.pkl")


def test_a_file_broken_by_hand_is_not_overwritten(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[model\n")
    with pytest.raises(EdgeError, match="was not overwritten"):
        plans.save(str(path), Plan())
    assert path.read_text() == "[model\n"


def test_null_cannot_stand_in_a_plan(plans: TomlPlanFiles, tmp_path: Path) -> None:
    with pytest.raises(EdgeError) as caught:
        plans.save(str(tmp_path / "p.toml"), Plan(module=Module(create_options={"HostConfig": {"Init": None}})))
    assert caught.value.field == "module.create_options.HostConfig.Init"


# Round trips

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.one_of(
    st.text(string.ascii_letters + "-_.$/ ", min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)
numbers = st.integers(-(2**53), 2**53)
scalars = st.one_of(words, numbers, st.booleans(), st.floats(allow_nan=False))
trees = st.dictionaries(
    keys,
    st.recursive(scalars, lambda t: st.lists(t, max_size=3) | st.dictionaries(keys, t, max_size=3), max_leaves=6),
    max_size=3,
)
maybe = st.none() | st.integers(0, 1000)
plan_values = st.builds(
    Plan,
    workspace=st.builds(Workspace, words, words, words, words),
    model=st.builds(Model, words, words, maybe, words, st.dictionaries(keys, words, max_size=3)),
    scoring=st.builds(Scoring, words, words, words, words),
    image=st.builds(Image, st.sampled_from(["azureml", "acr", "docker"]), words, words, words),
    registry=st.builds(Registry, st.sampled_from(["token", "admin", "service-principal"])),
    hub=st.builds(Hub, words),
    target=st.lists(st.builds(Target, st.lists(words, max_size=3).map(tuple), words, maybe), max_size=3).map(tuple),
    module=st.builds(
        Module,
        words,
        st.dictionaries(keys, scalars, max_size=3),
        trees,
        st.sampled_from(["never", "on-failure", "on-unhealthy", "always"]),
        maybe,
        st.dictionaries(keys, words, max_size=2),
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan_values)
def test_any_plan_comes_back_from_toml(plan: Plan) -> None:
    assert plan_reading.read(plan_writing.write(plan), "p") == plan


def test_a_setting_beside_a_true_or_false_one_changes() -> None:
    before = "[module]\ncreate_options = {HostConfig = {Privileged = false, Memory = 1}}  # small\n"
    options = {"HostConfig": {"Privileged": False, "Memory": 2}}
    after = plan_writing.write(Plan(module=Module(create_options=options)), before)
    assert after == before.replace("Memory = 1", "Memory = 2")
    options["HostConfig"]["Privileged"] = True
    after = plan_writing.write(Plan(module=Module(create_options=options)), before)
    assert after == before.replace("false, Memory = 1", "true, Memory = 2")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan_values, plan_values)
def test_any_plan_can_be_written_over_any_other(old: Plan, new: Plan) -> None:
    assert plan_reading.read(plan_writing.write(new, plan_writing.write(old)), "p") == new


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan_values)
def test_any_plan_can_be_written_over_one_by_hand(plan: Plan) -> None:
    text = plan_writing.write(plan, BY_HAND)
    assert plan_reading.read(text, "p") == plan


# Results


RESULTS = Results(
    model="pump:3",
    image="r.azurecr.io/pump:1",
    credential="vault:acr/r.azurecr.io",
    credential_user="r",
    credential_kept_in="OS keyring (Secret Service)",
    devices={"d": DeviceOutcome("running", answered=True, prediction=[1, 2])},
)


def test_results_are_kept_for_each_plan(plans: TomlPlanFiles, tmp_path: Path) -> None:
    one, other = str(tmp_path / "a.toml"), str(tmp_path / "b.toml")
    plans.save_results(one, RESULTS)
    assert TomlPlanFiles(tmp_path / "state").load_results(one) == RESULTS
    assert plans.load_results(other) == Results()
    kept = list((tmp_path / "state" / "results").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in kept] == [0o600]


def test_what_was_done_in_one_world_is_not_done_in_another(plans: TomlPlanFiles, tmp_path: Path) -> None:
    plan, state = str(tmp_path / "a.toml"), tmp_path / "state"
    sandbox = TomlPlanFiles(state, "sandbox-happy")
    sandbox.save_results(plan, RESULTS)
    assert plans.load_results(plan) == TomlPlanFiles(state, "sandbox-denied").load_results(plan) == Results()
    assert TomlPlanFiles(state, "sandbox-happy").load_results(plan) == RESULTS
    # It is still one file, that one process at a time carries out.
    with plans.owned(plan), pytest.raises(EdgeError, match="Another edgetui"), sandbox.owned(plan):
        pass


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"errors": "many"}', b"null"])
def test_damaged_results_are_set_aside(plans: TomlPlanFiles, tmp_path: Path, damage: bytes) -> None:
    path = str(tmp_path / "a.toml")
    plans.save_results(path, RESULTS)
    (file,) = (tmp_path / "state" / "results").iterdir()
    file.write_bytes(damage)
    assert plans.load_results(path) == Results()
    assert file.with_suffix(".damaged").read_bytes() == damage
    plans.save_results(path, RESULTS)
    assert plans.load_results(path) == RESULTS


def test_a_credential_of_this_run_only_is_gone_in_the_next(plans: TomlPlanFiles, tmp_path: Path) -> None:
    path = str(tmp_path / "a.toml")
    results = msgspec.structs.replace(RESULTS, credential_kept_in=THIS_RUN_ONLY)
    plans.save_results(path, results)
    assert plans.load_results(path) == results
    script = (
        "import sys, pathlib\n"
        "from edgetui.adapters.files.plan_files import TomlPlanFiles\n"
        "print(TomlPlanFiles(pathlib.Path(sys.argv[1])).load_results(sys.argv[2]))"
    )
    after = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "state"), path], capture_output=True, text=True, check=True
    ).stdout
    assert "model='pump:3'" in after
    assert "credential=''" in after
    assert "credential_kept_in=''" in after
    plans.save_results(path, RESULTS)
    assert plans.load_results(path) == RESULTS


def test_the_recent_plans_are_those_saved_last_and_say_where_a_file_is_gone(
    plans: TomlPlanFiles, tmp_path: Path
) -> None:
    assert plans.recent() == []
    first = plans.new()
    plans.save(first, Plan(model=Model("pump")))
    second = plans.new()
    assert Path(second).parent != Path(first).parent  # else the score.py of one would be the other's, too
    plans.save(second, Plan())
    now = TomlPlanFiles(tmp_path / "state").recent()
    assert [(one.path, one.name) for one in now] == [(second, ""), (first, "pump")]
    assert now[0].saved == Path(second).stat().st_mtime
    plans.save(first, Plan(model=Model("pump-2")))
    Path(second).unlink()
    assert [(one.path, one.name, one.saved > 0) for one in plans.recent()] == [
        (first, "pump-2", True),
        (second, "", False),
    ]


def test_a_list_of_recent_plans_that_is_damaged_is_begun_anew(plans: TomlPlanFiles, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b"/p\xff.toml")
    plans.save(odd, Plan())
    assert [one.path for one in plans.recent()] == [odd]
    (tmp_path / "state/recent-plans.json").write_text("[[1]]")
    assert plans.recent() == []
    plans.save(odd, Plan(model=Model("x")))
    assert [one.name for one in plans.recent()] == ["x"]


def test_a_plan_is_carried_out_by_one_process_at_a_time(tmp_path: Path) -> None:
    mine, other = TomlPlanFiles(tmp_path / "state"), TomlPlanFiles(tmp_path / "state")
    plan = str(tmp_path / "plan.toml")
    with mine.owned(plan):
        with pytest.raises(EdgeError, match="Another edgetui is carrying out") as caught, other.owned(plan):
            pass
        with other.owned(str(tmp_path / "another.toml")):
            pass
    assert caught.value.retryable
    with other.owned(plan):
        pass


def test_what_another_program_wrote_meanwhile_is_not_overwritten_unasked(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    mine = TomlPlanFiles(tmp_path / "state")
    mine.save(str(file), Plan(hub=Hub("one")))
    TomlPlanFiles(tmp_path / "state").save(str(file), Plan(hub=Hub("theirs")))
    with pytest.raises(EdgeError, match="was changed by another program") as caught:
        mine.save(str(file), Plan(hub=Hub("mine")))
    assert caught.value.retryable
    assert mine.load(str(file)).hub.name == "theirs"
    mine.save(str(file), Plan(hub=Hub("mine")))
    assert mine.load(str(file)).hub.name == "mine"


def test_a_second_try_overwrites_what_another_program_wrote(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    mine = TomlPlanFiles(tmp_path / "state")
    mine.save(str(file), Plan(hub=Hub("one")))
    file.write_text('[hub]\nname = "by hand"\n')
    with pytest.raises(EdgeError, match="changed by another program"):
        mine.save(str(file), Plan(hub=Hub("mine")))
    mine.save(str(file), Plan(hub=Hub("mine")))
    assert TomlPlanFiles(tmp_path / "state").load(str(file)).hub.name == "mine"
