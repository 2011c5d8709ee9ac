"""The registry adapter on the sandbox's wire, and against refusals that only a scripted server gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetui.adapters import web
from edgetui.adapters.cloud import from_environ
from edgetui.adapters.registry import oci_registry
from edgetui.adapters.registry.azure_registry import AzureRegistry, create
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Progress
from edgetui.core.models import RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.redact import Secret
from tests.conftest import Sandbox
from tests.contract.adapters import call, context_of, scripted_context
from tests.contract.test_sandbox_registry import INDEX, MANIFEST, Client, sha256
from tests.loopback import HANG, Asked, Loopback, Reply, serve

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


def registry_id(sandbox: Sandbox, name: str = "") -> str:
    cloud = from_environ(sandbox.env)
    group = f"/subscriptions/{cloud.subscription}/resourceGroups/{cloud.resource_group}"
    return f"{group}/providers/Microsoft.ContainerRegistry/registries/{name or cloud.registry}"


def workspace(sandbox: Sandbox, registry: str) -> WorkspaceInfo:
    cloud = from_environ(sandbox.env)
    return WorkspaceInfo(cloud.subscription, cloud.resource_group, cloud.workspace, registry_id=registry)


@pytest.fixture
def adapter(sandbox: Sandbox) -> AzureRegistry:
    return create(context_of(sandbox))


@pytest.fixture
def registry(sandbox: Sandbox, adapter: AzureRegistry) -> RegistryInfo:
    return adapter.of_workspace(workspace(sandbox, registry_id(sandbox)))


@pytest.fixture
def credential(adapter: AzureRegistry, registry: RegistryInfo) -> RegistryCredential:
    list(adapter.enable_admin(registry))
    return adapter.credential(registry)


@pytest.fixture
def pushing(sandbox: Sandbox, credential: RegistryCredential) -> Client:
    return Client(sandbox, (credential.username, credential.password.reveal()))


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.remedy
    return caught.value


# -- management --------------------------------------------------------------------------------------------------------------


def test_the_registry_of_a_workspace(sandbox: Sandbox, registry: RegistryInfo) -> None:
    assert registry.login_server == sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]
    assert (registry.id, registry.name) == (registry_id(sandbox), sandbox.env["EDGETUI_SANDBOX_REGISTRY"])


def test_a_workspace_without_a_registry_says_what_makes_one(sandbox: Sandbox, adapter: AzureRegistry) -> None:
    error = refused(lambda: adapter.of_workspace(workspace(sandbox, "")))
    assert "no container registry yet" in error.title
    assert "first image" in error.remedy


def test_a_registry_that_is_gone_is_named(sandbox: Sandbox, adapter: AzureRegistry) -> None:
    error = refused(lambda: adapter.of_workspace(workspace(sandbox, registry_id(sandbox, "gone"))))
    assert "gone" in error.title
    assert "does not exist" in error.title


@pytest.mark.parametrize("wrong", ["/subscriptions/x", "nonsense", "/"])
def test_what_is_no_registry_id_is_told(sandbox: Sandbox, adapter: AzureRegistry, wrong: str) -> None:
    assert refused(lambda: adapter.of_workspace(workspace(sandbox, wrong))).kind == "input"


def test_the_admin_user_is_turned_on_with_progress_and_its_password_pulls(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    adapter = create(context_of(sandbox))
    registry = adapter.of_workspace(workspace(sandbox, registry_id(sandbox)))
    assert not registry.admin_enabled
    off = refused(lambda: adapter.credential(registry))
    assert (off.field, "is off" in off.title) == ("registry.credential", True)
    assert "--admin-enabled true" in off.remedy
    events = list(adapter.enable_admin(registry))
    assert events
    assert all(isinstance(event, Progress) and event.job == "credentials" for event in events)
    assert adapter.of_workspace(workspace(sandbox, registry_id(sandbox))).admin_enabled
    credential = adapter.credential(registry)
    assert credential.login_server == registry.login_server
    assert credential.password.reveal() not in repr(credential)
    assert Client(sandbox, (credential.username, credential.password.reveal()))("GET", "/v2/").status_code == 200


def test_waiting_for_the_admin_user_can_be_stopped(adapter: AzureRegistry, registry: RegistryInfo) -> None:
    stop = cancel.Cancellation()
    stop.cancel()
    with cancel.using(stop):
        assert refused_kind(lambda: list(adapter.enable_admin(registry))) == "cancelled"


def refused_kind(work: Callable[[], Any]) -> str:
    with pytest.raises(EdgeError) as caught:
        work()
    return caught.value.kind


def test_a_forged_token_is_an_access_error(sandbox: Sandbox) -> None:
    head, _, _ = sandbox.env["EDGETUI_SANDBOX_TOKEN"].rpartition(".")
    adapter = create(context_of(sandbox, token=f"{head}.forged"))
    error = refused(lambda: adapter.of_workspace(workspace(sandbox, registry_id(sandbox))))
    assert error.kind == "access"
    assert head not in str(error)


def test_a_foreign_certificate_is_not_trusted(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(lambda _: Reply(), tmp_path / "other") as other:
        # The environment names the right authority: what the adapter was given must win.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.env["REQUESTS_CA_BUNDLE"])
        adapter = create(context_of(sandbox, ca_file=other.ca_file))
        error = refused(lambda: adapter.of_workspace(workspace(sandbox, registry_id(sandbox))))
        assert "certificate is not trusted" in error.title
        host = sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]
        data_plane = refused(lambda: adapter.resolve(f"{host}/a:1", RegistryCredential(host, "u", Secret("p"))))
        assert "certificate is not trusted" in data_plane.title


# -- images ------------------------------------------------------------------------------------------------------------------


def test_an_image_is_resolved_with_its_digest_platform_and_size(
    adapter: AzureRegistry, credential: RegistryCredential, pushing: Client
) -> None:
    answer = pushing.push_image("resolve/plain", "1", b"a" * 1000, b"b" * 234)
    found = adapter.resolve(f"{credential.login_server}/resolve/plain:1", credential)
    assert found.digest == answer.headers["Docker-Content-Digest"]
    assert (found.platform, found.size, found.layers) == ("linux/amd64", 1234, 2)
    assert found.by_digest == f"{credential.login_server}/resolve/plain@{found.digest}"
    assert adapter.resolve(found.by_digest, credential).digest == found.digest


def test_an_index_names_its_platforms(adapter: AzureRegistry, credential: RegistryCredential, pushing: Client) -> None:
    answers = [pushing.push_image("resolve/index", f"{n}", b"x" * n) for n in (10, 20)]
    digests = [answer.headers["Docker-Content-Digest"] for answer in answers]
    sizes = [len(pushing("GET", f"/v2/resolve/index/manifests/{digest}").content) for digest in digests]
    platforms = [{"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm", "variant": "v7"}]
    entries = [
        {"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform}
        for digest, size, platform in zip(digests, sizes, platforms, strict=True)
    ]
    entries.append({**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}})  # an attestation
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    answer = pushing("PUT", "/v2/resolve/index/manifests/all", data=body, headers={"Content-Type": INDEX})
    assert answer.status_code == 201, answer.text
    found = adapter.resolve(f"{credential.login_server}/resolve/index:all", credential)
    assert (found.digest, found.platform, found.size) == (sha256(body), "linux/amd64,linux/arm/v7", 10)


def test_an_image_that_is_not_there_is_told_from_a_wrong_credential(
    adapter: AzureRegistry, credential: RegistryCredential
) -> None:
    reference = f"{credential.login_server}/nothing:1"
    missing = refused(lambda: adapter.resolve(reference, credential))
    assert "not in the registry" in missing.title
    wrong = RegistryCredential(credential.login_server, credential.username, Secret("hunter2hunter2"))
    error = refused(lambda: adapter.resolve(reference, wrong))
    assert (error.kind, error.field) == ("access", "registry.credential")
    assert credential.username in error.title
    assert "hunter2" not in str(error)


def test_the_credential_of_another_registry_is_not_sent(adapter: AzureRegistry, credential: RegistryCredential) -> None:
    error = refused(lambda: adapter.resolve("other.azurecr.io/a:1", credential))
    assert "other.azurecr.io" in error.title
    assert refused(lambda: list(adapter.images("other.azurecr.io", credential))).field == "registry.credential"


def test_a_switched_off_admin_user_cannot_pull_any_more(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    adapter = create(context_of(sandbox))
    registry = adapter.of_workspace(workspace(sandbox, registry_id(sandbox)))
    list(adapter.enable_admin(registry))
    credential = adapter.credential(registry)
    Client(sandbox, (credential.username, credential.password.reveal())).push_image("a", "1", b"x")
    assert adapter.resolve(f"{credential.login_server}/a:1", credential).digest
    call(sandbox, "PATCH", registry.id, json={"properties": {"adminUserEnabled": False}}).raise_for_status()
    assert refused(lambda: adapter.resolve(f"{credential.login_server}/a:1", credential)).kind == "access"


def test_images_come_page_by_page(
    adapter: AzureRegistry, credential: RegistryCredential, pushing: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci_registry, "_PAGE", 2)
    for repository in ("page/a", "page/b", "page/c"):
        for tag in ("1", "2", "3"):
            pushing.push_image(repository, tag, b"12345")
    pages = list(adapter.images(credential.login_server, credential))
    assert max(len(page) for page in pages) == 2
    found = {image.reference for page in pages for image in page}
    wanted = {f"{credential.login_server}/page/{letter}:{tag}" for letter in "abc" for tag in "123"}
    assert wanted <= found


@pytest.mark.parametrize("text", ["", "a", "a/b:", "a/b@sha256:12", "https://a/b:1", "a/b c:1"])
def test_what_is_no_reference_is_told(text: str) -> None:
    with pytest.raises(EdgeError) as caught:
        oci_registry.Reference.parse(text)
    assert caught.value.kind == "input"


# -- what only a scripted server says ----------------------------------------------------------------------------------------


def scripted(server: Loopback) -> Callable[[], Any]:
    credential = RegistryCredential(server.host, "puller", Secret("hunter2hunter2"))
    return lambda: create(scripted_context(server)).resolve(f"{server.host}/a:1", credential)


def oci_error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"errors": [{"code": code, "message": message}]})


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (oci_error(403, "DENIED", "client with IP '192.0.2.7' is not allowed access"), "access", "firewall"),
        (oci_error(403, "DENIED", "requested access to the resource is denied"), "access", "puller may not pull"),
        (oci_error(429, "TOOMANYREQUESTS", "slow down"), "unreachable", "too many requests"),
        (Reply(500, b"oops"), "unreachable", "the service failed"),
        (Reply(200, b"<html>portal</html>"), "failed", "does not answer as a container registry"),
        (Reply(200, [1]), "failed", "does not answer as a container registry"),
        (Reply(200, {"schemaVersion": 1}), "failed", "it is no image"),
        (Reply(401, b"", {"WWW-Authenticate": "Negotiate"}), "failed", "does not answer as a container registry"),
    ],
)
def test_refusals_have_titles_of_their_own(tmp_path: Path, reply: Reply, kind: str, words: str) -> None:
    with serve(lambda _: reply, tmp_path / "tls") as server:
        error = refused(scripted(server))
    assert error.kind == kind
    assert words in error.title


def test_the_password_goes_to_the_registry_itself_only(tmp_path: Path) -> None:
    with serve(lambda _: Reply(200, {"token": "x"}), tmp_path / "tls") as thief:
        challenge = {"WWW-Authenticate": f'Bearer realm="{thief.url}/token",service="x"'}
        with serve(lambda _: Reply(401, b"", challenge), tmp_path / "tls") as server:
            error = refused(scripted(server))
    assert "does not answer as a container registry" in error.title
    assert thief.asked == []
    assert all("authorization" not in asked.headers for asked in server.asked)


def test_a_manifest_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:0"}, "layers": []}).encode()
    other = "sha256:" + hashlib.sha256(b"other").hexdigest()
    with serve(lambda _: Reply(200, manifest, {"Docker-Content-Digest": other}), tmp_path / "tls") as server:
        assert "does not match its digest" in refused(scripted(server)).title


def test_basic_authentication_works_too(tmp_path: Path) -> None:
    config = json.dumps({"os": "linux", "architecture": "arm64"}).encode()
    manifest = {"schemaVersion": 2, "config": {"mediaType": DOCKER_CONFIG, "digest": sha256(config)}, "layers": []}

    def answer(asked: Asked) -> Reply:
        if not asked.headers.get("authorization", "").startswith("Basic "):
            return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="registry"'})
        return Reply(200, config if "/blobs/" in asked.path else manifest)

    with serve(answer, tmp_path / "tls") as server:
        assert scripted(server)().platform == "linux/arm64"


def test_a_registry_that_hangs_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.Web.send, "__kwdefaults__", {"seconds": 0.2})
    with serve(lambda _: HANG, tmp_path / "tls") as server:
        error = refused(scripted(server))
    assert "no answer in time" in error.title
    assert (error.kind, error.retryable) == ("unreachable", True)


def test_whoever_is_signed_in_reads_images_without_the_admin_user(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    adapter = create(context_of(sandbox))
    registry = adapter.of_workspace(workspace(sandbox, registry_id(sandbox)))
    assert not registry.admin_enabled
    own = adapter.own_credential(registry)
    client = Client(sandbox, (own.username, own.password.reveal()))
    client.push_image("own", "1", b"layer")
    assert adapter.resolve(f"{registry.login_server}/own:1", own).layers == 1
    forged = create(context_of(sandbox, token="eyJ.forged.token"))
    error = refused(lambda: forged.own_credential(registry))
    assert (error.kind, "may not use registry" in error.title) == ("access", True)
