"""Azure ML through the ports as the app gets them: child processes and the unmodified SDK against the sandbox."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from edgetui import bootstrap
from edgetui.adapters.cloud import Cloud, from_environ
from edgetui.adapters.hosting.hosted import Limit, proxy
from edgetui.core import cancel
from edgetui.core import ports as port
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, ImageBuilt, LogLine, Progress, Registered
from edgetui.core.models import BuildRequest, ModelUpload, WorkspaceInfo
from edgetui.sandbox.world import World
from edgetui.settings import Settings
from tests.conftest import Sandbox, start_sandbox
from tests.contract.adapters import call
from tests.contract.client_runs import EXAMPLE
from tests.contract.whole_runs import WATCHER

LARGE = 70 << 20  # bytes; above 64 MiB the SDK sends blocks
SOON = 60.0
FAULTS = "/sandbox/faults"


class Machine:
    """A machine with edgetui's ports: its home and what its processes noted."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.home = folder / "home"
        self.notes = folder / "watch" / "notes"
        self.state = folder / "edgetui" / "state"
        for made in (self.home, self.notes):
            made.mkdir(parents=True)
        shutil.copy(WATCHER, folder / "watch")
        settings = Settings(self.state, folder / "edgetui" / "cache", folder / "edgetui" / "config")
        with pytest.MonkeyPatch.context() as patch:
            # The children copy this process's environment when they start.
            patch.setenv("HOME", str(self.home))
            patch.setenv("PYTHONPATH", str(folder / "watch"))
            self.ports = bootstrap.ports(settings, lambda: cloud)
            self.account = self.ports.identity.account()
            (self.workspace,) = self.ports.workspaces.accessible()
        self.workspace = self.ports.workspaces.get(
            self.workspace.subscription, self.workspace.resource_group, self.workspace.name
        )

    def left(self) -> list[str]:
        """What the processes noted of connections and look-ups beyond this machine."""
        lines = [line for note in self.notes.iterdir() for line in note.read_text().splitlines()]
        assert any("hosting.child" in line for line in lines)
        return [line for line in lines if line.startswith("left")]


@pytest.fixture(scope="module")
def machine(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), from_environ(sandbox.env))
    yield made
    bootstrap.close(made.ports)


@pytest.fixture
def fault(sandbox: Sandbox) -> Iterator[Callable[..., None]]:
    def fail(**one: Any) -> None:
        assert call(sandbox, "POST", FAULTS, json={"faults": [one]}).status_code == 200

    yield fail
    call(sandbox, "DELETE", FAULTS)


