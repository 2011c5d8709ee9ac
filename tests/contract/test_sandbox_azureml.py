"""The unmodified azureml-core, in a process of its own with only the env file, against the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import start_sandbox
from tests.contract.client_runs import run_client


@pytest.fixture(scope="module")
def saw(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> dict[str, Any]:
    """In a sandbox where nobody else registers models."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("seeded") / "state", sandbox_cache)
    try:
        return run_client(sandbox, "azureml_registry.py", tmp_path_factory.mktemp("registry"))
    finally:
        sandbox.stop()


def test_workspaces_are_found(saw: dict[str, Any]) -> None:
    assert saw["listed"] == saw["listed in group"] == ["edge-ws"]
    assert saw["details"] == ["westeurope", "edgeacr", "Basic"]
    assert saw["no such workspace"].startswith("ProjectSystemException")
    assert "Workspace not found" in saw["no such workspace"]


def test_the_world_is_seeded_with_models(saw: dict[str, Any]) -> None:
    assert {name.partition(":")[0] for name in saw["seeded"]} >= {
        "vibration-classifier",
        "bearing-temperature",
        "energy-forecast",
        "weld-inspector",
    }
    assert "vibration-classifier:3" in saw["seeded"]


def test_models_are_registered_and_found_by_name_version_and_id(saw: dict[str, Any]) -> None:
    assert saw["versions"] == [1, 2, 1, 1]
    assert saw["latest"] == ["pump:2", "first", {"p": "1"}]


@pytest.mark.parametrize("model", ["pump", "tree", "large"])
def test_what_was_uploaded_comes_back_byte_for_byte(saw: dict[str, Any], model: str) -> None:
    assert saw[f"same {model}"] is True


def test_tags_and_description_change(saw: dict[str, Any]) -> None:
    assert saw["tags"] == [{"site": "lab", "stage": "test", "reviewed": "yes"}, "second, reviewed"]


def test_lists_are_paged_and_filtered(saw: dict[str, Any]) -> None:
    total, unique, newest = saw["paged"]
    assert total == unique == len(saw["seeded"]) + 4 + 30
    assert newest.startswith("many")
    assert saw["latest only"] is True
    assert saw["by name"] == ["pump:2", "pump:1"]
    assert saw["by tag"] == ["pump:2"]
    assert saw["by other tag"] == []


def test_a_deleted_version_is_gone_and_its_number_too(saw: dict[str, Any]) -> None:
    assert saw["after delete"] == ["pump:1"]
    assert "ModelNotFound" in saw["gone"]
    assert saw["next version"] == 3


def test_bad_input_is_refused_as_on_azure(saw: dict[str, Any]) -> None:
    assert saw["bad name"].startswith("WebserviceException")
    assert "provided model name is invalid" in saw["bad name"]
    assert saw["wrong token"].startswith("ClientAuthenticationError")


def test_nothing_left_loopback(saw: dict[str, Any]) -> None:
    assert saw["connections"] > 10
    assert saw["left"] == []
