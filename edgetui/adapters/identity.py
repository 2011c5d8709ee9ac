"""Sign-in through azure-identity; lives in the identity child, the only process that holds a credential of Azure's."""

from __future__ import annotations

import base64
import binascii
import json
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, Protocol

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, short
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Progress, SignIn
from edgetui.core.models import Account

# What the child needs of the environment: az's folder, service principal, managed identity. `_` ends a prefix.
PASS_ENV = ("AZURE_", "IDENTITY_", "MSI_", "IMDS_", "XDG_CONFIG_HOME")
CODE_SECONDS = 900  # how long a device code is good for
_AZ_SECONDS = 30
_KNOWN_AUTHORITIES = ("login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn")
_NOBODY = "Nobody is signed in"


class TokenGiver(Protocol):
    """The side of the identity child that gives tokens."""

    def token(self, scope: str) -> tuple[str, int]:
        """A bearer token for a scope and when it expires; silent. Raises EdgeError(kind='access')."""
        ...


class AzureIdentity:
    """The Identity port, and tokens for the other children, by one credential.

    `options` of the context: `sign_in` ('auto', 'az', 'device-code', 'service-principal', 'managed-identity'), `tenant`.
    """

    def __init__(self, context: Context) -> None:
        self._cloud = context.cloud
        self._wanted: str = context.options.get("sign_in", "auto")
        self._tenant: str = context.options.get("tenant", "")
        self._method = ""
        self._credential: Any = None

    def sign_in(self) -> Iterator[Event]:
        """Sign in by the first way that works; yields `SignIn` with the code where a person must act."""
        refusal = self._silently()
        if refusal is None:
            return
        if self._wanted not in {"auto", "device-code"}:
            raise refusal
        yield from self._by_device_code()

    def account(self) -> Account:
        """Who is signed in; tries the silent ways. Raises EdgeError(kind='access') where none works."""
        token, expires = self.token(self._cloud.arm_scope)
        claims = _claims(token)
        name = next(
            (str(claims[key]) for key in ("upn", "preferred_username", "unique_name", "name") if claims.get(key)), ""
        )
        name = name or str(claims.get("appid") or claims.get("oid") or "unknown")
        ends = datetime.fromtimestamp(int(claims.get("exp") or expires), timezone.utc)
        return Account(name, self._method, str(claims.get("tid") or self._tenant), ends.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def token(self, scope: str) -> tuple[str, int]:
        """A token for `scope` from the credential in use, else from the first silent way that works."""
        if self._credential is None:
            refusal = self._silently()
            if refusal is not None:
                raise refusal
        return self._get(self._credential, scope)

    def _silently(self) -> EdgeError | None:
        """Take the first silent way that gives a token for ARM; the error says what each of them answered."""
        said: list[str] = []
        for method, make in self._ways():
            refusal = self._try(method, make)
            if refusal is None or refusal.kind == "unreachable":
                return refusal
            said.append(f"{method}: {refusal.detail or refusal.title}")
        remedy = (
            "Run `az login`. Without it, `edgetui` (F8 in step 1) and `edgetui deploy` give a code for your browser."
        )
        if self._wanted == "service-principal":
            remedy = "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET to those of a service principal."
        elif self._wanted == "managed-identity":
            remedy = "Use it on an Azure machine that has a managed identity, or choose another way to sign in."
        return EdgeError(_NOBODY, "\n".join(said), remedy, kind="access")

    def _try(self, method: str, make: Callable[[], Any]) -> EdgeError | None:
        try:
            credential = make()
            self._get(credential, self._cloud.arm_scope)
        except EdgeError as error:
            return error
        self._method, self._credential = method, credential
        return None

    def _ways(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The silent ways, those that this machine gives a hint of, in order."""
        wanted = self._wanted
        if self._cloud.token:
            yield "token", lambda: _Given(self._cloud)
            return
        principal = all(os.environ.get(name) for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")) and (
            os.environ.get("AZURE_CLIENT_SECRET") or os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
        )
        if wanted == "service-principal" or (wanted == "auto" and principal):
            yield "service-principal", self._environment
        machine = (
            os.environ.get("IDENTITY_ENDPOINT") or os.environ.get("MSI_ENDPOINT") or os.environ.get("IMDS_ENDPOINT")
        )
        if wanted == "managed-identity" or (wanted == "auto" and machine):
            yield "managed-identity", self._machine
        if wanted == "az" or (wanted == "auto" and shutil.which("az")):
            yield "az", self._az

    def _environment(self) -> Any:
        from azure.identity import EnvironmentCredential

        return EnvironmentCredential(**self._authority())

    def _machine(self) -> Any:
        from azure.identity import ManagedIdentityCredential

        client = os.environ.get("AZURE_CLIENT_ID") or None
        return ManagedIdentityCredential(client_id=client, retry_total=1, connection_timeout=3, read_timeout=10)

    def _az(self) -> Any:
        from azure.identity import AzureCliCredential

        return AzureCliCredential(tenant_id=self._tenant, process_timeout=_AZ_SECONDS)

    def _authority(self) -> dict[str, Any]:
        host = self._cloud.authority.partition("://")[2].rstrip("/")
        # Microsoft's directory does not know a private cloud's authority and would be asked about it.
        return {"authority": host, "disable_instance_discovery": host not in _KNOWN_AUTHORITIES}

    def _by_device_code(self) -> Iterator[Event]:
        from azure.identity import DeviceCodeCredential

        said: queue.Queue[Event | EdgeError | None] = queue.Queue()

        def prompt(url: str, code: str, _expires: datetime) -> None:
            said.put(SignIn(url, code, f"Open {url} in a browser and enter the code {code}"))

        tenant = {"tenant_id": self._tenant} if self._tenant else {}
        credential = DeviceCodeCredential(
            prompt_callback=prompt,
            timeout=CODE_SECONDS,
            disable_automatic_authentication=True,  # a later call must never wait for a person
            **tenant,
            **self._authority(),
        )

        def run() -> None:
            try:
                credential.authenticate(scopes=[self._cloud.arm_scope])
                self._get(credential, self._cloud.arm_scope)
                said.put(None)
            except Exception as problem:  # noqa: BLE001 -- it ends in the thread that waits
                said.put(as_edge_error(problem, "sign in with a device code"))

        threading.Thread(target=run, daemon=True).start()
        while True:
            one = said.get()
            if isinstance(one, EdgeError):
                raise one
            if one is None:
                self._method, self._credential = "device-code", credential
                yield Progress("workspace", "Signed in", 1, 1)
                return
            yield one

    def _get(self, credential: Any, scope: str) -> tuple[str, int]:
        try:
            token = credential.get_token(scope)
        except Exception as problem:  # noqa: BLE001 -- azure-identity, msal, requests and az each have their own
            if type(problem).__name__ in {"CredentialUnavailableError", "AuthenticationRequiredError"}:
                raise EdgeError(_NOBODY, short(str(problem)), "Sign in again.", kind="access") from None
            raise as_edge_error(problem, "get a token from Azure") from None
        return token.token, int(token.expires_on)


class _Given:
    """A credential that holds one token for every scope."""

    def __init__(self, cloud: Cloud) -> None:
        self.token = cloud.token
        self.expires_on = int(_claims(cloud.token).get("exp") or time.time() + 3600)

    def get_token(self, _scope: str) -> _Given:
        return self


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, not verified: only to show it. Other tokens say nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def create(context: Context) -> AzureIdentity:
    """Make the adapter, in the child process that hosts it."""
    return AzureIdentity(context)
