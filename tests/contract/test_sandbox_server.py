"""The sandbox as a process: it starts, is ready, ends cleanly, and keeps its port and its data; tokens and blobs."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import Sandbox

API = {"api-version": "2022-12-01"}
NewSandbox = Callable[..., Sandbox]


def get(sandbox: Sandbox, path: str, **options: object) -> requests.Response:
    return call(sandbox, "GET", path, **options)


def call(sandbox: Sandbox, method: str, path: str, **options: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.env['EDGETUI_SANDBOX_TOKEN']}"}
    headers |= options.pop("headers", {})  # type: ignore[arg-type]
    with requests.Session() as session:
        session.trust_env = False
        url = path if path.startswith("https://") else sandbox.base_url + path
        return session.request(
            method, url, headers=headers, verify=sandbox.env["REQUESTS_CA_BUNDLE"], timeout=60, **options
        )


def workspace(sandbox: Sandbox) -> str:
    env = sandbox.env
    return (
        f"/subscriptions/{env['EDGETUI_SANDBOX_SUBSCRIPTION']}/resourceGroups/{env['EDGETUI_SANDBOX_RESOURCE_GROUP']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{env['EDGETUI_SANDBOX_WORKSPACE']}"
    )


def new_blob(sandbox: Sandbox, name: str) -> str:
    """A signed URL to write a new blob, as the artifact service gives it."""
    folder = f"{time.time_ns():x}"
    path = f"/artifact/v2.0{workspace(sandbox)}/artifacts/batch/metadata/LocalUpload/{folder}"
    answer = call(sandbox, "POST", path, json={"paths": [{"path": name}]}).json()
    url: str = answer["artifactContentInformation"][name]["contentUri"]
    return url.replace("edgesbx.blob.@", "")


def readable(sandbox: Sandbox, upload: str) -> str:
    """The signed URL to read what was written at `upload`."""
    artifact = re.sub("=(..)", r"%\1", upload.partition("/azureml/")[2].partition("?")[0])
    found = get(sandbox, f"/artifact/v2.0{workspace(sandbox)}/artifacts/prefix/contentinfo/{artifact}").json()
    (only,) = found["value"]
    return str(only["contentUri"])


# --- the process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, None])
def test_it_ends_cleanly_by_signal_and_by_the_end_of_stdin(new_sandbox: NewSandbox, by: signal.Signals | None) -> None:
    sandbox = new_sandbox()
    assert get(sandbox, "/").json()["scenario"] == "happy"
    assert sandbox.stop(by) == 0
    with pytest.raises(requests.ConnectionError):
        get(sandbox, "/")


def test_it_ends_while_a_client_is_in_the_middle_of_an_upload(new_sandbox: NewSandbox) -> None:
    sandbox = new_sandbox()
    upload = new_blob(sandbox, "endless.bin")
    host, port = sandbox.base_url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=sandbox.env["REQUESTS_CA_BUNDLE"])
    with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname=host) as client:
        target = upload.partition(sandbox.base_url)[2]
        client.sendall(f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin".encode())
        assert sandbox.stop(signal.SIGTERM) == 0
    assert not list((sandbox.state / "uploads").iterdir())
    assert not list((sandbox.state / "blobs" / "azureml").rglob("endless.bin"))


def test_a_second_one_on_the_same_state_says_so_in_one_line(sandbox: Sandbox, sandbox_cache: Path) -> None:
    command = [sys.executable, "-m", "edgetui.sandbox", "--state", str(sandbox.state), "--cache", str(sandbox_cache)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert "another sandbox is using" in line


def test_an_unknown_or_a_changed_scenario_is_refused(
    new_sandbox: NewSandbox, tmp_path: Path, sandbox_cache: Path
) -> None:
    def refused(state: Path, name: str) -> str:
        command = [sys.executable, "-m", "edgetui.sandbox", "--state", str(state), "--cache", str(sandbox_cache)]
        done = subprocess.run([*command, "--scenario", name], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        return line

    assert "there is no scenario 'nowhere'; there are: happy, empty-workspace" in refused(tmp_path / "new", "nowhere")
    old = new_sandbox("--scenario", "empty-workspace")
    assert get(old, f"/modelmanagement/v1.0{workspace(old)}/models").json()["value"] == []
    assert old.stop() == 0
    assert "already holds scenario 'empty-workspace'" in refused(old.state, "happy")


def test_port_names_and_data_survive_a_restart(new_sandbox: NewSandbox) -> None:
    first = new_sandbox()
    upload = new_blob(first, "kept.txt")
    assert call(first, "PUT", upload, data=b"kept", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 201
    models = get(first, f"/modelmanagement/v1.0{workspace(first)}/models").json()["value"]
    ca = (first.state / "ca.pem").read_bytes()
    first.stop(signal.SIGTERM)

    second = new_sandbox(state=first.state)
    assert second.base_url == first.base_url
    assert (second.state / "ca.pem").read_bytes() == ca
    assert second.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"] == first.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"]
    assert get(second, f"/modelmanagement/v1.0{workspace(second)}/models").json()["value"] == models
    assert get(second, readable(second, upload)).content == b"kept"
    old_token = {"Authorization": f"Bearer {first.env['EDGETUI_SANDBOX_TOKEN']}"}
    assert get(second, "/subscriptions", params=API, headers=old_token).status_code == 200


def test_a_taken_port_is_replaced_and_said(new_sandbox: NewSandbox) -> None:
    first = new_sandbox()
    first.stop()
    port = int(first.base_url.rpartition(":")[2])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        second = new_sandbox(state=first.state)
        assert second.base_url != first.base_url
        assert get(second, "/").status_code == 200
        said = first.state.with_name(first.state.name + ".stderr").read_text()
        assert f"port {port} is taken" in said


def test_the_env_file_is_private_and_complete(sandbox: Sandbox) -> None:
    env_file = sandbox.state.with_name("state.env")
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert all(line.startswith("export ") for line in env_file.read_text().splitlines())
    assert set(sandbox.env) == {
        "ARM_CLOUD_METADATA_URL",
        "AZUREML_CURRENT_CLOUD",
        "AZURE_CONFIG_DIR",
        "REQUESTS_CA_BUNDLE",
        "EDGETUI_SANDBOX_ARM",
        "EDGETUI_SANDBOX_TOKEN",
        "EDGETUI_SANDBOX_SUBSCRIPTION",
        "EDGETUI_SANDBOX_RESOURCE_GROUP",
        "EDGETUI_SANDBOX_WORKSPACE",
        "EDGETUI_SANDBOX_REGISTRY",
        "EDGETUI_SANDBOX_LOGIN_SERVER",
        "EDGETUI_SANDBOX_HUB_CONNECTION_STRING",
        "EDGETUI_SANDBOX_SCENARIO",
    }
    clouds = json.loads(Path(sandbox.env["ARM_CLOUD_METADATA_URL"].removeprefix("file://")).read_text())
    assert clouds[0]["resourceManager"] == sandbox.base_url + "/"
    shell = subprocess.run(
        ["sh", "-c", f". '{env_file}' && printf %s \"$EDGETUI_SANDBOX_HUB_CONNECTION_STRING\""],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == sandbox.env["EDGETUI_SANDBOX_HUB_CONNECTION_STRING"]


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    from edgetui.sandbox import lifecycle

    with lifecycle.bind(None) as listener:
        assert listener.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY only where the protocol says TCP"


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/subscriptions", "/artifact/v2.0{ws}/artifacts/metadata/a/b/c", "/modelmanagement/v1.0{ws}/models"]
)
def test_no_and_wrong_bearers_are_refused(sandbox: Sandbox, path: str) -> None:
    import jwt

    path = path.format(ws=workspace(sandbox))
    own = jwt.decode(sandbox.env["EDGETUI_SANDBOX_TOKEN"], options={"verify_signature": False})
    key = "not the key of this sandbox, of a good length"
    wrong = [
        "",
        "Basic YTpi",
        "Bearer nonsense",
        "Bearer " + jwt.encode(own, key, algorithm="HS256"),
        "Bearer " + jwt.encode(own, None, algorithm="none"),
    ]
    for header in wrong:
        answer = get(sandbox, path, params=API, headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert get(sandbox, path, params=API).status_code != 401


def test_an_unknown_place_is_an_arm_error(sandbox: Sandbox) -> None:
    answer = get(sandbox, f"/subscriptions/{sandbox.env['EDGETUI_SANDBOX_SUBSCRIPTION']}/nothing", params=API)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "ResourceNotFound"


# --- blobs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(sandbox: Sandbox) -> tuple[str, bytes]:
    """A blob that was put whole: its URL to read, and its bytes."""
    data = bytes(range(256)) * 40 + b"end"
    upload = new_blob(sandbox, "sub dir/ä.bin")
    headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
    done = call(sandbox, "PUT", upload, data=data, headers=headers)
    assert done.status_code == 201
    assert done.headers["ETag"]
    again = call(sandbox, "PUT", upload, data=b"other", headers=headers)
    assert (again.status_code, again.headers["x-ms-error-code"]) == (409, "BlobAlreadyExists")
    return readable(sandbox, upload), data


def test_a_blob_is_read_back_and_described(sandbox: Sandbox, stored: tuple[str, bytes]) -> None:
    url, data = stored
    assert get(sandbox, url).content == data
    head = call(sandbox, "HEAD", url)
    assert head.status_code == 200
    assert head.headers["Content-Length"] == str(len(data))
    assert head.headers["x-ms-blob-type"] == "BlockBlob"


@settings(max_examples=40, deadline=None)
@given(first=st.integers(0, 11000), length=st.integers(0, 11000), header=st.sampled_from(["Range", "x-ms-range"]))
def test_ranges(sandbox: Sandbox, stored: tuple[str, bytes], first: int, length: int, header: str) -> None:
    url, data = stored
    last = "" if length == 0 else str(first + length - 1)
    answer = get(sandbox, url, headers={header: f"bytes={first}-{last}"})
    if first >= len(data):
        assert answer.status_code == 416
        assert answer.headers["x-ms-error-code"] == "InvalidRange"
        return
    assert answer.status_code == 206
    wanted = data[first:] if last == "" else data[first : int(last) + 1]
    assert answer.content == wanted
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(data)}"


NAMES = st.text(
    st.characters(exclude_characters="/\\", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."})


@settings(max_examples=40, deadline=None)
@given(name=NAMES)
@example("ä b.bin")
@example("100%.=41?#%41 +&;.pkl")
def test_any_name_is_kept_whether_or_not_the_client_escapes_what_it_was_given(sandbox: Sandbox, name: str) -> None:
    upload = new_blob(sandbox, name)
    address, _, query = upload.removeprefix(sandbox.base_url).partition("?")
    assert call(sandbox, "PUT", upload, data=name.encode()).status_code == 201
    escaped_again = f"{quote(address, safe='~/')}?{query}"  # what azureml-core does
    assert call(sandbox, "PUT", escaped_again, data=b"again").status_code == 201
    assert get(sandbox, readable(sandbox, upload)).content == b"again"
    folder = sandbox.state / "blobs" / address.rpartition("/")[0].strip("/")
    assert [file.name for file in folder.iterdir()] == [name]


def test_signatures_guard_one_blob_one_right_and_a_time(sandbox: Sandbox, stored: tuple[str, bytes]) -> None:
    url, _ = stored
    write = {"x-ms-blob-type": "BlockBlob"}
    tampered = {
        "signature": url.replace("sig=", "sig=A"),
        "path": url.replace("/azureml/", "/azureml/x"),
        "later end": url.replace("se=20", "se=21"),
        "more rights": url.replace("sp=r&", "sp=rcw&"),
        "no end": "&".join(part for part in url.split("&") if not part.startswith("se=")),
    }
    for what, wrong in tampered.items():
        answer = get(sandbox, wrong)
        assert answer.status_code == 403, what
        assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"
    assert call(sandbox, "PUT", url, data=b"x", headers=write).status_code == 403, "a URL to read must not write"
    assert get(sandbox, url.partition("?")[0]).status_code == 404


def test_an_expired_signature_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    from datetime import timedelta

    from edgetui.sandbox.iot_hub import sas
    from edgetui.sandbox.world import World

    world = World(sandbox.state, tmp_path)  # reads the signing key; the database allows a second reader
    query = sas.query(world, "azureml/x/y", "r", timedelta(seconds=-1))
    world.close()
    answer = get(sandbox, f"/azureml/x/y?{query}")
    assert answer.status_code == 403
    assert "time frame" in answer.text


@pytest.mark.parametrize("name", ["../../../escape", "a//b", "./x", "x/../../../y", "a\nb", "a\0"])
def test_names_that_leave_the_store_are_refused(sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    path = f"/artifact/v2.0{workspace(sandbox)}/artifacts/batch/metadata/LocalUpload/f"
    answer = call(sandbox, "POST", path, json={"paths": [{"path": name}]}).json()
    assert name in answer["errors"]
    assert answer["artifacts"] == {}


def test_blocks_come_together_in_the_order_of_the_list(sandbox: Sandbox) -> None:
    upload = new_blob(sandbox, "blocks.bin")
    blocks = {"YQ==": b"a" * 100_000, "Yg==": b"b" * 50_000, "Yw==": b"never listed"}
    with ThreadPoolExecutor(3) as pool:
        done = pool.map(
            lambda item: call(sandbox, "PUT", f"{upload}&comp=block&blockid={quote(item[0])}", data=item[1]),
            blocks.items(),
        )
        assert [answer.status_code for answer in done] == [201, 201, 201]
    xml = "<BlockList><Latest>Yg==</Latest><Latest>YQ==</Latest></BlockList>"
    unknown = call(sandbox, "PUT", f"{upload}&comp=blocklist", data=xml.replace("YQ", "ZZ"))
    assert (unknown.status_code, unknown.headers["x-ms-error-code"]) == (400, "InvalidBlockList")
    assert call(sandbox, "PUT", f"{upload}&comp=blocklist", data=xml).status_code == 201
    assert get(sandbox, readable(sandbox, upload)).content == b"b" * 50_000 + b"a" * 100_000


def test_an_append_blob_grows(sandbox: Sandbox) -> None:
    upload = new_blob(sandbox, "build.log")
    assert call(sandbox, "PUT", f"{upload}&comp=appendblock", data=b"x").status_code == 404
    assert call(sandbox, "PUT", upload, headers={"x-ms-blob-type": "AppendBlob"}).status_code == 201
    url = readable(sandbox, upload)
    seen = b""
    for line in (b"one\n", b"two\n", b"three\n"):
        offset = call(sandbox, "PUT", f"{upload}&comp=appendblock", data=line).headers["x-ms-blob-append-offset"]
        assert int(offset) == len(seen)
        seen += get(sandbox, url, headers={"Range": f"bytes={len(seen)}-"}).content
    assert seen == b"one\ntwo\nthree\n"
    assert get(sandbox, url, headers={"Range": f"bytes={len(seen)}-"}).status_code == 416
    call(sandbox, "PUT", f"{upload}&comp=metadata", headers={"x-ms-meta-complete": "succeeded"})
    head = call(sandbox, "HEAD", url)
    assert (head.headers["x-ms-blob-type"], head.headers["x-ms-meta-complete"]) == ("AppendBlob", "succeeded")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux's prlimit")
def test_a_disk_that_takes_no_more_is_said_at_once(new_sandbox: NewSandbox) -> None:
    sandbox = new_sandbox()
    upload = new_blob(sandbox, "large.bin")
    resource.prlimit(sandbox.process.pid, resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))  # as a disk with 4 MiB left
    refused = call(sandbox, "PUT", upload, data=b"x" * (6 << 20))
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (413, "InsufficientStorage")
    assert "disk is full" in refused.text
    assert not list((sandbox.state / "uploads").iterdir())
    assert get(sandbox, upload).status_code == 404, "nothing visible was stored"
    assert call(sandbox, "PUT", upload, data=b"small").status_code == 201
