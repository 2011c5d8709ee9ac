"""The files that point other programs at this sandbox: the cloud list of the Azure SDKs and the shell's env file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from . import tokens
from .tls import write_private
from .world import World

CLOUD = "EdgeSandbox"


def environment(world: World) -> dict[str, str]:
    """Return the environment variables that make the unmodified SDKs talk to this sandbox. Holds secrets."""
    names = world.names
    hub_key = world.secret("hub-key")
    return {
        "ARM_CLOUD_METADATA_URL": (world.state / "clouds.json").as_uri(),
        "AZUREML_CURRENT_CLOUD": CLOUD,
        "AZURE_CONFIG_DIR": str(world.state / "azure-config"),
        "REQUESTS_CA_BUNDLE": str(world.ca_file),
        "EDGETUI_SANDBOX_ARM": world.base_url,
        "EDGETUI_SANDBOX_TOKEN": tokens.issue(world),
        "EDGETUI_SANDBOX_SUBSCRIPTION": names.subscription,
        "EDGETUI_SANDBOX_RESOURCE_GROUP": names.resource_group,
        "EDGETUI_SANDBOX_WORKSPACE": names.workspace,
        "EDGETUI_SANDBOX_REGISTRY": names.registry,
        "EDGETUI_SANDBOX_LOGIN_SERVER": world.host,
        "EDGETUI_SANDBOX_HUB_CONNECTION_STRING": (
            f"HostName={world.host};SharedAccessKeyName=iothubowner;SharedAccessKey={hub_key}"
        ),
        "EDGETUI_SANDBOX_SCENARIO": world.scenario,
    }


def write(world: World, env_file: Path) -> None:
    """Write the cloud list into the state folder and the `export` lines into `env_file` (0600, at once)."""
    write_private(world.state / "clouds.json", json.dumps([_cloud(world)], indent=1).encode())
    config = world.state / "azure-config"
    config.mkdir(mode=0o700, exist_ok=True)
    # azureml-core keeps the cloud's addresses here and would go on using an earlier port.
    (config / "cloudEndpoints.json").unlink(missing_ok=True)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment(world).items()]
    write_private(env_file, "".join(lines).encode())


def _cloud(world: World) -> dict[str, object]:
    base = world.base_url + "/"
    return {
        "name": CLOUD,
        "portal": "https://portal.edge.sandbox",  # the SDK cuts its audience from it and wants three labels
        "resourceManager": base,
        "authentication": {"loginEndpoint": base, "audiences": [base], "tenant": world.names.tenant},
        "graphAudience": base,
        "gallery": base,
        "batch": base,
        "media": base,
        "sqlManagement": base,
        "vmImageAliasDoc": base,
        "activeDirectoryDataLake": base,
        "azmirrorStorageAccountResourceId": "sandbox",
        "suffixes": {
            "storage": "edge.sandbox",
            "keyVaultDns": "vault.edge.sandbox",
            "sqlServerHostname": "sql.edge.sandbox",
            "azureDataLakeStoreFileSystem": "lake.edge.sandbox",
            "azureDataLakeAnalyticsCatalogAndJob": "jobs.edge.sandbox",
            "acrLoginServer": world.host,
            "mhsmDns": "hsm.edge.sandbox",
            "storageSyncEndpointSuffix": "sync.edge.sandbox",
        },
    }
