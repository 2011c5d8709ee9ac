"""The sandbox's registry with skopeo, an independent OCI client: pushes, pulls, and is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Sandbox, start_sandbox
from tests.contract.client_runs import EXAMPLE, run_client
from tests.real.parts import need

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Skopeo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> Iterator[Sandbox]:
    """A sandbox of these tests' own: they switch its admin user on and off."""
    need("skopeo")
    running = start_sandbox(tmp_path_factory.mktemp("oci") / "state", sandbox_cache)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def built(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An image that azureml-core had built and a device answers with, and the credential that the device pulled it with."""
    return run_client(sandbox, "whole_chain.py", tmp_path_factory.mktemp("built") / "run", str(EXAMPLE))


@pytest.fixture(scope="module")
def credential(built: dict[str, Any]) -> str:
    return f"{built['credential']['username']}:{built['credential']['password']}"


@pytest.fixture
def skopeo(sandbox: Sandbox, tmp_path: Path) -> Skopeo:
    """Run skopeo with a home of its own; `CERTIFICATES` in its arguments is the folder that says whom to trust."""
    (program,) = need("skopeo")
    home = tmp_path / "skopeo"
    certificates, policy = home / "certificates", home / "policy.json"
    certificates.mkdir(parents=True)
    shutil.copy(sandbox.env["REQUESTS_CA_BUNDLE"], certificates / "ca.crt")
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        given = [str(certificates) if argument == "CERTIFICATES" else argument for argument in arguments]
        return subprocess.run(
            [program, "--policy", str(policy), *given],
            capture_output=True,
            text=True,
            timeout=120,
            env=env,
            check=False,
        )

    return run


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blobs(layout: Path) -> dict[str, bytes]:
    """The files of an OCI layout by the digest that each must have."""
    return {file.name: file.read_bytes() for file in (layout / "blobs" / "sha256").iterdir()}


def test_an_image_that_azureml_built_is_pulled(
    built: dict[str, Any], credential: str, skopeo: Skopeo, tmp_path: Path
) -> None:
    image, target = f"docker://{built['image']}", tmp_path / "pulled"
    pulled = skopeo("copy", "--src-cert-dir", "CERTIFICATES", "--src-creds", credential, image, f"oci:{target}:it")
    assert pulled.returncode == 0, pulled.stderr
    files = blobs(target)
    assert {sha256(data) for data in files.values()} == set(files)
    index = json.loads((target / "index.json").read_text())
    manifest = json.loads(files[index["manifests"][0]["digest"][7:]])
    config = json.loads(files[manifest["config"]["digest"][7:]])
    assert config["config"]["ExposedPorts"] == {"5001/tcp": {}}
    assert (config["os"], config["architecture"]) == ("linux", "amd64")

    found: dict[str, bytes] = {}
    for layer, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        plain = gzip.decompress(files[layer["digest"][7:]])
        assert sha256(plain) == diff[7:]
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content:
                    found[member.name] = content.read()
    assert found["var/azureml-app/score.py"] == (EXAMPLE / "score.py").read_bytes()
    (model,) = [data for name, data in found.items() if name.endswith("/model.pkl")]
    assert model == (EXAMPLE / "model.pkl").read_bytes()
    assert b"scikit-learn==1.7.2" in found["azureml-environment/requirements.lock"]


@pytest.mark.parametrize("wrong", ["none", "wrong", "stranger"])
def test_without_the_right_credential_it_is_refused(
    built: dict[str, Any], skopeo: Skopeo, tmp_path: Path, wrong: str
) -> None:
    user = built["credential"]["username"]
    given = {
        "none": ("--src-no-creds",),
        "wrong": ("--src-creds", f"{user}:bm90IGl0"),
        "stranger": ("--src-creds", f"somebody:{built['credential']['password']}"),
    }[wrong]
    target = tmp_path / "pulled"
    refused = skopeo("copy", "--src-cert-dir", "CERTIFICATES", *given, f"docker://{built['image']}", f"oci:{target}:it")
    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr.lower()
    assert not (target / "index.json").exists()


def test_what_is_pushed_comes_back_the_same(sandbox: Sandbox, credential: str, skopeo: Skopeo, tmp_path: Path) -> None:
    layout, digest = image_layout(tmp_path / "layout")
    target = f"docker://{sandbox.env['EDGETUI_SANDBOX_LOGIN_SERVER']}/team/pushed:v1"
    there = ("copy", "--dest-cert-dir", "CERTIFICATES", "--dest-creds", credential)
    assert skopeo(*there, f"oci:{layout}:v1", target).returncode == 0
    inspected = skopeo("inspect", "--cert-dir", "CERTIFICATES", "--creds", credential, target)
    assert json.loads(inspected.stdout)["Digest"] == f"sha256:{digest}"
    back = tmp_path / "back"
    here = ("copy", "--src-cert-dir", "CERTIFICATES", "--src-creds", credential)
    assert skopeo(*here, target, f"oci:{back}:v1").returncode == 0
    assert blobs(back) == blobs(layout)
    refused = skopeo("copy", "--dest-cert-dir", "CERTIFICATES", "--dest-no-creds", f"oci:{layout}:v1", target)
    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr.lower()


def test_the_right_password_is_refused_while_the_admin_user_is_off(
    sandbox: Sandbox, built: dict[str, Any], credential: str, skopeo: Skopeo
) -> None:
    ask = ("inspect", "--cert-dir", "CERTIFICATES", "--creds", credential, f"docker://{built['image']}")
    assert skopeo(*ask).returncode == 0
    set_admin(sandbox, enabled=False)
    refused = skopeo(*ask)
    set_admin(sandbox, enabled=True)
    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr.lower()
    assert skopeo(*ask).returncode == 0


def set_admin(sandbox: Sandbox, *, enabled: bool) -> None:
    env = sandbox.env
    place = (
        f"{sandbox.base_url}/subscriptions/{env['EDGETUI_SANDBOX_SUBSCRIPTION']}/resourceGroups/"
        f"{env['EDGETUI_SANDBOX_RESOURCE_GROUP']}/providers/Microsoft.ContainerRegistry/registries/"
        f"{env['EDGETUI_SANDBOX_REGISTRY']}?api-version=2025-04-01"
    )
    with requests.Session() as session:
        session.trust_env, session.verify = False, env["REQUESTS_CA_BUNDLE"]
        session.headers["Authorization"] = f"Bearer {env['EDGETUI_SANDBOX_TOKEN']}"
        session.patch(place, json={"properties": {"adminUserEnabled": enabled}}, timeout=60).raise_for_status()


def image_layout(folder: Path) -> tuple[Path, str]:
    """A small image as an OCI layout; its folder and its manifest's digest."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    files = folder / "blobs" / "sha256"
    files.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, Any]:
        (files / sha256(data)).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{sha256(data)}", "size": len(data)}

    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(raw.getvalue())}"]},
    }
    layer = put(gzip.compress(raw.getvalue(), mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
    }
    descriptor = put(json.dumps(manifest).encode(), MANIFEST)
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder, str(descriptor["digest"])[7:]
