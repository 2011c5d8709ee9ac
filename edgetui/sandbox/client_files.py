"""The files that point other programs at this sandbox: the cloud list of the Azure SDKs and the shell's env file."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from edgetui.sandbox import tokens
from edgetui.sandbox.lifecycle import SandboxError
from edgetui.sandbox.tls import write_private
from edgetui.sandbox.world import World

CLOUD = "EdgeSandbox"
ENV_FILE = "sandbox.env"  # in the state folder


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


@contextlib.contextmanager
def written(world: World, wanted: Path | None) -> Iterator[None]:
    """Have the files there during the block: the cloud list, and the `export` lines in `sandbox.env` and in `wanted`.

    All are 0600 and written at once. Whoever finds a `sandbox.env` in a state folder finds a running sandbox, unless it was
    killed; the lines are gone afterwards, but a file that somebody else has written since stays.

    Raises:
        SandboxError: a file cannot be written.
    """
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment(world).items()).encode()
    files = [*([wanted] if wanted else []), world.state / ENV_FILE]
    try:
        _write_clouds(world)
        for file in files:
            _write(file, text)
        yield
    finally:
        for file in files:
            with contextlib.suppress(OSError):
                if file.read_bytes() == text:
                    file.unlink()


def forget(state: Path) -> None:
    """Remove what a killed sandbox left in its state folder."""
    (state / ENV_FILE).unlink(missing_ok=True)


def _write(file: Path, text: bytes) -> None:
    try:
        write_private(file, text)
    except OSError as problem:
        raise SandboxError(f"{file} cannot be written: {problem.strerror or problem}") from None


def _write_clouds(world: World) -> None:
    write_private(world.state / "clouds.json", json.dumps([_cloud(world)], indent=1).encode())
    config = world.state / "azure-config"
    config.mkdir(mode=0o700, exist_ok=True)
    # azureml-core keeps the cloud's addresses here and would go on using an earlier port.
    (config / "cloudEndpoints.json").unlink(missing_ok=True)


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
