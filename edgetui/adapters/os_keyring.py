"""Registry credentials in the machine's keyring; where none answers, in memory for this run only.

`create` makes the side that speaks to the keyring, in a child process: a locked keyring may block for ever. `OsKeyring`
is the Vault port of the app's own process, over that side.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import Any

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error
from edgetui.core.errors import EdgeError
from edgetui.core.models import THIS_RUN_ONLY, RegistryCredential, StoredCredential, VaultState
from edgetui.core.ports import Vault
from edgetui.core.redact import Secret

SERVICE = "edgetui"
# What the child needs of the environment to find the session's keyring; names that end with `_` are prefixes.
PASS_ENV = (
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_",
    "PYTHON_KEYRING_BACKEND",
    "KEYRING_PROPERTY_",
)
_NAMES = {
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Locker",
}
_TERMINAL = {"keyrings.cryptfile"}  # asks for its password on the terminal, which belongs to the screen


def reference_of(login_server: str) -> str:
    """The name under which a registry's credential is kept."""
    return f"vault:acr/{login_server.lower()}"


class KeyringStore:
    """The keyring of this machine; every method raises EdgeError where it does not answer or does not open."""

    def __init__(self) -> None:
        import keyring

        self._chosen = keyring.get_keyring()

    def state(self) -> VaultState:
        """Which keyring answers, or why none does. Never makes it ask for a password."""
        backend, why = self._usable()
        if backend is None:
            return VaultState("memory", THIS_RUN_ONLY, why)
        name = f"OS keyring ({_name(backend)})"
        if not _locked(backend):
            return VaultState("keyring", name)
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            return VaultState("keyring", name, "it is locked, and will ask for its password on the desktop")
        return VaultState("memory", THIS_RUN_ONLY, "the keyring is locked, and there is no desktop to unlock it on")

    def store(self, credential: RegistryCredential) -> StoredCredential:
        """Keep a credential, replacing an older one."""
        backend = self._backend("keep the credential in the keyring")
        reference = reference_of(credential.login_server)
        value = {
            "login_server": credential.login_server,
            "username": credential.username,
            "password": credential.password.reveal(),
        }
        try:
            backend.set_password(SERVICE, reference, json.dumps(value))
            # Some backends take a value and lose it.
            kept = backend.get_password(SERVICE, reference)
        except Exception as problem:  # noqa: BLE001 -- backends raise whatever their libraries do
            raise _failed(problem, "keep the credential in the keyring") from None
        if kept is None or json.loads(kept) != value:
            raise EdgeError(
                "Could not keep the credential in the keyring: it does not give it back", remedy="Look at the keyring."
            )
        return StoredCredential(
            reference, credential.login_server, credential.username, f"OS keyring ({_name(backend)})"
        )

    def fetch(self, reference: str) -> RegistryCredential | None:
        """The credential kept under a reference; None where there is none, or no keyring."""
        backend, _ = self._usable()
        if backend is None:
            return None
        try:
            kept = backend.get_password(SERVICE, reference)
        except Exception as problem:  # noqa: BLE001 -- backends raise whatever their libraries do
            raise _failed(problem, "read the credential from the keyring") from None
        try:
            value = json.loads(kept or "null")
            return RegistryCredential(value["login_server"], value["username"], Secret(value["password"]))
        except (ValueError, KeyError, TypeError):
            return None  # none, or not ours

    def forget(self, reference: str) -> None:
        """Remove a credential; nothing happens where there is none."""
        backend, _ = self._usable()
        if backend is None:
            return
        try:
            if backend.get_password(SERVICE, reference) is not None:
                backend.delete_password(SERVICE, reference)
        except Exception as problem:  # noqa: BLE001 -- backends raise whatever their libraries do
            raise _failed(problem, "remove the credential from the keyring") from None

    def _backend(self, doing: str) -> Any:
        backend, why = self._usable()
        if backend is None:
            raise EdgeError(f"Could not {doing}: {why}", remedy="It is kept for this run only.")
        return backend

    def _usable(self) -> tuple[Any, str]:
        """The backend to use, or None and why. Of a chain only a safe member is used, never the chain itself."""
        why = ""
        for backend in _members(self._chosen):
            refused = _refusal(backend)
            if not refused:
                return backend, ""
            why = why or refused
        return None, why or "no keyring is configured"


