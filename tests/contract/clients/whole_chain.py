"""The whole job by plain SDKs, one call after the other: register, build, credential, deploy, answer; times as JSON.

Arguments: the folder of a scoring example. It is the yardstick that `edgetui deploy` is measured against, too.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
sys.path.insert(0, str(Path(__file__).parent))
import azureml_package  # noqa: E402 -- starts the watch over connections
import hub_deploy  # noqa: E402
import loopback_only  # noqa: E402
from azure.core.credentials import AccessToken  # noqa: E402
from azure.mgmt.containerregistry import ContainerRegistryManagementClient  # noqa: E402
from azure.mgmt.containerregistry.models import RegistryUpdateParameters  # noqa: E402
from azureml.core import Model  # noqa: E402


class Clock:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._last = BEGAN

    def __call__(self, step: str) -> None:
        now = time.monotonic()
        self.steps[step], self._last = round(now - self._last, 3), now


class Credential:
    """The sandbox's bearer token as azure-core wants it."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(os.environ["EDGETUI_SANDBOX_TOKEN"], int(time.time()) + 3600)


def registry_credential() -> dict[str, str]:
    """Switch the registry's admin user on and return its credential."""
    env = os.environ
    client = ContainerRegistryManagementClient(
        Credential(), env["EDGETUI_SANDBOX_SUBSCRIPTION"], base_url=env["EDGETUI_SANDBOX_ARM"]
    )
    where = (env["EDGETUI_SANDBOX_RESOURCE_GROUP"], env["EDGETUI_SANDBOX_REGISTRY"])
    registry = client.registries.get(*where)
    if not registry.admin_user_enabled:
        client.registries.begin_update(*where, RegistryUpdateParameters(admin_user_enabled=True)).result()
    found = client.registries.list_credentials(*where)
    return {
        "username": found.username,
        "password": found.passwords[0].value,
        "address": registry.login_server,
    }


def main(example: Path) -> dict[str, Any]:
    clock = Clock()
    clock("import")
    shutil.copy(example / "model.pkl", "model.pkl")
    ws = azureml_package.workspace()
    clock("workspace")
    model = Model.register(ws, "model.pkl", "chain")
    clock("register")
    label = f"v{model.version}"
    building = azureml_package.package(ws, [model], example / "score.py", example / "myenv.yml", "chain", label)
    built = azureml_package.follow(building)
    clock("build")
    credential = registry_credential()
    clock("credential")
    hub, deployments = hub_deploy.connected()
    reported = hub_deploy.deploy(hub, deployments, hub_deploy.manifest(built["location"], credential, 5001))
    clock("deploy")
    answer = hub_deploy.answer(hub, 5001, json.loads((example / "sample.json").read_text()))
    clock("answer")
    return {
        "seconds": clock.steps,
        "total": round(sum(clock.steps.values()), 3),
        "built": built["state"],
        "image": built["location"],
        "pieces": built["pieces"],
        "reused": "reused" in built["log"],
        "credential": credential,
        "status": reported["lastDesiredStatus"],
        "answer": answer,
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        result = main(Path(sys.argv[1]))
    result["left"], result["connections"] = loopback_only.LEFT, len(loopback_only.CALLS)
    print(json.dumps(result))
