"""Which Azure we talk to: its addresses, its certificate authority, and what its SDKs read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# azureml-core's names of the public clouds, with their resource manager and sign-in hosts.
_PUBLIC = {
    "AzureCloud": ("https://management.azure.com", "https://login.microsoftonline.com"),
    "AzureUSGovernment": ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "AzureChinaCloud": ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}
# Read by azureml-core at import: without them, one fault costs up to four minutes of waiting inside the SDK.
_RETRIES = {
    "AZUREML_DEFAULT_BACKOFF": "1",
    "AZUREML_DEFAULT_RETRIES": "1",
    "AZUREML_DEFAULT_500_BACKOFF": "1",
    "AZUREML_DEFAULT_503_BACKOFF": "1",
}
_SDK_VARIABLES = ("ARM_CLOUD_METADATA_URL", "AZUREML_CURRENT_CLOUD", "AZURE_CONFIG_DIR", "REQUESTS_CA_BUNDLE")
_PREFIX = "EDGETUI_SANDBOX_"


@dataclass(frozen=True)
class Cloud:
    """One Azure; adapters take everything from here and never ask whether it is the sandbox.

    Attributes:
        name: azureml-core's name of the cloud.
        arm: Base URL of the resource manager, without a slash at the end.
        authority: Base URL of the sign-in service.
        token: A bearer token for everything, or "" where azure-identity gets one for each scope.
        subscription: With `resource_group`, `workspace`, `registry` and `login_server`: what a sandbox holds, else "".
        ca_file: Path of the certificate authority to trust, or "" for the machine's own.
        scenario: The sandbox's scenario, "" on real Azure. For display only.
        sdk_env: Environment variables that the SDKs read when they are imported; no secret is among them.
    """

    name: str = "AzureCloud"
    arm: str = "https://management.azure.com"
    authority: str = "https://login.microsoftonline.com"
    token: str = field(default="", repr=False)
    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    registry: str = ""
    login_server: str = ""
    ca_file: str = ""
    scenario: str = ""
    sdk_env: dict[str, str] = field(default_factory=dict)

    @property
    def arm_scope(self) -> str:
        """The OAuth scope of the resource manager."""
        return f"{self.arm}/.default"


def from_environ(environ: Mapping[str, str]) -> Cloud:
    """The cloud that the environment names: a running sandbox where its env file is loaded, else real Azure."""
    if environ.get(_PREFIX + "ARM"):
        return _sandbox(environ)
    name = environ.get("AZUREML_CURRENT_CLOUD", "")
    name = name if name in _PUBLIC else "AzureCloud"
    arm, authority = _PUBLIC[name]
    return Cloud(
        name=name,
        arm=arm,
        authority=environ.get("AZURE_AUTHORITY_HOST", "") or authority,
        ca_file=environ.get("REQUESTS_CA_BUNDLE", ""),
        # Naming the cloud spares azureml-core a look-up of 30 s where management.azure.com does not answer.
        sdk_env={"AZUREML_CURRENT_CLOUD": name, **_RETRIES},
    )


def _sandbox(environ: Mapping[str, str]) -> Cloud:
    def value(name: str) -> str:
        return environ.get(_PREFIX + name, "")

    direct = ",".join(filter(None, ("127.0.0.1,localhost", environ.get("NO_PROXY") or environ.get("no_proxy"))))
    arm = value("ARM").rstrip("/")
    return Cloud(
        name=environ.get("AZUREML_CURRENT_CLOUD", "EdgeSandbox"),
        arm=arm,
        authority=arm,
        token=value("TOKEN"),
        subscription=value("SUBSCRIPTION"),
        resource_group=value("RESOURCE_GROUP"),
        workspace=value("WORKSPACE"),
        registry=value("REGISTRY"),
        login_server=value("LOGIN_SERVER"),
        ca_file=environ.get("REQUESTS_CA_BUNDLE", ""),
        scenario=value("SCENARIO") or "happy",
        sdk_env={
            **{name: environ[name] for name in _SDK_VARIABLES if environ.get(name)},
            **_RETRIES,
            # A proxy of the person's own must not get what is meant for loopback.
            "NO_PROXY": direct,
            "no_proxy": direct,
        },
    )