def _members(backend: Any) -> Iterator[Any]:
    from keyring.backends.chainer import ChainerBackend

    if not isinstance(backend, ChainerBackend):
        yield backend
        return
    for member in backend.backends:
        yield from _members(member)


def _refusal(backend: Any) -> str:
    """Why a backend cannot keep a secret, or ""."""
    module = type(backend).__module__
    package = ".".join(module.split(".")[:2])
    if module == "keyring.backends.fail":
        if os.name == "posix" and not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
            return "there is no desktop session (D-Bus) here, as over plain SSH"
        return "no keyring service answers in this session"
    if module == "keyring.backends.null":
        return "the keyring is switched off (keyring.backends.null)"
    if package in _TERMINAL or (package == "keyrings.alt" and "Encrypted" in type(backend).__name__):
        return f"{package} asks for its password on the terminal"
    if package == "keyrings.alt" and not module.startswith("keyrings.alt.Windows"):
        return f"{package} keeps passwords in plain text"
    return ""


def _name(backend: Any) -> str:
    return _NAMES.get(type(backend).__module__, type(backend).__module__)


def _locked(backend: Any) -> bool:
    """Whether the Secret Service's collection is locked, without making it ask; other keyrings are not looked into."""
    if type(backend).__module__ != "keyring.backends.SecretService":
        return False
    import secretstorage

    connection = secretstorage.dbus_init()
    try:
        return bool(secretstorage.Collection(connection, "/org/freedesktop/secrets/aliases/default").is_locked())
    except secretstorage.exceptions.SecretStorageException:
        # No collection yet: the first secret makes one, which asks for a new password as unlocking does.
        return True
    finally:
        connection.close()


def _failed(problem: Exception, doing: str) -> EdgeError:
    name = type(problem).__name__
    locked = name in {"KeyringLocked", "InitError"}
    error = as_edge_error(problem, doing)
    if locked:
        error.title = f"Could not {doing}: it is locked"
        error.remedy, error.retryable = (
            "Unlock the keyring (log in on the desktop, or `gnome-keyring-daemon --unlock`).",
            True,
        )
    return error


class OsKeyring:
    """The Vault port: the keyring where it answers, else the memory of this process.

    Args:
        keyring: `KeyringStore` behind a child process, with a deadline on every call.
    """

    def __init__(self, keyring: Vault) -> None:
        self._keyring = keyring
        self._memory: dict[str, RegistryCredential] = {}
        self._why = ""
        self._lock = threading.Lock()

    def state(self) -> VaultState:
        """Which store answers; `memory` once the keyring refused to take a credential in this run."""
        with self._lock:
            if self._why:
                return VaultState("memory", THIS_RUN_ONLY, self._why)
        try:
            return self._keyring.state()
        except EdgeError as error:
            return VaultState("memory", THIS_RUN_ONLY, _reason(error))

    def store(self, credential: RegistryCredential) -> StoredCredential:
        """Keep a credential under `vault:acr/<login server>`; in memory, and saying so, where the keyring does not take it."""
        reference = reference_of(credential.login_server)
        try:
            stored = self._keyring.store(credential)
        except EdgeError as error:
            reason = _reason(error)
            with self._lock:
                self._why = reason
                self._memory[reference] = credential
            return StoredCredential(reference, credential.login_server, credential.username, THIS_RUN_ONLY)
        with self._lock:
            self._why = ""
            self._memory.pop(reference, None)
        return stored

    def fetch(self, reference: str) -> RegistryCredential | None:
        """The credential kept under a reference, or None; EdgeError where the keyring has to be unlocked first."""
        with self._lock:
            known = self._memory.get(reference)
        return known or self._keyring.fetch(reference)

    def forget(self, reference: str) -> None:
        """Remove it; nothing happens where there is none."""
        with self._lock:
            self._memory.pop(reference, None)
        self._keyring.forget(reference)


def _reason(error: EdgeError) -> str:
    """Why the keyring did not do it, in words for the screen; a cancelled call is raised again."""
    if error.kind == "cancelled":
        raise error
    if error.kind == "unreachable":
        return "the keyring does not answer: it may be waiting for its password on another screen"
    return error.title.partition(": ")[2] or error.title


def create(_context: Context) -> KeyringStore:
    """Make the side that speaks to the keyring, in the process that hosts it."""
    return KeyringStore()
