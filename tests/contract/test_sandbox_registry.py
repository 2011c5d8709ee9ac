"""The sandbox's registry on the wire: the distribution API and its two ways to sign in."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Sandbox

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def arm(sandbox: Sandbox, method: str, path: str = "", body: Any = None) -> requests.Response:
    env = sandbox.env
    url = (
        f"{sandbox.base_url}/subscriptions/{env['EDGETUI_SANDBOX_SUBSCRIPTION']}/resourceGroups/"
        f"{env['EDGETUI_SANDBOX_RESOURCE_GROUP']}/providers/Microsoft.ContainerRegistry/registries/"
        f"{env['EDGETUI_SANDBOX_REGISTRY']}{path}?api-version=2025-04-01"
    )
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {env['EDGETUI_SANDBOX_TOKEN']}"}
        return session.request(method, url, json=body, headers=headers, verify=env["REQUESTS_CA_BUNDLE"], timeout=60)


def admin(sandbox: Sandbox, *, enabled: bool) -> None:
    assert arm(sandbox, "PATCH", body={"properties": {"adminUserEnabled": enabled}}).status_code == 201


class Client:
    """A client of one repository, of plain requests."""

    def __init__(self, sandbox: Sandbox, auth: tuple[str, str] | None) -> None:
        self.sandbox, self.auth = sandbox, auth
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = sandbox.env["REQUESTS_CA_BUNDLE"]
        self.session.auth = auth

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("https://") else self.sandbox.base_url + path
        return self.session.request(method, url, timeout=60, **options)

    def push_blob(self, repository: str, data: bytes) -> dict[str, Any]:
        digest = sha256(data)
        answer = self("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data=data)
        assert answer.status_code == 201, answer.text
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}

    def push_image(self, repository: str, tag: str, *layers: bytes, media_type: str = MANIFEST) -> requests.Response:
        config = self.push_blob(repository, json.dumps({"architecture": "amd64", "os": "linux"}).encode())
        config["mediaType"] = "application/vnd.oci.image.config.v1+json"
        body = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": config,
            "layers": [self.push_blob(repository, layer) for layer in layers],
        }
        headers = {"Content-Type": media_type}
        return self("PUT", f"/v2/{repository}/manifests/{tag}", data=json.dumps(body), headers=headers)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.fixture(scope="module")
def credentials(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    admin(sandbox, enabled=True)
    given = arm(sandbox, "POST", "/listCredentials").json()
    yield given["username"], given["passwords"][1]["value"]
    admin(sandbox, enabled=False)


@pytest.fixture
def client(sandbox: Sandbox, credentials: tuple[str, str]) -> Client:
    return Client(sandbox, credentials)


@pytest.fixture
def repository() -> str:
    return f"team/app-{uuid.uuid4().hex[:8]}"


# --- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", [None, ("edgeacr", "wrong"), ("someone", "wrong"), ("", "")])
def test_without_a_right_credential_everything_is_refused(
    sandbox: Sandbox, credentials: tuple[str, str], auth: tuple[str, str] | None
) -> None:
    stranger = Client(sandbox, auth)
    for method, path in (("GET", "/v2/"), ("GET", "/v2/a/tags/list"), ("POST", "/v2/a/blobs/uploads/")):
        answer = stranger(method, path)
        assert code(answer) == (401, "UNAUTHORIZED")
        assert answer.json()["errors"][0]["message"] == "authentication required"
        realm = (
            f'Bearer realm="{sandbox.base_url}/oauth2/token",service="{sandbox.env["EDGETUI_SANDBOX_LOGIN_SERVER"]}"'
        )
        assert answer.headers["WWW-Authenticate"].startswith(realm)
    assert stranger("GET", "/oauth2/token?scope=repository:a:pull").status_code == 401
    assert stranger("POST", "/oauth2/exchange", data={"access_token": "no"}).status_code == 401


def test_a_large_upload_without_credentials_gets_its_401_and_not_a_broken_pipe(sandbox: Sandbox) -> None:
    answer = Client(sandbox, None)("POST", "/v2/a/blobs/uploads/?digest=sha256:0", data=b"x" * (8 << 20))
    assert code(answer) == (401, "UNAUTHORIZED")


def test_a_token_opens_what_its_scope_names_and_nothing_else(client: Client, repository: str) -> None:
    client.push_image(repository, "v1", b"layer")
    answer = client("GET", f"/oauth2/token?service=x&scope=repository:{repository}:pull")
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    holder = Client(client.sandbox, None)
    assert holder("GET", "/v2/", headers=bearer).status_code == 200
    assert holder("GET", f"/v2/{repository}/manifests/v1", headers=bearer).status_code == 200
    push = holder("POST", f"/v2/{repository}/blobs/uploads/", headers=bearer)
    assert push.status_code == 401
    assert f'scope="repository:{repository}:push",error="insufficient_scope"' in push.headers["WWW-Authenticate"]
    assert holder("GET", "/v2/other/manifests/v1", headers=bearer).status_code == 401
    assert holder("GET", "/v2/_catalog", headers=bearer).status_code == 401
    forged = {"Authorization": bearer["Authorization"][:-3] + "abc"}
    assert holder("GET", f"/v2/{repository}/manifests/v1", headers=forged).status_code == 401
    # The resource manager's token is another thing.
    foreign = {"Authorization": f"Bearer {client.sandbox.env['EDGETUI_SANDBOX_TOKEN']}"}
    assert holder("GET", f"/v2/{repository}/manifests/v1", headers=foreign).status_code == 401


def test_tokens_by_password_form_and_by_exchange_of_the_resource_managers_token(client: Client) -> None:
    assert client.auth is not None
    holder = Client(client.sandbox, None)
    form = {"grant_type": "password", "username": client.auth[0], "password": client.auth[1]}
    form["scope"] = "registry:catalog:*"
    answer = holder("POST", "/oauth2/token", data=form)
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert holder("GET", "/v2/_catalog", headers=bearer).status_code == 200

    exchange = {"grant_type": "access_token", "access_token": client.sandbox.env["EDGETUI_SANDBOX_TOKEN"]}
    refresh = holder("POST", "/oauth2/exchange", data=exchange).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": "repository:a/b:pull,push"}
    bearer = {"Authorization": f"Bearer {holder('POST', '/oauth2/token', data=form).json()['access_token']}"}
    assert holder("POST", "/v2/a/b/blobs/uploads/", headers=bearer).status_code == 202
    as_access = {"Authorization": f"Bearer {refresh}"}
    assert holder("GET", "/v2/", headers=as_access).status_code == 401


def test_the_admin_user_counts_only_while_it_is_enabled(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    assert arm(sandbox, "POST", "/listCredentials").status_code == 400
    admin(sandbox, enabled=True)
    given = arm(sandbox, "POST", "/listCredentials").json()
    client = Client(sandbox, (given["username"], given["passwords"][0]["value"]))
    assert client("GET", "/v2/").status_code == 200
    bearer = {"Authorization": f"Bearer {client('GET', '/oauth2/token').json()['access_token']}"}
    assert Client(sandbox, None)("GET", "/v2/", headers=bearer).status_code == 200
    admin(sandbox, enabled=False)
    assert code(client("GET", "/v2/")) == (401, "UNAUTHORIZED")
    assert client("GET", "/oauth2/token").status_code == 401
    assert Client(sandbox, None)("GET", "/v2/", headers=bearer).status_code == 401
    admin(sandbox, enabled=True)
    assert client("GET", "/v2/").status_code == 200
    arm(sandbox, "POST", "/regenerateCredential", {"name": "password"})
    assert client("GET", "/v2/").status_code == 401


# --- pushing and pulling -------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_blob_comes_back_the_same_however_it_was_cut(
    sandbox: Sandbox, credentials: tuple[str, str], data: st.DataObject
) -> None:
    client = Client(sandbox, credentials)
    blob = data.draw(st.binary(max_size=3000))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(blob)), max_size=4)))
    ranged = data.draw(st.booleans())
    pieces = [blob[a:b] for a, b in zip([0, *cuts], [*cuts, len(blob)], strict=True)]
    answer = client("POST", "/v2/cut/blobs/uploads/")
    assert answer.status_code == 202
    place, offset = answer.headers["Location"], 0
    for piece in pieces[:-1]:
        headers = {"Content-Type": "application/octet-stream"}
        if ranged and piece:
            headers["Content-Range"] = f"{offset}-{offset + len(piece) - 1}"
        answer = client("PATCH", place, data=piece, headers=headers)
        offset += len(piece)
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{max(offset - 1, 0)}"
        place = answer.headers["Location"]
    assert client("GET", place).headers["Range"] == f"0-{max(offset - 1, 0)}"
    answer = client("PUT", f"{place}?digest={sha256(blob)}", data=pieces[-1])
    assert answer.status_code == 201
    back = client("GET", answer.headers["Location"])
    assert back.content == blob
    assert back.headers["Docker-Content-Digest"] == sha256(blob)
    assert client("GET", place).status_code == 404
    head = client("HEAD", answer.headers["Location"])
    assert head.headers["Content-Length"] == str(len(blob))
    if blob:
        first = data.draw(st.integers(0, len(blob) - 1))
        last = data.draw(st.integers(first, len(blob) - 1))
        part = client("GET", f"/v2/cut/blobs/{sha256(blob)}", headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, blob[first : last + 1])


def test_a_chunk_at_the_wrong_place_or_of_the_wrong_length_changes_nothing(client: Client, repository: str) -> None:
    place = client("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    assert client("PATCH", place, data=b"abc", headers={"Content-Range": "0-2"}).status_code == 202
    for bad in ("0-2", "4-6", "nonsense"):
        answer = client("PATCH", place, data=b"def", headers={"Content-Range": bad})
        assert code(answer) == (416, "BLOB_UPLOAD_INVALID")
    assert code(client("PATCH", place, data=b"def", headers={"Content-Range": "3-9"})) == (400, "SIZE_INVALID")
    assert client("PUT", f"{place}?digest={sha256(b'abcdef')}", data=b"def").status_code == 201


def test_a_wrong_digest_is_refused_and_stores_nothing(client: Client, repository: str) -> None:
    for wrong in (sha256(b"other"), "sha256:../../../etc/passwd", "md5:abc", ""):
        place = client("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        assert code(client("PUT", place, params={"digest": wrong}, data=b"this")) == (400, "DIGEST_INVALID")
        assert client("GET", place).status_code == 404
    assert code(client("GET", f"/v2/{repository}/blobs/{sha256(b'other')}")) == (404, "BLOB_UNKNOWN")
    place = client("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    assert client("DELETE", place).status_code == 204
    assert code(client("PUT", f"{place}?digest={sha256(b'this')}", data=b"this")) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_another_repository_and_belongs_to_each(client: Client, repository: str) -> None:
    digest = client.push_blob(repository, b"shared " + repository.encode())["digest"]
    other = f"{repository}-2"
    assert client("HEAD", f"/v2/{other}/blobs/{digest}").status_code == 404
    answer = client("POST", f"/v2/{other}/blobs/uploads/?mount={digest}&from={repository}")
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest)
    unknown = client("POST", f"/v2/{other}/blobs/uploads/?mount={sha256(b'no')}&from={repository}")
    assert unknown.status_code == 202
    assert client("DELETE", f"/v2/{repository}/blobs/{digest}").status_code == 202
    assert client("HEAD", f"/v2/{repository}/blobs/{digest}").status_code == 404
    assert client("GET", f"/v2/{other}/blobs/{digest}").content == b"shared " + repository.encode()


@pytest.mark.parametrize("media_type", [MANIFEST, DOCKER])
def test_a_manifest_is_found_by_tag_and_by_digest_as_it_was_stored(
    client: Client, repository: str, media_type: str
) -> None:
    pushed = client.push_image(repository, "v1", b"one", b"two", media_type=media_type)
    assert pushed.status_code == 201
    digest = pushed.headers["Docker-Content-Digest"]
    for reference in ("v1", digest):
        answer = client("GET", f"/v2/{repository}/manifests/{reference}")
        assert (answer.headers["Content-Type"], answer.headers["Docker-Content-Digest"]) == (media_type, digest)
        assert sha256(answer.content) == digest
        head = client("HEAD", f"/v2/{repository}/manifests/{reference}")
        assert head.headers["Content-Length"] == str(len(answer.content))
    assert code(client("GET", f"/v2/{repository}/manifests/v2")) == (404, "MANIFEST_UNKNOWN")
    assert client("DELETE", f"/v2/{repository}/manifests/v1").status_code == 202
    assert client("GET", f"/v2/{repository}/manifests/v1").status_code == 404
    assert client("DELETE", f"/v2/{repository}/manifests/{digest}").status_code == 202
    assert client("GET", f"/v2/{repository}/manifests/{digest}").status_code == 404


def test_a_manifest_must_be_one_and_name_what_is_there(client: Client, repository: str) -> None:
    def put(body: Any, kind: str = MANIFEST, tag: str = "v1") -> tuple[int, str]:
        text = body if isinstance(body, str) else json.dumps(body)
        return code(client("PUT", f"/v2/{repository}/manifests/{tag}", data=text, headers={"Content-Type": kind}))

    config = client.push_blob(repository, b"{}")
    missing = {"digest": sha256(b"missing"), "size": 7}
    good = {"schemaVersion": 2, "config": config, "layers": []}
    assert put("{") == (400, "MANIFEST_INVALID")
    assert put("[" * 100_000) == (400, "MANIFEST_INVALID")
    assert put({**good, "schemaVersion": 1}) == (400, "MANIFEST_INVALID")
    assert put(good, "text/plain") == (400, "MANIFEST_INVALID")
    assert put({**good, "mediaType": DOCKER}) == (400, "MANIFEST_INVALID")
    assert put({**good, "layers": [missing]}) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert put({**good, "config": {**config, "size": 99}}) == (400, "SIZE_INVALID")
    assert put({"schemaVersion": 2, "manifests": [missing]}, INDEX) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert put(good, tag="not,a,tag") == (400, "TAG_INVALID")
    assert put(good, tag=sha256(b"other")) == (400, "DIGEST_INVALID")
    assert code(client("GET", "/v2/UPPER/manifests/v1")) == (400, "NAME_INVALID")
    assert code(client("GET", f"/v2/{repository}/manifests/v1")) == (404, "MANIFEST_UNKNOWN")


def test_an_index_and_a_referrer(client: Client, repository: str) -> None:
    image = client.push_image(repository, "amd64", b"layer")
    raw = client("GET", f"/v2/{repository}/manifests/amd64").content
    descriptor = {"mediaType": MANIFEST, "digest": image.headers["Docker-Content-Digest"], "size": len(raw)}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
    headers = {"Content-Type": INDEX}
    assert client("PUT", f"/v2/{repository}/manifests/all", data=json.dumps(index), headers=headers).status_code == 201
    assert client("GET", f"/v2/{repository}/manifests/all").headers["Content-Type"] == INDEX

    note = {
        "schemaVersion": 2,
        "artifactType": "application/x-note",
        "config": client.push_blob(repository, b"{}"),
        "layers": [],
        "subject": descriptor,
    }
    headers = {"Content-Type": MANIFEST}
    answer = client("PUT", f"/v2/{repository}/manifests/note", data=json.dumps(note), headers=headers)
    assert answer.headers["OCI-Subject"] == descriptor["digest"]
    listed = client("GET", f"/v2/{repository}/referrers/{descriptor['digest']}").json()["manifests"]
    assert [(one["digest"], one["artifactType"]) for one in listed] == [
        (answer.headers["Docker-Content-Digest"], "application/x-note")
    ]
    filtered = client("GET", f"/v2/{repository}/referrers/{descriptor['digest']}?artifactType=other")
    assert (filtered.json()["manifests"], filtered.headers["OCI-Filters-Applied"]) == ([], "artifactType")


def test_tags_and_the_catalog_come_in_pages(client: Client, repository: str) -> None:
    tags = [f"v{number}" for number in range(5)]
    for tag in tags:
        assert client.push_image(repository, tag, b"layer").status_code == 201
    path, found, pages = f"/v2/{repository}/tags/list?n=2", [], 0
    while path:
        answer = client("GET", path)
        assert answer.json()["name"] == repository
        found += answer.json()["tags"]
        path, pages = answer.links.get("next", {}).get("url", ""), pages + 1
    assert (found, pages) == (tags, 3)
    assert client("GET", f"/v2/{repository}/tags/list").json()["tags"] == tags
    assert code(client("GET", f"/v2/{repository}/tags/list?n=x")) == (400, "PAGINATION_NUMBER_INVALID")
    assert code(client("GET", "/v2/nothing/tags/list")) == (404, "NAME_UNKNOWN")
    path, found = "/v2/_catalog?n=1", []
    while path:
        answer = client("GET", path)
        found += answer.json()["repositories"]
        path = answer.links.get("next", {}).get("url", "")
    assert repository in found
    assert found == sorted(set(found))


def test_an_interrupted_chunk_can_be_resumed(client: Client, repository: str) -> None:
    place = client("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]

    def broken() -> Iterator[bytes]:
        yield b"a" * 70_000
        raise ConnectionAbortedError

    with pytest.raises((ConnectionAbortedError, requests.RequestException)):
        client("PATCH", place, data=broken())
    client.session.close()
    while (answer := client("PATCH", place, data=b"")).status_code == 409:
        assert answer.json()  # the server has not noticed yet that the other connection is gone
    arrived = int(answer.headers["Range"].partition("-")[2]) + 1
    rest = b"a" * (70_000 - (arrived if arrived > 1 else 0)) + b"b"
    if arrived == 1:  # `0-0` is also what nothing at all looks like
        arrived = 0
    blob = b"a" * 70_000 + b"b"
    assert client("PUT", f"{place}?digest={sha256(blob)}", data=rest).status_code == 201


def test_basic_credentials_with_odd_bytes_are_refused_and_not_an_error(client: Client) -> None:
    for odd in (b"\xff\xfe:x", b"nocolon", b"edgeacr:\xc3\x28"):
        headers = {"Authorization": "Basic " + base64.b64encode(odd).decode()}
        assert Client(client.sandbox, None)("GET", "/v2/", headers=headers).status_code == 401