def refusal(action: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        action()
    return caught.value


def register(machine: Machine, name: str, path: Path, **more: Any) -> list[Event]:
    return list(machine.ports.models.register(machine.workspace, ModelUpload(name, str(path), **more)))


def request(machine: Machine, model: str, name: str, tag: str = "v1", **more: Any) -> BuildRequest:
    given = {"script": str(EXAMPLE / "score.py"), "environment": str(EXAMPLE / "myenv.yml"), **more}
    return BuildRequest(machine.workspace, model, given.pop("script"), given.pop("environment"), name, tag, **given)


def tree(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


# Workspaces


def test_the_workspaces_of_all_subscriptions_are_listed(machine: Machine) -> None:
    assert [one.name for one in machine.ports.workspaces.accessible()] == ["edge-ws"]


def test_a_workspace_comes_with_registry_and_storage(machine: Machine) -> None:
    assert machine.workspace.location == "westeurope"
    assert machine.workspace.registry_id.endswith("/registries/edgeacr")
    assert "/storageAccounts/" in machine.workspace.storage_id


def test_a_workspace_that_is_not_there_says_so(machine: Machine) -> None:
    here = machine.workspace
    error = refusal(lambda: machine.ports.workspaces.get(here.subscription, here.resource_group, "nope"))
    assert "workspace nope" in error.title
    assert "does not exist" in error.title
    assert (error.kind, error.field) == ("input", "workspace.name")
    elsewhere = "11111111-2222-3333-4444-555555555555"
    assert refusal(lambda: machine.ports.workspaces.get(elsewhere, here.resource_group, "nope")).kind == "access"


def test_a_workspace_that_breaks_off_in_the_middle_is_an_error_and_no_empty_workspace(
    machine: Machine, fault: Callable[..., None]
) -> None:
    here = machine.workspace
    fault(method="GET", path="/workspaces/edge-ws$", status="reset")
    error = refusal(lambda: machine.ports.workspaces.get(here.subscription, here.resource_group, here.name))
    assert (error.kind, error.retryable) == ("unreachable", True)


def test_a_wrong_token_is_a_matter_of_access(sandbox: Sandbox, tmp_path: Path) -> None:
    cloud = from_environ(sandbox.env)
    ports = bootstrap.ports(
        Settings(tmp_path, tmp_path, tmp_path), lambda: replace(cloud, token=cloud.token[:-4] + "AAAA"), warm=False
    )
    error = refusal(ports.workspaces.accessible)
    bootstrap.close(ports)
    assert (error.kind, error.exit_code) == ("access", 3)
    assert "invalid" in error.detail


# config.json


PLACES = [
    ["config.json"],
    ["project.json"],
    ["config.json", "project.json"],
    [".azureml/config.json", "config.json"],
    ["../.azureml/config.json", "config.json", "aml_config/config.json"],
    ["../../aml_config/project.json", "config.json"],
    ["../.azureml/project.json", ".azureml/config.json"],
    ["../config.json"],
]


@pytest.mark.parametrize("places", PLACES, ids=" ".join)
def test_the_configuration_is_found_where_the_sdk_finds_it(
    places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azureml.core import Workspace

    from edgetui.adapters.azure_ml.config_file import find_config, read_config

    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    for place in places:
        file = folder / place
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"subscription_id": "s-1", "resource_group": "g-1", "workspace_name": place}))
    found: dict[str, Any] = {}
    monkeypatch.setattr(Workspace, "get", staticmethod(lambda name, **more: found.update(name=name, **more)))
    Workspace.from_config(str(folder), auth=object())
    ours = read_config(find_config(folder))
    assert ours == (found["subscription_id"], found["resource_group"], found["name"])


def test_a_configuration_opens_its_workspace(machine: Machine, tmp_path: Path) -> None:
    here = machine.workspace
    keys = {
        "subscription_id": here.subscription,
        "resource_group": here.resource_group,
        "workspace_name": here.name,
    }
    (tmp_path / "config.json").write_text(json.dumps(keys))
    (tmp_path / "deep").mkdir()
    assert machine.ports.workspaces.from_config(str(tmp_path / "deep")) == here
    scope = here.registry_id.partition("/providers/")[0] + "/providers/x/workspaces/" + here.name
    (tmp_path / "other.json").write_text(json.dumps({"Scope": scope}))
    assert machine.ports.workspaces.from_config(str(tmp_path), "other.json") == here


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"subscription_id": "<my-subscription-id>", "resource_group": "g", "workspace_name": "w"}',
            "subscription_id",
        ),
        ('{"subscription_id": "s", "resource_group": "", "workspace_name": "w"}', "resource_group is empty"),
        ('{"subscription_id": "s", "resource_group": "g", "workspace_name": "your-workspace"}', "workspace_name"),
        ('{"subscription_id": "s", "resource_group": "g"}', "no key workspace_name"),
        ('{"subscription_id": "s",', "no valid JSON"),
        ("[]", "no JSON object"),
        ('{"Scope": "/subscriptions/s"}', "Scope"),
    ],
)
def test_a_configuration_with_placeholders_or_gaps_names_key_and_file(
    machine: Machine, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "config.json").write_text(text)
    error = refusal(lambda: machine.ports.workspaces.from_config(str(tmp_path)))
    assert (error.kind, error.field) == ("input", "workspace.config")
    assert says in error.title
    assert str(tmp_path / "config.json") in error.title
    assert error.remedy


