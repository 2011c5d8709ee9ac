"""Sign-in through the real azure-identity, in its child: every way against a server or program on this machine."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from edgetui import bootstrap
from edgetui.adapters.cloud import Cloud, from_environ
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Progress, SignIn
from edgetui.core.ports import Identity
from edgetui.settings import Settings
from tests.conftest import Sandbox
from tests.loopback import Asked, Loopback, Reply, serve

TENANT = "99999999-0000-0000-0000-000000000000"
EXPIRES = 4_102_444_800  # 2100-01-01
SECRET = "hunter2-client-secret"
Start = Callable[..., Identity]


def jwt(**claims: Any) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return ".".join((part({"alg": "none"}), part({"tid": TENANT, "exp": EXPIRES, **claims}), "c2ln"))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Make the ports of a machine with just these variables; returns their Identity."""
    made: list[bootstrap.WiredPorts] = []
    (tmp_path / "bin").mkdir()
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_", "EDGETUI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # no az but one of the test's own
    monkeypatch.setenv("HOME", str(tmp_path))

    def begin(cloud: Cloud, *, sign_in: str = "auto", tenant: str = "", **environ: str) -> Identity:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        settings = Settings(tmp_path / "state", tmp_path / "cache", tmp_path / "config", sign_in=sign_in, tenant=tenant)
        made.append(bootstrap.ports(settings, lambda: cloud, warm=False))
        return made[-1].identity

    yield begin
    for ports in made:
        bootstrap.close(ports)


def install_az(folder: Path, script: str) -> None:
    az = folder / "bin" / "az"
    az.write_text(f"#!/bin/sh\n{script}\n")
    az.chmod(az.stat().st_mode | stat.S_IXUSR)


class Authority:
    """Answers as Microsoft Entra does, as far as a sign-in needs; `pending` times 'not yet' to a device code."""

    def __init__(self, pending: int = 0, refuse: str = "") -> None:
        self.url = ""
        self.pending = pending
        self.refuse = refuse
        self.forms: list[dict[str, str]] = []

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.split("?")[0].endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/{asked.path.split('/')[1]}"
            return self._json(
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                }
            )
        form = {key: values[0] for key, values in parse_qs(asked.body.decode()).items()}
        self.forms.append(form)
        if asked.path.endswith("/devicecode"):
            return self._json(
                {
                    "device_code": "the-device-code",
                    "user_code": "ABCD-1234",
                    "verification_uri": "https://microsoft.com/devicelogin",
                    "expires_in": 900,
                    "interval": 0,
                    "message": "go",
                }
            )
        if self.pending:
            self.pending -= 1
            return self._json({"error": "authorization_pending", "error_description": "not yet"}, 400)
        if self.refuse:
            return self._json({"error": "invalid_client", "error_description": self.refuse}, 401)
        person = {"uid": "u", "utid": TENANT}
        return self._json(
            {
                "token_type": "Bearer",
                "expires_in": 3600,
                "access_token": jwt(upn="ada@example.org", aud=form.get("scope", "")),
                "refresh_token": "a-refresh-token",
                "scope": form.get("scope", ""),
                "id_token": jwt(
                    preferred_username="ada@example.org", aud=form.get("client_id", ""), sub="s", iss=self.url
                ),
                "client_info": base64.urlsafe_b64encode(json.dumps(person).encode()).rstrip(b"=").decode(),
            }
        )

    @staticmethod
    def _json(body: dict[str, Any], status: int = 200) -> Reply:
        return Reply(status, body, {"Content-Type": "application/json"})


def cloud_of(server: Loopback, authority: Authority) -> Cloud:
    authority.url = server.url
    return Cloud(authority=server.url, sdk_env={"REQUESTS_CA_BUNDLE": server.ca_file, "NO_PROXY": "127.0.0.1"})


