"""Images, built for the unmodified azureml-core by `Model.package` and by the older `ContainerImage`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetui.sandbox.world import World
from tests.conftest import Sandbox
from tests.contract.client_runs import EXAMPLE, run_client

NewSandbox = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def saw(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_client(sandbox, "azureml_package.py", tmp_path_factory.mktemp("package") / "run", str(EXAMPLE))


def test_a_package_is_built_with_the_log_of_its_steps(sandbox: Sandbox, saw: dict[str, Any]) -> None:
    first = saw["first"]
    assert (first["state"], first["error"]) == ("Succeeded", None)
    assert first["location"] == f"{sandbox.env['EDGETUI_SANDBOX_LOGIN_SERVER']}/packaged:v1"
    for line in ("Step 1/6", "models packaged:1", "Step 6/6", "v1: digest: sha256:", "Successfully built"):
        assert line in first["log"]


def test_the_environment_is_reused_and_the_layers_too(sandbox: Sandbox, saw: dict[str, Any]) -> None:
    log = saw["again"]["log"]
    assert saw["again"]["location"].endswith("/packaged:v2")
    assert "reused: it was installed before" in log
    assert log.count("Layer already exists") == 3
    assert saw["again"]["shown"].endswith("Package creation Succeeded\n")

    def digest(log: str) -> str:
        return log.partition("digest: ")[2].split()[0]

    assert digest(log) == digest(saw["first"]["log"]), "the same things make the same image"


def test_a_package_that_does_not_exist_fails_the_build_in_the_installers_words(saw: dict[str, Any]) -> None:
    missing = saw["missing"]
    words = "Because edgetui-no-such-package was not found in the package registry"
    assert missing["state"] == "Failed"
    assert missing["location"] is None
    assert words in missing["log"]
    assert (missing["error"]["code"], missing["error"]["statusCode"]) == ("EnvironmentBuildFailed", 400)
    assert words in missing["error"]["message"]
    assert words in missing["raised"]


def test_the_older_way_builds_too(sandbox: Sandbox, saw: dict[str, Any]) -> None:
    older = saw["older"]
    assert (older["state"], older["id"], older["log uri"]) == ("Succeeded", "older-way:1", True)
    assert older["location"] == f"{sandbox.env['EDGETUI_SANDBOX_LOGIN_SERVER']}/older-way:1"
    assert older["listed"] == ["older-way:1"]


def test_the_model_can_be_deleted_afterwards(saw: dict[str, Any]) -> None:
    assert saw["model"] == "packaged:1"
    assert saw["left models"] == []


def test_nothing_left_loopback(saw: dict[str, Any]) -> None:
    assert saw["connections"] > 10
    assert saw["left"] == []


def test_the_log_comes_while_the_build_runs(new_sandbox: NewSandbox, tmp_path: Path, sandbox_cache: Path) -> None:
    state = tmp_path / "slow"
    world = World(state, sandbox_cache)
    world.put("setting", "builder", {"pause": 0.7})  # as scenario slow-build, but less
    world.close()
    saw = run_client(new_sandbox(state=state), "whole_chain.py", tmp_path / "run", str(EXAMPLE))
    assert saw["built"] == "Succeeded"
    assert [state for state, _ in saw["pieces"]].count("Running") >= 4