def test_no_configuration_at_all(machine: Machine, tmp_path: Path) -> None:
    error = refusal(lambda: machine.ports.workspaces.from_config(str(tmp_path), "gone.json"))
    assert "gone.json" in error.title
    assert (error.kind, error.field) == ("input", "workspace.config")
    error = refusal(lambda: machine.ports.workspaces.from_config(str(tmp_path)))
    assert (error.kind, error.field) == ("input", ""), "no answer is wrong where nobody named a file"


# Models


def test_models_are_listed_by_name_newest_first(machine: Machine) -> None:
    models = machine.ports.models.list(machine.workspace)
    ids = [one.id for one in models if one.name == "vibration-classifier"]
    assert ids == ["vibration-classifier:3", "vibration-classifier:2", "vibration-classifier:1"]
    assert [one.name for one in models] == sorted(one.name for one in models)
    forecast = next(one for one in models if one.name == "energy-forecast")
    assert (forecast.framework, forecast.tags["site"]) == ("ScikitLearn 1.7.2", "plant-north")
    assert forecast.created.endswith("Z")


def test_a_file_is_registered_with_all_that_is_said_of_it(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(os.urandom(10_000))
    more = {"description": "ein Modell", "tags": {"site": "lab"}, "properties": {"edgetui.inputs": "abc"}}
    first = register(machine, "file-model", file, **more)
    assert first[-1] == Registered("file-model", 1, "")
    assert first[0] == Progress("model", "Uploading model.pkl", 0, 10_000, "bytes")
    assert register(machine, "file-model", file)[-1] == Registered("file-model", 2, "")
    two, one = machine.ports.models.list(machine.workspace, "file-model")
    assert (two.version, one.version) == (2, 1)
    assert (one.description, one.tags, one.properties) == ("ein Modell", {"site": "lab"}, {"edgetui.inputs": "abc"})

    list(machine.ports.models.download(machine.workspace, "file-model", 1, str(tmp_path / "got")))
    assert (tmp_path / "got" / "model.pkl").read_bytes() == file.read_bytes()
    machine.ports.models.delete(machine.workspace, "file-model", 1)
    assert [one.version for one in machine.ports.models.list(machine.workspace, "file-model")] == [2]


def test_a_folder_comes_back_as_it_went(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "a model"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "ä b.bin").write_bytes(os.urandom(5000))
    assert register(machine, "folder-model", folder)[-1] == Registered("folder-model", 1, "")
    list(machine.ports.models.download(machine.workspace, "folder-model", 1, str(tmp_path / "got")))
    assert tree(tmp_path / "got" / "a model") == tree(folder)


def test_a_large_file_tells_how_far_it_is(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as large:
        large.truncate(LARGE)
    events = register(machine, "large-model", file)
    told = [event for event in events if isinstance(event, Progress)]
    assert len(told) > 10
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert (told[-1].done, told[-1].total, told[-1].unit) == (LARGE, LARGE, "bytes")
    assert isinstance(events[-1], Registered)


def test_an_upload_that_is_cancelled_registers_nothing(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as large:
        large.truncate(LARGE)
    cancellation = cancel.Cancellation()
    with cancel.using(cancellation):
        events = machine.ports.models.register(machine.workspace, ModelUpload("given-up", str(file)))
        assert isinstance(next(events), Progress)
        cancellation.cancel()
        assert refusal(lambda: list(events)).kind == "cancelled"
    assert machine.ports.models.list(machine.workspace, "given-up") == []


def test_a_long_list_is_read_to_its_end(sandbox: Sandbox, machine: Machine) -> None:
    here = machine.workspace
    base = (
        f"/modelmanagement/v1.0/subscriptions/{here.subscription}/resourceGroups/{here.resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{here.name}"
    )
    asset = call(sandbox, "POST", f"{base}/assets", json={"name": "many", "artifacts": [{"prefix": "LocalUpload/x"}]})
    body = {"name": "many", "url": f"aml://asset/{asset.json()['id']}", "mimeType": "application/json"}
    for _ in range(300):  # the SDK's pages hold 255
        assert call(sandbox, "POST", f"{base}/models", json=body).status_code == 200
    found = machine.ports.models.list(here, "many")
    assert [one.version for one in found] == list(range(300, 0, -1))


@pytest.mark.parametrize("name", ["", "no spaces", "-dash-first", "ümlaut", "x" * 256])
def test_a_name_that_azure_ml_refuses_is_refused_before_the_upload(machine: Machine, tmp_path: Path, name: str) -> None:
    error = refusal(lambda: register(machine, name, tmp_path / "not looked at"))
    assert (error.kind, error.field) == ("input", "model.name")
    assert error.remedy


def unusable(folder: Path) -> Iterator[tuple[str, Path, str]]:
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").mkdir()
    (folder / "dangling" / "link").symlink_to(folder / "nowhere")
    yield "missing", folder / "none.pkl", "no file"
    yield "empty folder", folder / "empty", "holds no file"
    yield "pipe", folder / "pipe", "no regular file"
    yield "folder with a broken link", folder / "dangling", "no file"
    yield "relative", Path("model.pkl"), "no absolute path"
    if os.geteuid() != 0:
        (folder / "secret").write_bytes(b"x")
        (folder / "secret").chmod(0)
        yield "unreadable", folder / "secret", "Cannot read"


def test_a_model_that_cannot_be_read_names_the_path(machine: Machine, tmp_path: Path) -> None:
    for what, path, says in unusable(tmp_path):
        error = refusal(lambda path=path: register(machine, "m", path))  # type: ignore[misc]
        assert (error.kind, error.field) == ("input", "model.path"), what
        assert says in error.title, what
        assert error.remedy, what


def test_a_full_disk_on_the_other_side_says_so(machine: Machine, tmp_path: Path, fault: Callable[..., None]) -> None:
    (tmp_path / "model.pkl").write_bytes(b"x")
    text = "The sandbox's disk is full: the blob was not stored."
    fault(method="PUT", path="LocalUpload", status=413, code="InsufficientStorage", message=text)
    error = refusal(lambda: register(machine, "m-full", tmp_path / "model.pkl"))
    assert error.title == "Could not register model m-full: the disk is full"
    assert error.field == "model.path"
    assert text in error.detail


@pytest.mark.parametrize(("status", "kind"), [(403, "access"), (401, "access"), (404, "failed")])
def test_a_refused_list_says_why(machine: Machine, fault: Callable[..., None], status: int, kind: str) -> None:
    fault(method="GET", path="/modelmanagement/.*/models", status=status)
    error = refusal(lambda: machine.ports.models.list(machine.workspace))
    assert error.kind == kind
    assert error.title.startswith("Could not list the models of workspace edge-ws")
    assert "Traceback" not in error.detail


def test_a_service_that_hangs_costs_the_deadline_and_the_next_call_works(
    machine: Machine, fault: Callable[..., None]
) -> None:
    pool = next(pool for pool in machine.ports.pools if "ML" in pool.name)
    some = {
        name: Limit("list the models of {workspace.name}", 3.0) for name in ("list", "register", "download", "delete")
    }
    models = cast("port.Models", proxy(port.Models, pool, "edgetui.adapters.azure_ml.models:create", some))
    fault(method="GET", path="/modelmanagement/.*/models", status="hang", times=1)
    error = refusal(lambda: models.list(machine.workspace))
    assert (error.kind, error.retryable) == ("unreachable", True)
    assert "edge-ws" in error.title
    assert machine.ports.models.list(machine.workspace, "energy-forecast")


def test_calls_side_by_side_do_not_disturb_each_other(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"x" * 100)
    done: list[int] = []

    def work(number: int) -> None:
        register(machine, f"side-{number}", tmp_path / "model.pkl")
        done.append(len(machine.ports.models.list(machine.workspace, f"side-{number}")))

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON * 2)
    assert done == [1, 1, 1]


# Images


@pytest.fixture(scope="module")
def model(machine: Machine) -> str:
    (registered,) = [
        event for event in register(machine, "pump", EXAMPLE / "model.pkl") if isinstance(event, Registered)
    ]
    return registered.id


def test_an_image_is_built_with_its_log(machine: Machine, model: str) -> None:
    events = list(machine.ports.builder.build(request(machine, model, "built")))
    lines = [event.text for event in events if isinstance(event, LogLine)]
    assert any(f"models {model}" in line for line in lines)
    assert not any(char in line for line in lines for char in "\r\n\x1b")
    assert isinstance(events[-1], ImageBuilt)
    assert events[-1].reference.endswith("/built:v1")
    assert events[-1].seconds > 0


def test_a_package_that_does_not_exist_is_the_error(machine: Machine, model: str, tmp_path: Path) -> None:
    environment = tmp_path / "env.yml"
    packages = "  - azureml-defaults\n  - edgetui-no-such-package==1.0\n"
    environment.write_text(f"dependencies:\n- python=3.11\n- pip:\n{packages}")
    build = machine.ports.builder.build(request(machine, model, "broken", environment=str(environment)))
    lines: list[str] = []

    def follow() -> None:
        for event in build:
            if isinstance(event, LogLine):
                lines.append(event.text)  # noqa: PERF401 -- kept when the iterator raises

    error = refusal(follow)
    assert any("edgetui-no-such-package" in line for line in lines)
    why = "there is no edgetui-no-such-package for this Python and platform"
    assert error.title == f"The build of image broken:v1 failed: {why}"
    assert error.field == "scoring.environment"
    assert "edgetui-no-such-package" in error.detail


def test_an_environment_or_script_that_cannot_be_used_names_its_field(
    machine: Machine, model: str, tmp_path: Path
) -> None:
    (tmp_path / "env.yml").write_text("dependencies: [unclosed\n")
    (tmp_path / "score.py").write_text("def init(:\n")
    for field, more in (
        ("scoring.environment", {"environment": str(tmp_path / "env.yml")}),
        ("scoring.environment", {"environment": str(tmp_path / "none.yml")}),
        ("scoring.script", {"script": str(tmp_path / "score.py")}),
        ("scoring.script", {"script": str(tmp_path / "none.py")}),
        ("image.platform", {"platform": "linux/riscv64"}),
    ):
        error = refusal(lambda more=more: list(machine.ports.builder.build(request(machine, model, "x", **more))))  # type: ignore[misc]
        assert (error.kind, error.field) == ("input", field), error
        assert "Traceback" not in str(error)


def test_a_workspace_without_packages_says_what_its_older_api_cannot(
    machine: Machine, model: str, fault: Callable[..., None]
) -> None:
    fault(method="POST", path="/packages$", status=404)
    for field, name, more in (
        ("image.platform", "older", {"platform": "linux/arm64"}),
        ("image.name", "has_underscore", {}),
    ):
        error = refusal(
            lambda name=name, more=more: list(machine.ports.builder.build(request(machine, model, name, **more)))
        )  # type: ignore[misc]
        assert (error.kind, error.field) == ("input", field), error


def test_a_workspace_that_builds_no_images_at_all_says_so(
    machine: Machine, model: str, fault: Callable[..., None]
) -> None:
    fault(method="POST", path="/(packages|images)$", status=410)
    error = refusal(lambda: list(machine.ports.builder.build(request(machine, model, "none"))))
    assert (error.field, error.remedy) == ("image.builder", "Build with acr or docker.")


def operations(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The builds that the sandbox knows."""
    with sqlite3.connect(f"file:{sandbox.state / 'world.sqlite'}?mode=ro", uri=True) as world:
        rows = world.execute("SELECT value FROM documents WHERE kind = 'operation'").fetchall()
    return [json.loads(value) for (value,) in rows]


@pytest.fixture(scope="module")
def slow(sandbox_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Machine]]:
    folder = tmp_path_factory.mktemp("slow")
    world = World(folder / "state", sandbox_cache)
    world.put("setting", "builder", {"pause": 1.0})  # as scenario slow-build, but less
    world.close()
    sandbox = start_sandbox(folder / "state", sandbox_cache)
    machine = Machine(folder / "machine", from_environ(sandbox.env))
    register(machine, "pump", EXAMPLE / "model.pkl")
    yield sandbox, machine
    bootstrap.close(machine.ports)
    sandbox.stop()


def test_lines_arrive_while_it_builds_and_cancelling_ends_the_build_there_too(
    slow: tuple[Sandbox, Machine], tmp_path: Path
) -> None:
    sandbox, machine = slow
    cancellation = cancel.Cancellation()
    with cancel.using(cancellation):
        build = machine.ports.builder.build(request(machine, "pump:1", "slow"))
        line = next(event for event in build if isinstance(event, LogLine))
        assert "Step 1" in line.text
        assert [one["state"] for one in operations(sandbox)] == ["Running"]

        # A hiccup of the network must not lose a build of minutes.
        hiccup = {"method": "GET", "path": "/operations/", "status": 503, "times": 3}
        assert call(sandbox, "POST", FAULTS, json={"faults": [hiccup]}).status_code == 200
        line = next(event for event in build if isinstance(event, LogLine) and event.text.startswith("Step"))
        assert "Step 2" in line.text
        assert call(sandbox, "GET", FAULTS).json()["faults"] == []

        cancellation.cancel()
        assert refusal(lambda: list(build)).kind == "cancelled"
    assert settled(sandbox) == {"Cancelled"}


@pytest.mark.parametrize(
    ("words", "step"), [("Sending script", 1), ("Azure ML builds the image", 1), ("Step 1/", 1), ("Step 6/", 6)]
)
def test_a_build_that_is_cancelled_ends_on_azure_too_at_whatever_it_was(
    slow: tuple[Sandbox, Machine], words: str, step: int
) -> None:
    sandbox, machine = slow
    with sqlite3.connect(sandbox.state / "world.sqlite") as world:
        pause = json.dumps({"pause": SOON, "pause_at": step})  # it waits there until it is cancelled
        world.execute("UPDATE documents SET value = ? WHERE kind = 'setting' AND key = 'builder'", (pause,))
    cancellation = cancel.Cancellation()
    with cancel.using(cancellation):
        build = machine.ports.builder.build(request(machine, "pump:1", "cancelled"))
        next(event for event in build if words in getattr(event, "text", ""))
        cancellation.cancel()
        assert refusal(lambda: list(build)).kind == "cancelled"
    assert settled(sandbox) <= {"Cancelled"}  # none where nothing was sent yet


def settled(sandbox: Sandbox) -> set[str]:
    """The states of all builds, once none goes on."""
    never, limit = threading.Event(), time.monotonic() + SOON
    while (states := {one["state"] for one in operations(sandbox)}) & {"NotStarted", "Running"}:
        assert time.monotonic() < limit, operations(sandbox)
        never.wait(0.1)
    return states


# What stays behind; these run last


def test_nothing_is_written_outside_edgetuis_own_folder(machine: Machine) -> None:
    machine.ports.models.list(machine.workspace)
    assert list(machine.home.rglob("*")) == []
    assert list(machine.state.glob("children/*/tmp/*")) == []
    assert not Path("/.azureml").exists()


def test_no_socket_left_this_machine(machine: Machine) -> None:
    assert machine.left() == []


def test_closing_leaves_no_child_and_no_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", from_environ(sandbox.env))
    assert list((machine.state / "children").iterdir()) != []
    bootstrap.close(machine.ports)
    assert list((machine.state / "children").iterdir()) == []
    assert refusal(machine.ports.workspaces.accessible).kind == "unreachable"


def test_a_workspace_info_is_enough(machine: Machine) -> None:
    here = machine.workspace
    bare = WorkspaceInfo(here.subscription, here.resource_group, here.name)
    assert machine.ports.models.list(bare, "energy-forecast")