def refusal(call: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call()
    return caught.value


def test_the_token_of_a_running_sandbox_is_enough(sandbox: Sandbox, start: Start) -> None:
    identity = start(from_environ(sandbox.env))
    assert list(identity.sign_in()) == []
    account = identity.account()
    assert (account.name, account.method) == ("operator@edge.sandbox", "token")
    assert account.tenant
    assert account.expires.endswith("Z")


def test_nobody_signed_in_says_what_to_do_and_asks_nobody(start: Start) -> None:
    error = refusal(start(Cloud()).account)
    assert (error.kind, error.exit_code) == ("access", 3)
    assert error.title == "Nobody is signed in"
    assert "az login" in error.remedy


def test_az_login_is_used_where_az_is(start: Start, tmp_path: Path) -> None:
    token = jwt(upn="ada@example.org")
    answer = {
        "accessToken": token,
        "expires_on": EXPIRES,
        "expiresOn": "2100-01-01 00:00:00.000000",
        "tokenType": "Bearer",
    }
    install_az(tmp_path, f"echo \"$HOME $@\" >> '{tmp_path}/asked'\necho '{json.dumps(answer)}'")
    account = start(Cloud()).account()
    assert (account.name, account.method, account.tenant) == ("ada@example.org", "az", TENANT)
    assert account.expires == "2100-01-01T00:00:00Z"
    asked = (tmp_path / "asked").read_text().splitlines()[0]
    assert asked.startswith(f"{tmp_path} account get-access-token")  # az must find the person's own ~/.azure
    assert "https://management.azure.com" in asked


def test_az_that_is_not_logged_in_is_told_apart(start: Start, tmp_path: Path) -> None:
    install_az(tmp_path, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    error = refusal(start(Cloud(), sign_in="az").account)
    assert error.kind == "access"
    assert "az login" in error.detail
    assert "Traceback" not in str(error)


def test_a_service_principal_from_the_environment(start: Start, tmp_path: Path) -> None:
    authority = Authority()
    with serve(authority, tmp_path / "tls") as server:
        identity = start(
            cloud_of(server, authority), AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID="app", AZURE_CLIENT_SECRET=SECRET
        )
        assert list(identity.sign_in()) == []
        account = identity.account()
    assert account.method == "service-principal"
    assert authority.forms[0]["grant_type"] == "client_credentials"
    assert authority.forms[0]["client_secret"] == SECRET
    assert authority.forms[0]["scope"] == "https://management.azure.com/.default"


def test_a_service_principal_with_a_wrong_secret_is_refused_without_showing_it(start: Start, tmp_path: Path) -> None:
    authority = Authority(refuse="AADSTS7000215: Invalid client secret provided.")
    with serve(authority, tmp_path / "tls") as server:
        identity = start(
            cloud_of(server, authority),
            sign_in="service-principal",
            AZURE_TENANT_ID=TENANT,
            AZURE_CLIENT_ID="app",
            AZURE_CLIENT_SECRET=SECRET,
        )
        error = refusal(lambda: list(identity.sign_in()))
    assert error.kind == "access"
    assert "AADSTS7000215" in error.detail
    assert SECRET not in str(error)
    assert "AZURE_CLIENT_SECRET" in error.remedy


def test_a_managed_identity_where_the_machine_has_one(start: Start) -> None:
    def answer(_: Asked) -> Reply:
        body = {
            "access_token": jwt(appid="machine"),
            "expires_on": str(EXPIRES),
            "token_type": "Bearer",
            "resource": "arm",
        }
        return Reply(200, body, {"Content-Type": "application/json"})

    with serve(answer) as server:
        account = start(Cloud(), IDENTITY_ENDPOINT=f"{server.url}/msi/token", IDENTITY_HEADER="h").account()
        asked = server.asked[0]
    assert (account.name, account.method) == ("machine", "managed-identity")
    assert asked.headers["x-identity-header"] == "h"


def test_a_device_code_is_shown_and_waited_for(start: Start, tmp_path: Path) -> None:
    authority = Authority(pending=2)
    with serve(authority, tmp_path / "tls") as server:
        identity = start(cloud_of(server, authority), sign_in="device-code")
        assert refusal(identity.account).kind == "access"  # never interactive
        events = list(identity.sign_in())
        account = identity.account()
    assert [type(event) for event in events] == [SignIn, Progress]
    assert isinstance(events[0], SignIn)
    assert (events[0].url, events[0].code) == ("https://microsoft.com/devicelogin", "ABCD-1234")
    assert (account.name, account.method) == ("ada@example.org", "device-code")
    assert authority.pending == 0


def test_a_device_code_can_be_given_up(start: Start, tmp_path: Path) -> None:
    authority = Authority(pending=10**6)
    cancellation = cancel.Cancellation()
    with serve(authority, tmp_path / "tls") as server, cancel.using(cancellation):
        events = iter(start(cloud_of(server, authority), sign_in="device-code").sign_in())
        assert isinstance(next(events), SignIn)
        cancellation.cancel()
        assert refusal(lambda: next(events)).kind == "cancelled"


def test_a_sign_in_service_that_cannot_be_reached_is_no_missing_sign_in(start: Start) -> None:
    identity = start(
        Cloud(authority="https://127.0.0.1:1"),
        AZURE_TENANT_ID=TENANT,
        AZURE_CLIENT_ID="app",
        AZURE_CLIENT_SECRET=SECRET,
    )
    error = refusal(identity.account)
    assert (error.kind, error.retryable) == ("unreachable", True)


def test_no_child_but_the_one_for_sign_in_gets_the_client_secret(start: Start, tmp_path: Path) -> None:
    start(Cloud(), AZURE_CLIENT_SECRET=SECRET)
    from edgetui.adapters.hosting.process import _environment
    from edgetui.adapters.identity import PASS_ENV

    others = _environment(os.environ, Cloud(), tmp_path, private_home=True, pass_env=())
    assert SECRET not in str(others)
    assert SECRET in str(_environment(os.environ, Cloud(), tmp_path, private_home=False, pass_env=PASS_ENV))


def test_tokens_are_fetched_once_and_again_after_a_sign_in(start: Start, tmp_path: Path) -> None:
    from edgetui.adapters.tokens import Tokens

    fetched: list[str] = []

    def fetch(scope: str) -> tuple[str, int]:
        fetched.append(scope)
        return f"{scope}-{len(fetched)}", int(time.time()) + (3600 if scope == "long" else 60)

    tokens = Tokens(fetch)
    assert tokens.get("long") == tokens.get("long")
    tokens.get("short")
    tokens.get("short")
    assert fetched == ["long", "short", "short"]  # one that is about to expire is not handed out
    tokens.forget()
    assert tokens.get("long")[0] == "long-4"


def test_a_cancelled_call_leaves_the_fetch_of_a_token_to_the_others() -> None:
    from edgetui.adapters.tokens import Tokens

    asked, answer = threading.Event(), threading.Event()

    def fetch(scope: str) -> tuple[str, int]:
        asked.set()
        assert answer.wait(60)
        return scope, EXPIRES

    tokens = Tokens(fetch)
    cancellation = cancel.Cancellation()
    said: list[EdgeError] = []

    def ask() -> None:
        with cancel.using(cancellation):
            said.append(refusal(lambda: tokens.get("arm")))

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    assert asked.wait(60)
    cancellation.cancel()
    waiting.join(60)
    assert [error.kind for error in said] == ["cancelled"]
    answer.set()
    assert tokens.get("arm") == ("arm", EXPIRES)
