"""The jobs and the session, on ports in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edgetui.command_line import dry_run
from edgetui.core import events, steps
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import Deployed
from edgetui.core.plan import Hub, Model, Module, Plan, Scoring, Target, Workspace
from edgetui.core.results import Results
from edgetui.jobs import deploy, watch
from edgetui.jobs.run_plan import run_plan
from edgetui.jobs.session import Session
from tests.unit.memory_ports import LOGIN_SERVER, PASSWORD, World, plan

replace = msgspec.structs.replace


@pytest.fixture
def world() -> World:
    world = World()
    world.plans["/plan/plan.toml"] = plan()
    return world


@pytest.fixture
def session(world: World) -> Session:
    return Session(world.ports(), "/plan/plan.toml")


def run(session: Session, job: str, **options: object) -> list[events.Event]:
    return list(session.run(job, **options))


def failure(found: list[events.Event]) -> events.Failed:
    assert isinstance(found[-1], events.Failed), found
    return found[-1]


def test_the_whole_plan_ends_in_an_answer_from_the_device(world: World, session: Session) -> None:
    found = list(run_plan(session))
    last = found[-1]
    assert isinstance(last, events.Finished)
    assert last.ok
    assert last.model == "pump:1"
    assert last.image.startswith(f"{LOGIN_SERVER}/pump@sha256:")
    assert last.devices == {"d1": {"state": "running", "prediction": {"anomaly": [True]}}}
    assert [event.job for event in found if isinstance(event, events.Started)] == [
        "workspace",
        "script",
        "devices",
        "model",
        "image",
        "credentials",
        "deploy",
        "deploy",
    ]
    assert all(view.status is steps.Status.DONE for view in session.views())
    assert world.applied[0][1]["$edgeAgent"]["properties.desired"]["modules"]["pump"]["settings"]["image"] == last.image
    assert world.asked == ["http://d1:5001/score"]


def test_no_event_no_result_and_no_log_holds_the_password(world: World, session: Session) -> None:
    found = list(run_plan(session))
    said = b"\n".join(msgspec.json.encode(event) for event in found).decode()
    kept = msgspec.json.encode(session.results).decode() + json.dumps(world.logs) + repr(found) + repr(world.results)
    assert PASSWORD not in said + kept
    assert PASSWORD in json.dumps(world.applied)


def test_the_second_run_uses_again_what_is_there(world: World, session: Session) -> None:
    list(run_plan(session))
    found = list(run_plan(Session(world.ports(), "/plan/plan.toml")))
    assert len(world.models) == len(world.builds) == 1
    assert [event.reused for event in found if isinstance(event, (events.Registered, events.ImageBuilt))] == [
        True,
        True,
    ]
    assert isinstance(found[-1], events.Finished)
    assert found[-1].ok


def test_other_tags_or_another_file_make_a_new_version(world: World, session: Session) -> None:
    run(session, "model")
    session.edit(replace(session.plan, model=replace(session.plan.model, tags={"site": "lab"})))
    run(session, "model")
    world.files["/plan/model.pkl"] = "retrained"
    run(session, "model")
    run(session, "model")
    assert [one.version for one in world.models] == [1, 2, 3]


def test_an_image_that_is_gone_from_the_registry_is_built_again(world: World, session: Session) -> None:
    list(run_plan(session))
    world.images.clear()
    found = run(session, "image")
    assert len(world.builds) == 2
    assert isinstance(found[-1], events.ImageBuilt)
    assert not found[-1].reused


def test_every_line_of_the_build_is_on_disk(world: World, session: Session) -> None:
    run(session, "model")
    found = run(session, "image")
    assert list(world.logs.values()) == [["Step 1", "Step 2"]]
    assert isinstance(found[-1], events.ImageBuilt)
    assert found[-1].log.startswith("/state/logs/build-pump-")


def test_a_changed_script_makes_check_and_image_stale(world: World, session: Session) -> None:
    list(run_plan(session))
    world.files["/plan/score.py"] += "# more\n"
    session.refresh_inputs()
    stale = {view.step.id for view in session.views() if view.status is steps.Status.STALE}
    assert stale == {"script", "image", "deploy"}
    reasons = {view.step.id: view.stale for view in session.views()}
    assert reasons["script"] == "script or environment changed"
    assert reasons["image"] == "what goes into it changed"
    assert reasons["deploy"] == "4 Image is not up to date"
    assert reasons["model"] == ""


@pytest.mark.parametrize(("file", "step"), [("/plan/model.pkl", "model"), ("/plan/score.py", "script")])
def test_a_file_that_is_gone_makes_its_step_and_what_follows_outdated(
    world: World, session: Session, file: str, step: str
) -> None:
    list(run_plan(session))
    del world.files[file]
    session.refresh_inputs()
    views = {view.step.id: view for view in session.views()}
    assert views[step].status is steps.Status.STALE
    assert "cannot be read" in views[step].stale
    assert views["image"].status is views["deploy"].status is steps.Status.STALE


def test_another_platform_makes_the_image_outdated(session: Session) -> None:
    list(run_plan(session))
    session.edit(replace(session.plan, image=replace(session.plan.image, platform="linux/arm64")))
    session.refresh_inputs()
    assert {view.step.id for view in session.views() if view.status is steps.Status.STALE} == {"image", "deploy"}


def test_changed_settings_of_the_module_make_the_deployment_stale(session: Session) -> None:
    list(run_plan(session))
    session.edit(replace(session.plan, module=Module(env={"MODE": "fast"})))
    session.refresh_inputs()
    assert {view.step.id for view in session.views() if view.status is steps.Status.STALE} == {"deploy"}


def test_errors_in_the_script_stop_the_run_before_the_build(world: World, session: Session) -> None:
    world.files["/plan/score.py"] = "def init():\n    pass\n"
    found = list(run_plan(session))
    last = found[-1]
    assert isinstance(last, events.Finished)
    assert not last.ok
    assert "score.py: the script has no function `run`" in last.detail
    assert not world.builds
    failed = next(event for event in found if isinstance(event, events.Failed))
    assert (failed.field, failed.kind) == ("scoring.script", "input")


@pytest.mark.parametrize(
    ("changes", "field", "remedy"),
    [
        ({"workspace": Workspace()}, "workspace", "step 1"),
        ({"model": Model("bad name", "model.pkl")}, "model.name", "letters"),
        ({"model": Model("pump", "gone.pkl")}, "model.path", ""),
        ({"model": Model("pump", version=7)}, "model.name", "Choose one"),
        ({"scoring": Scoring("gone.py", "myenv.yml")}, "scoring.script", ""),
        ({"hub": Hub("other")}, "hub.name", "hub"),
        ({"target": ()}, "devices", "step 6"),
        ({"target": (Target(condition="*"), Target(devices=("d1",)))}, "target.condition", "devices"),
        ({"module": Module("no spaces")}, "module.name", "letters"),
    ],
)
def test_bad_answers_name_the_field(world: World, changes: dict[str, object], field: str, remedy: str) -> None:
    world.plans["/plan/plan.toml"] = replace(plan(), **changes)
    found = list(run_plan(Session(world.ports(), "/plan/plan.toml")))
    failed = next(event for event in found if isinstance(event, events.Failed))
    assert failed.field == field
    assert failed.kind == "input"
    assert remedy in failed.remedy
    assert not world.applied


def _taken_port() -> Deployed:
    options = json.dumps({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "5001"}]}}})
    return Deployed("d1", {"modules": {"web": {"settings": {"image": "x", "createOptions": options}}}}, {}, 1, 1)


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize(
    ("hub", "device", "field", "words"),
    [
        ("hubb", None, "hub.name", "no IoT Hub 'hubb'"),
        ("hub", None, "target.devices", "There is no device d1"),
        ("hub", _taken_port(), "module.create_options", "Port 5001/tcp of d1 is already bound by its module 'web'"),
    ],
)
def test_hub_devices_and_ports_are_looked_at_before_anything_is_built(
    world: World, hub: str, device: Deployed | None, field: str, words: str, dry: bool
) -> None:
    given = replace(plan(), hub=Hub(hub))
    world.plans["/plan/plan.toml"] = given
    if device is None:
        world.fail["hub.deployed.d1"] = bad_input("target.devices", "There is no device d1")
    else:
        world.devices["d1"] = device
    if dry:
        with pytest.raises(EdgeError) as caught:
            dry_run.run(given, Results(), world.ports(), lambda _: None)
        told = (caught.value.field, caught.value.kind, caught.value.title)
    else:
        failed = [one for one in run_plan(Session(world.ports(), "/plan/plan.toml")) if isinstance(one, events.Failed)]
        told = (failed[-1].field, failed[-1].kind, failed[-1].title)
    assert told[:2] == (field, "input")
    assert words in told[2]
    assert [world.models, world.builds, world.secrets, world.admin, world.applied] == [[], [], {}, False, []]


def test_a_device_of_another_processor_is_warned_of_before_the_build(world: World) -> None:
    runtime = {"runtime": {"platform": {"os": "linux", "architecture": "aarch64"}}}
    world.devices["d1"] = Deployed("d1", {}, {}, 1, 1, runtime, True)
    said = [event.text for event in deploy.look(plan(), world.ports()) if isinstance(event, events.Progress)]
    assert said == [
        "d1: warning: the device is arm64 and the image is amd64: it will not start there",
        "d1 of hub can take pump",
    ]


def test_the_admin_user_is_only_turned_on_when_asked(world: World, session: Session) -> None:
    failed = failure(run(session, "credentials"))
    assert failed.field == "registry.credential"
    assert not world.admin
    found = run(session, "credentials", enable_admin=True)
    assert world.admin
    assert isinstance(found[-1], events.CredentialStored)
    assert session.results.credential == f"vault:acr/{LOGIN_SERVER}"
    assert "credentials" not in session.failed


def test_a_credential_that_is_gone_says_so(world: World, session: Session) -> None:
    list(run_plan(session))
    world.secrets.clear()
    failed = failure(run(session, "preview"))
    assert failed.field == "registry.credential"
    assert "no longer stored" in failed.title


def test_the_review_says_what_changes_and_applies_nothing(world: World, session: Session) -> None:
    found = list(run_plan(session, until="preview"))
    preview = next(event for event in found if isinstance(event, events.Preview))
    assert preview.versions == (1, 1)
    assert any("modules.pump.settings.image" in line for line in preview.changes)
    assert not world.applied


def test_a_device_that_changed_since_the_review_is_left_alone(world: World, session: Session) -> None:
    list(run_plan(session, until="preview"))
    world.devices["d1"] = Deployed("d1", {"modules": {"new": {}}}, {}, 2, 1)
    failed = failure(run(session, "deploy", seen={"d1": (1, 1)}))
    assert "changed by somebody else" in failed.title
    assert not world.applied


def test_what_was_there_is_kept_without_its_secrets(world: World, session: Session) -> None:
    before = {
        "runtime": {"settings": {"registryCredentials": {"x": {"username": "u", "password": "old-pw", "address": "a"}}}}
    }
    world.devices["d1"] = Deployed("d1", before, {}, 6, 1, {}, True)
    list(run_plan(session))
    text = "\n".join(world.logs["before-d1-6.json"])
    assert json.loads(text)["$edgeAgent"]["runtime"]["settings"]["registryCredentials"]["x"]["username"] == "u"
    assert "old-pw" not in text


def test_several_devices_fail_and_answer_each_for_itself(world: World, session: Session) -> None:
    world.devices["d2"] = Deployed("d2", {}, {}, 1, 1, {}, True, {"simulated": True})
    session.edit(replace(session.plan, target=(Target(devices=("d1", "d2")),)))
    last = list(run_plan(session))[-1]
    assert isinstance(last, events.Finished)
    assert not last.ok
    assert last.devices["d1"]["prediction"] == {"anomaly": [True]}
    assert last.devices["d2"]["state"] == "failed"
    assert "1 of 2 devices" in last.title
    assert len(world.asked) == 1


def test_a_module_that_crashes_is_a_failure_with_its_reason(world: World, session: Session) -> None:
    world.runtime_status = "failed"
    last = list(run_plan(session))[-1]
    assert isinstance(last, events.Finished)
    assert not last.ok
    assert last.devices == {"d1": {"state": "failed", "error": "pump on d1 has failed"}}
    assert last.title == "pump on d1 has failed"
    assert (last.detail, last.remedy) == ("it failed", "read the module's log: the scoring script may fail in init()")


def test_the_twins_address_and_the_plans_own_decide_who_is_asked(world: World) -> None:
    live = Deployed("d1", {}, {}, 1, 1, tags={"address": "10.0.0.7"})
    assert watch.score_url(plan(), live) == "http://10.0.0.7:5001/score"
    given = replace(plan(), scoring=replace(plan().scoring, address="{device}.plant.example"))
    assert watch.score_url(given, live) == "http://d1.plant.example:5001/score"
    with pytest.raises(EdgeError, match="No port"):
        watch.score_url(replace(plan(), module=Module(create_options={})), live)


def test_a_watch_gives_up_on_a_device_that_never_settles(world: World, session: Session) -> None:
    list(run_plan(session))
    live = world.devices["d1"]
    world.devices["d1"] = replace(live, agent_reported={"lastDesiredVersion": 0}, connected=False)
    found = list(watch.watch(session.plan, session.results, world.ports(), seconds=0))
    assert isinstance(found[-1], events.Failed)
    assert "did not settle" in found[-1].title
    assert "offline" in found[-1].detail
    assert found[-1].remedy == "What was applied stays applied. Deploy again to watch it further."


def test_a_passing_failure_of_the_hub_does_not_end_the_watch(world: World, session: Session) -> None:
    list(run_plan(session))
    world.fail["hub.deployed.d1"] = EdgeError("throttled", retryable=True)
    looks = watch.watch(session.plan, session.results, world.ports(), seconds=60)
    threading.Timer(0.4, world.fail.clear).start()
    assert isinstance(list(looks)[-1], events.Answered)


def test_a_hub_that_stays_silent_ends_the_watch_with_its_error(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run_plan(session))
    monkeypatch.setattr(watch, "SILENT", 0.0)
    world.fail["hub.deployed.d1"] = EdgeError("The hub does not answer", "refused", "look at it", retryable=True)
    last = list(watch.watch(session.plan, session.results, world.ports()))[-1]
    assert isinstance(last, events.Failed)
    assert (last.title, last.device) == ("The hub does not answer", "d1")


def test_an_offline_device_is_not_waited_for_as_one_that_works(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run_plan(session))
    monkeypatch.setattr(watch, "OFFLINE", 0.0)
    world.devices["d1"] = replace(world.devices["d1"], agent_reported={"lastDesiredVersion": 0}, connected=False)
    last = list(watch.watch(session.plan, session.results, world.ports()))[-1]
    assert isinstance(last, events.Failed)
    assert "d1 is offline; the hub keeps the change" in last.title
    assert "when the device returns" in last.remedy


def test_a_long_wait_gives_signs_of_life(world: World, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    list(run_plan(session))
    monkeypatch.setattr(watch, "_SIGN_OF_LIFE", 0.0)
    world.devices["d1"] = replace(world.devices["d1"], agent_reported={"lastDesiredVersion": 0})
    found = watch.watch(session.plan, session.results, world.ports())
    said = next(event for event in found if isinstance(event, events.Progress))
    assert said.text.startswith("still waiting for d1 after ")
    assert "pulls the image" in said.text


def test_a_module_that_runs_and_does_not_answer_is_looked_at_again(world: World, session: Session) -> None:
    list(run_plan(session))
    unreachable = EdgeError("Nothing answered", "refused", kind="unreachable", retryable=True)
    world.fail["endpoint.score"] = unreachable
    looks = watch.watch(session.plan, session.results, world.ports())
    assert isinstance(next(looks), events.ModuleState)
    live = world.devices["d1"]
    module = {
        "settings": {"image": session.results.digest},
        "runtimeStatus": "backoff",
        "restartCount": 3,
        "exitCode": 3,
    }
    broken = {**live.agent_reported, "modules": {"pump": module}}
    world.devices["d1"] = replace(live, agent_reported=broken)
    last = list(looks)[-1]
    assert isinstance(last, events.Failed)
    assert last.title == "pump on d1 keeps ending"
    assert "exit code 3" in last.detail
    assert "log" in last.remedy


def test_a_module_that_stays_mute_is_given_up_with_where_it_was_asked(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run_plan(session))
    monkeypatch.setattr(watch, "MUTE", 0.0)
    world.fail["endpoint.score"] = EdgeError(
        "Nothing answered", "refused", "look", field="scoring.address", kind="unreachable"
    )
    last = list(watch.watch(session.plan, session.results, world.ports()))[-1]
    assert isinstance(last, events.Failed)
    assert "pump runs on d1, but nothing answered at http://d1:5001/score" in last.title
    assert (last.detail, last.remedy, last.field) == ("refused", "look", "scoring.address")


def test_a_refused_sample_keeps_its_field_and_kind_to_the_end(world: World, session: Session) -> None:
    world.fail["endpoint.score"] = EdgeError(
        "The script does not accept it", "no rows", "mend it", field="scoring.sample", kind="input"
    )
    found = list(run_plan(session))
    failed = [event for event in found if isinstance(event, events.Failed)][-1]
    assert (failed.field, failed.kind, failed.remedy) == ("scoring.sample", "input", "mend it")


def test_the_end_tells_only_of_this_run(world: World, session: Session) -> None:
    list(run_plan(session))
    world.fail["workspaces.get"] = EdgeError("no such workspace")
    last = list(run_plan(Session(world.ports(), "/plan/plan.toml")))[-1]
    assert isinstance(last, events.Finished)
    assert (last.ok, last.model, last.image, last.devices) == (False, "", "", {})


def test_an_empty_model_file_is_refused_before_it_is_sent(world: World, session: Session) -> None:
    world.files["/plan/model.pkl"] = ""
    failed = failure(run(session, "model"))
    assert (failed.field, failed.kind) == ("model.path", "input")
    assert "is empty" in failed.title
    assert not world.models


def test_answers_that_cannot_be_are_refused_before_anything_is_asked(world: World) -> None:
    wrong = replace(plan(), image=replace(plan().image, name="Pump Anomaly", tag="-bad:tag", platform="windows/amd64"))
    world.plans["/plan/plan.toml"] = replace(wrong, module=Module("$edgeAgent"), model=Model("a b", "model.pkl"))
    found = list(run_plan(Session(world.ports(), "/plan/plan.toml")))
    fields = [event.field for event in found if isinstance(event, events.Failed)]
    assert fields == ["model.name", "image.name", "image.tag", "image.platform", "module.name"]
    assert not any(isinstance(event, events.Started) for event in found)


def test_a_plan_that_another_process_carries_out_is_left_alone(world: World, session: Session) -> None:
    world.fail["plans.owned"] = EdgeError("Another edgetui is carrying out plan.toml", retryable=True)
    last = list(run_plan(session))[-1]
    assert isinstance(last, events.Finished)
    assert "Another edgetui" in last.title
    assert not world.models


def test_a_job_that_is_stopped_ends_and_closes_what_it_used(world: World, session: Session) -> None:
    run(session, "model")
    closed = threading.Event()

    def endless(_request: object) -> Iterator[events.Event]:
        try:
            while True:
                yield events.LogLine("image", "again")
        finally:
            closed.set()

    session.ports.builder.build = endless  # type: ignore[method-assign]
    found = []
    for event in session.run("image"):
        found.append(event)
        if len(found) == 5:
            session.stop("image")
    last = failure(found)
    assert last.kind == "cancelled"
    assert closed.is_set()
    assert not session.running
    assert not session.failed


def test_a_step_that_is_at_work_is_not_started_twice(session: Session) -> None:
    first = session.run("credentials")
    next(first)
    assert "still at work" in failure(run(session, "credentials")).title
    list(first)
    assert not session.running


def test_another_workspace_drops_what_belongs_to_the_old_one(session: Session) -> None:
    list(run_plan(session))
    session.edit(replace(session.plan, workspace=Workspace("sub", "rg", "other")))
    assert session.results.credential == session.results.image == session.results.model == ""
    assert session.results.checked_inputs


def test_a_new_plan_is_saved_with_its_first_answer(world: World) -> None:
    session = Session(world.ports())
    session.edit(Plan(workspace=Workspace("sub", "rg", "ws")))
    assert session.path in world.plans
    assert session.plan.folder == str(Path(session.path).parent)
    assert world.ports().plans.recent()[0].path == session.path


def test_a_plan_that_cannot_be_saved_is_not_lost(world: World, session: Session) -> None:
    world.fail["plans.save"] = EdgeError("disk full")
    wanted = replace(session.plan, hub=Hub("hub2"))
    with pytest.raises(EdgeError, match="disk full"):
        session.edit(wanted)
    assert session.plan == wanted


def test_a_failed_build_stands_in_the_step_until_an_answer_changes(world: World, session: Session) -> None:
    run(session, "model")
    world.fail["builder.build"] = EdgeError("pip found no such package", "no match for x", "remove it")
    failure(run(session, "image"))
    view = next(view for view in session.views() if view.step.id == "image")
    assert (view.status, view.summary) == (steps.Status.FAILED, "pip found no such package")
    session.edit(replace(session.plan, image=replace(session.plan.image, tag="v2")))
    assert not session.failed


def test_results_are_kept_for_the_next_start(world: World, session: Session) -> None:
    list(run_plan(session))
    again = Session(world.ports(), "/plan/plan.toml")
    assert again.results == session.results != Results()
    assert all(view.status is steps.Status.DONE for view in again.views())


def test_reviewing_needs_an_image_and_a_device(world: World) -> None:
    with pytest.raises(EdgeError, match="not built"):
        list(deploy.preview(plan(), Results(), world.ports()))


@pytest.mark.parametrize(
    ("reported", "image", "warned"),
    [
        ("amd64", "linux/amd64", False),
        ("arm64v8", "linux/amd64", True),
        ("arm32v7", "linux/amd64,linux/arm/v7", False),
        ("", "linux/amd64", False),
        ("amd64", "", False),
    ],
)
def test_an_image_for_another_processor_is_warned_of(
    world: World, session: Session, reported: str, image: str, warned: bool
) -> None:
    list(run_plan(session, until="preview"))
    runtime = {"runtime": {"platform": {"os": "linux", "architecture": reported}}}
    world.devices["d1"] = Deployed("d1", {}, {}, 1, 1, runtime, True)
    world.platform = image
    preview = next(event for event in run(session, "preview") if isinstance(event, events.Preview))
    assert any("will not start there" in text for text in preview.warnings) == warned
