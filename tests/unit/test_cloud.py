"""Which Azure the environment names: public ones by azureml-core's names, a sandbox by its env file."""

from __future__ import annotations

import pytest

from edgetui.adapters.cloud import from_environ

SANDBOX = {
    "EDGETUI_SANDBOX_ARM": "https://127.0.0.1:4433/",
    "EDGETUI_SANDBOX_TOKEN": "s3cr3t",
    "EDGETUI_SANDBOX_SUBSCRIPTION": "sub",
    "EDGETUI_SANDBOX_LOGIN_SERVER": "127.0.0.1:4433",
    "EDGETUI_SANDBOX_SCENARIO": "denied",
    "EDGETUI_SANDBOX_HUB_CONNECTION_STRING": "HostName=h;SharedAccessKey=k3y",
    "ARM_CLOUD_METADATA_URL": "file:///clouds.json",
    "AZUREML_CURRENT_CLOUD": "EdgeSandbox",
    "REQUESTS_CA_BUNDLE": "/ca.pem",
}


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("", "https://management.azure.com"),
        ("AzureUSGovernment", "https://management.usgovcloudapi.net"),
        ("AzureChinaCloud", "https://management.chinacloudapi.cn"),
        ("NoSuchCloud", "https://management.azure.com"),
    ],
)
def test_real_azure(name: str, arm: str) -> None:
    cloud = from_environ({"AZUREML_CURRENT_CLOUD": name})
    assert (cloud.arm, cloud.arm_scope) == (arm, f"{arm}/.default")
    assert (cloud.token, cloud.scenario, cloud.login_server) == ("", "", "")
    assert cloud.sdk_env["AZUREML_CURRENT_CLOUD"] == cloud.name  # or azureml-core would look the cloud up


def test_a_private_authority_is_kept() -> None:
    assert from_environ({"AZURE_AUTHORITY_HOST": "https://login.example"}).authority == "https://login.example"


def test_a_running_sandbox() -> None:
    cloud = from_environ(SANDBOX)
    assert (cloud.arm, cloud.subscription, cloud.scenario) == ("https://127.0.0.1:4433", "sub", "denied")
    assert (cloud.token, cloud.ca_file, cloud.login_server) == ("s3cr3t", "/ca.pem", "127.0.0.1:4433")


def test_the_sandboxs_secrets_are_in_no_childs_environment_and_no_repr() -> None:
    cloud = from_environ(SANDBOX)
    assert "s3cr3t" not in repr(cloud)
    assert not {"s3cr3t", "k3y"} & set(cloud.sdk_env.values())
    assert "k3y" not in str(vars(cloud))


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_a_proxy_does_not_get_what_is_meant_for_loopback(name: str) -> None:
    cloud = from_environ({**SANDBOX, "HTTPS_PROXY": "http://proxy:3128", name: "intranet"})
    assert cloud.sdk_env["NO_PROXY"] == cloud.sdk_env["no_proxy"] == "127.0.0.1,localhost,intranet"
