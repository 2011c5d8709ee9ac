"""The yardstick of `deploy`: the same job as a person would script it, one SDK call after the other, nothing of ours.

`python plain_deploy.py FOLDER` with a sandbox's env file loaded; FOLDER holds the example. Prints the prediction as JSON.
Unlike `edgetui deploy` it builds without looking whether the image is there, asks every 5 s as the SDK does, writes the whole
manifest of the device anew, and checks nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import ConfigurationContent
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import RegistryUpdateParameters
from azureml.core import Environment, Model, Workspace
from azureml.core.authentication import TokenAuthentication
from azureml.core.model import InferenceConfig

DEVICE, MODULE, PATIENCE = "line1-gateway", "pump-anomaly", 300.0
SETTING = {name.removeprefix("EDGETUI_SANDBOX_"): value for name, value in os.environ.items() if "SANDBOX" in name}


class Credential:
    """The sandbox's token, as azure-core wants it."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(SETTING["TOKEN"], int(time.time()) + 3600)


def image(folder: Path) -> str:
    """Register the model and build the image; returns `<login server>/<name>:<tag>`."""
    auth = TokenAuthentication(get_token_for_audience=lambda _: SETTING["TOKEN"])
    workspace = Workspace.get(SETTING["WORKSPACE"], auth, SETTING["SUBSCRIPTION"], SETTING["RESOURCE_GROUP"])
    os.chdir(folder)  # the SDK registers only what lies below the current folder
    model = Model.register(workspace, "model.pkl", MODULE, tags={"site": "lab"})
    environment = Environment.from_conda_specification(MODULE, "myenv.yml")
    package = Model.package(
        workspace,
        [model],
        InferenceConfig(entry_script="score.py", environment=environment),
        image_name=MODULE,
        image_label=str(int(time.time())),
    )
    package.wait_for_creation(show_output=False)
    return str(package.location)


def credential() -> dict[str, str]:
    """Switch the registry's admin user on; returns what a device needs to pull."""
    group, name = SETTING["RESOURCE_GROUP"], SETTING["REGISTRY"]
    client = ContainerRegistryManagementClient(
        Credential(), SETTING["SUBSCRIPTION"], base_url=SETTING["ARM"], credential_scopes=[SETTING["ARM"] + "/.default"]
    )
    client.registries.begin_update(group, name, RegistryUpdateParameters(admin_user_enabled=True)).result()
    found = client.registries.list_credentials(group, name)
    return {
        "address": SETTING["LOGIN_SERVER"],
        "username": found.username,
        "password": found.passwords[0].value,
    }


def deploy(reference: str, registry: dict[str, str]) -> str:
    """Apply the manifest and wait until the module runs; returns the device's address."""
    connection = SETTING["HUB_CONNECTION_STRING"]
    hub = IoTHubRegistryManager.from_connection_string(connection)
    options = json.dumps({"HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": "5001"}]}}})
    agent = hub.get_module_twin(DEVICE, "$edgeAgent").properties.desired
    agent = {name: value for name, value in agent.items() if not name.startswith("$")}
    agent["runtime"]["settings"]["registryCredentials"] = {"edgeacr": registry}
    agent.setdefault("modules", {})[MODULE] = {
        "version": "1.0",
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": reference, "createOptions": options},
    }
    content = ConfigurationContent(
        modules_content={
            "$edgeAgent": {"properties.desired": agent},
            "$edgeHub": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "routes": {},
                    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
                }
            },
        }
    )
    IoTHubConfigurationManager.from_connection_string(connection).apply_configuration_on_edge_device(DEVICE, content)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        reported = hub.get_module_twin(DEVICE, "$edgeAgent").properties.reported
        module = reported.get("modules", {}).get(MODULE, {})
        if module.get("runtimeStatus") == "running" and module["settings"]["image"] == reference:
            return str(hub.get_twin(DEVICE).tags["address"])
        time.sleep(0.5)
    raise SystemExit(f"{MODULE} does not run on {DEVICE}")


def score(address: str, sample: str) -> Any:
    """Ask the module until it answers."""
    deadline = time.monotonic() + PATIENCE
    with requests.Session() as session:
        session.trust_env = False
        while True:
            try:
                return session.post(f"http://{address}:5001/score", data=sample, timeout=30).json()
            except requests.ConnectionError:  # noqa: PERF203 -- it waits anyway
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    sample = (folder / "sample.json").read_text(encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):  # the SDK prints its progress
        address = deploy(image(folder), credential())
    print(json.dumps(score(address, sample)))


if __name__ == "__main__":
    main()
