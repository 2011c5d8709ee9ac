"""From a model file to an answer of the device, by plain SDK scripts that know nothing of this project."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Sandbox, start_sandbox
from tests.contract.client_runs import EXAMPLE, run_client

Runs = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> Iterator[Sandbox]:
    """A sandbox of these tests' own: they replace what its device runs."""
    running = start_sandbox(tmp_path_factory.mktemp("job") / "state", sandbox_cache)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def runs(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The whole chain, twice."""
    folder = tmp_path_factory.mktemp("chain")
    return [run_client(sandbox, "whole_chain.py", folder / name, str(EXAMPLE)) for name in ("first", "second")]


@pytest.fixture(scope="module")
def hub_saw(sandbox: Sandbox, runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, dict[str, Any]]:
    """What the hub's client saw with no credential in the manifest, with a wrong one, and with the right one."""
    right = runs[1]["credential"]
    credentials = {"none": None, "wrong": {**right, "password": "bm90IGl0"}, "right": right}
    folder = tmp_path_factory.mktemp("hub")
    request = json.loads((EXAMPLE / "sample.json").read_text())
    found: dict[str | None, dict[str, Any]] = {}
    for number, (name, credential) in enumerate(credentials.items()):
        asked = {"image": runs[number % 2]["image"], "credential": credential, "request": request}
        asked |= {"port": 5002, "module": f"with-{name}"}
        found[name] = run_client(sandbox, "hub_deploy.py", folder / name, asked=asked)
    return found


def expected() -> list[float]:
    with (EXAMPLE / "model.pkl").open("rb") as file:
        model = pickle.load(file)  # noqa: S301 -- our own file
    rows = [
        [one["temperature"], one["pressure"]] for one in json.loads((EXAMPLE / "sample.json").read_text())["readings"]
    ]
    return [float(score) for score in model.decision_function(rows)]


def test_the_device_answers_what_the_model_says_when_loaded_here(runs: Runs) -> None:
    for saw in runs:
        assert saw["status"] == {"code": 200, "description": ""}
        assert saw["answer"]["score"] == pytest.approx(expected(), abs=1e-9)
        assert saw["answer"]["anomaly"] == [score < 0 for score in expected()]


def test_the_second_build_reuses_the_environment(runs: Runs) -> None:
    assert runs[1]["reused"] is True
    assert runs[0]["image"] != runs[1]["image"]


def test_the_image_is_pulled_by_plain_requests_with_a_token_for_it(sandbox: Sandbox, runs: Runs) -> None:
    host, _, rest = runs[1]["image"].partition("/")
    repository, _, tag = rest.partition(":")
    with requests.Session() as session:
        session.trust_env, session.verify = False, sandbox.env["REQUESTS_CA_BUNDLE"]
        place = f"https://{host}/v2/{repository}"
        refused = session.get(f"{place}/manifests/{tag}", timeout=60)
        assert refused.status_code == 401
        scheme, _, parts = refused.headers["WWW-Authenticate"].partition(" ")
        challenge = requests.utils.parse_dict_header(parts)
        assert (scheme, challenge["scope"]) == ("Bearer", f"repository:{repository}:pull")

        def token(user: str, password: str) -> requests.Response:
            asked = {"service": challenge["service"], "scope": challenge["scope"]}
            return session.get(challenge["realm"], params=asked, auth=(user, password), timeout=60)

        right = runs[1]["credential"]
        assert token(right["username"], "wrong").status_code == 401
        session.headers["Authorization"] = (
            f"Bearer {token(right['username'], right['password']).json()['access_token']}"
        )
        manifest = session.get(f"{place}/manifests/{tag}", timeout=60)
        assert manifest.headers["Docker-Content-Digest"] == f"sha256:{hashlib.sha256(manifest.content).hexdigest()}"
        assert len(manifest.json()["layers"]) == 3
        for blob in [manifest.json()["config"], *manifest.json()["layers"]]:
            content = session.get(f"{place}/blobs/{blob['digest']}", timeout=60).content
            assert (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)) == (blob["digest"], blob["size"])


def test_devices_come_in_pages(hub_saw: dict[str, dict[str, Any]]) -> None:
    saw = hub_saw["right"]
    assert len(saw["devices"]) == len(set(saw["devices"])) >= 25
    assert set(saw["pages"][:-1]) == {10}
    assert "line1-gateway" in saw["devices"]
    assert saw["before"] == "mcr.microsoft.com/azureiotedge-agent:1.6"


@pytest.mark.parametrize("credential", ["none", "wrong"])
def test_the_device_pulls_only_with_the_credential_in_its_twin(
    hub_saw: dict[str, dict[str, Any]], runs: Runs, credential: str
) -> None:
    saw = hub_saw[credential]
    assert saw["status"]["code"] == 500
    text = saw["status"]["description"]
    assert text.startswith(f"One or more errors occurred. (Error calling prepare update for module with-{credential}")
    assert "caused by: Could not pull image" in text
    assert "unauthorized: authentication required" in text
    assert saw["module"] is None, "a module whose pull failed is not there"


def test_with_the_right_credential_the_module_runs_and_answers(hub_saw: dict[str, dict[str, Any]], runs: Runs) -> None:
    saw = hub_saw["right"]
    assert saw["status"] == {"code": 200, "description": ""}
    assert saw["module"]["runtimeStatus"] == "running"
    assert saw["answer"]["score"] == pytest.approx(expected(), abs=1e-9)
    assert saw["ping"] == 200
    assert saw["modules"] == ["$edgeAgent", "$edgeHub", "with-right"]


def test_no_client_left_loopback(hub_saw: dict[str, dict[str, Any]], runs: Runs) -> None:
    for saw in [*runs, *hub_saw.values()]:
        assert saw["connections"] > 5
        assert saw["left"] == []
