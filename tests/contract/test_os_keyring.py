"""The vault: which backends are used, what happens where none answers, and that a secret shows nowhere."""

from __future__ import annotations

import json
import os
from typing import Any

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from edgetui.adapters.os_keyring import KeyringStore, OsKeyring, reference_of
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.models import THIS_RUN_ONLY, RegistryCredential, StoredCredential, VaultState
from edgetui.core.redact import Secret

CREDENTIAL = RegistryCredential("edgeacr.azurecr.io", "edgeacr", Secret("hunter2hunter2"))
REFERENCE = "vault:acr/edgeacr.azurecr.io"


def backend(module: str, name: str = "Keyring", **members: Any) -> keyring.backend.KeyringBackend:
    """A keyring backend of some package, that keeps values in a dict; `viable` only when a test chooses it."""

    def get(self: Any, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def put(self: Any, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete(self: Any, service: str, username: str) -> None:
        del self.kept[service, username]

    usual = {"get_password": get, "set_password": put, "delete_password": delete, "priority": 0.1, "kept": {}}
    made = type(name, (keyring.backend.KeyringBackend,), {**usual, "__module__": module, **members})()
    keyring.backend.KeyringBackend._classes.discard(type(made))
    assert isinstance(made, keyring.backend.KeyringBackend)
    return made


def store_over(monkeypatch: pytest.MonkeyPatch, chosen: Any) -> KeyringStore:
    monkeypatch.setattr(keyring, "get_keyring", lambda: chosen)
    return KeyringStore()


def chain(*members: Any) -> Any:
    made = type("Chain", (keyring.backends.chainer.ChainerBackend,), {"backends": members, "viable": False})
    keyring.backend.KeyringBackend._classes.discard(made)
    return made()


def raising(error: Exception) -> Any:
    def method(*_: Any) -> None:
        raise error

    return method


# -- the side that speaks to the keyring -------------------------------------------------------------------------------------


def test_a_credential_goes_in_comes_back_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: Any = backend("keyring.backends.kwallet")
    store = store_over(monkeypatch, chosen)
    assert store.state() == VaultState("keyring", "OS keyring (KWallet)")
    assert store.fetch(REFERENCE) is None
    stored = store.store(CREDENTIAL)
    assert stored == StoredCredential(REFERENCE, "edgeacr.azurecr.io", "edgeacr", "OS keyring (KWallet)")
    assert list(chosen.kept) == [("edgetui", REFERENCE)]
    assert store.fetch(REFERENCE) == CREDENTIAL
    store.forget(REFERENCE)
    assert store.fetch(REFERENCE) is None
    store.forget(REFERENCE)


@pytest.mark.parametrize("value", ["", "{", "null", "[1]", '{"username": "x"}', '"text"'])
def test_what_is_not_ours_counts_as_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    chosen: Any = backend("keyring.backends.kwallet")
    chosen.kept["edgetui", REFERENCE] = value
    assert store_over(monkeypatch, chosen).fetch(REFERENCE) is None


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (keyring.backends.fail.Keyring(), "D-Bus"),
        (keyring.backends.null.Keyring(), "switched off"),
        (backend("keyrings.alt.file", "PlaintextKeyring"), "plain text"),
        (backend("keyrings.alt.file", "EncryptedKeyring"), "terminal"),
        (backend("keyrings.cryptfile.cryptfile", "CryptFileKeyring"), "terminal"),
        (chain(backend("keyrings.alt.file", "PlaintextKeyring")), "plain text"),
        (chain(), "no keyring is configured"),
    ],
)
def test_unsafe_backends_are_not_used(monkeypatch: pytest.MonkeyPatch, chosen: Any, why: str) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    store = store_over(monkeypatch, chosen)
    state = store.state()
    assert (state.kind, state.name) == ("memory", THIS_RUN_ONLY)
    assert why in state.why
    with pytest.raises(EdgeError, match="keep the credential"):
        store.store(CREDENTIAL)
    assert getattr(chosen, "kept", {}) == {}
    assert store.fetch(REFERENCE) is None
    store.forget(REFERENCE)


def test_of_a_chain_the_safe_member_is_used_and_never_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plain: Any = backend("keyrings.alt.file", "PlaintextKeyring")
    safe: Any = backend("keyring.backends.kwallet")
    store = store_over(monkeypatch, chain(plain, safe))
    store.store(CREDENTIAL)
    assert plain.kept == {}
    assert json.loads(safe.kept["edgetui", REFERENCE])["username"] == "edgeacr"


@pytest.mark.parametrize(
    "error",
    [
        keyring.errors.KeyringLocked("locked"),
        keyring.errors.InitError("dismissed"),
        RuntimeError("odd"),
        OSError(5, "x"),
    ],
)
def test_a_keyring_that_refuses_is_an_error_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken = backend(
        "keyring.backends.kwallet",
        get_password=raising(error),
        set_password=raising(type(error)(*error.args, "hunter2hunter2") if type(error) is RuntimeError else error),
    )
    store = store_over(monkeypatch, broken)
    for work in (lambda: store.store(CREDENTIAL), lambda: store.fetch(REFERENCE), lambda: store.forget(REFERENCE)):
        with pytest.raises(EdgeError) as caught:
            work()
        assert "keyring" in caught.value.title
        assert caught.value.__cause__ is None
    if isinstance(error, keyring.errors.KeyringError):
        assert "locked" in caught.value.title
        assert "Unlock" in caught.value.remedy


def test_a_keyring_that_loses_what_it_took_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = backend("keyring.backends.kwallet", set_password=lambda *_: None)
    with pytest.raises(EdgeError, match="does not give it back"):
        store_over(monkeypatch, lossy).store(CREDENTIAL)


# -- the side of the app -----------------------------------------------------------------------------------------------------


class Refusing:
    """A keyring behind a child that fails as it is told."""

    def __init__(self, error: EdgeError) -> None:
        self.error = error

    def state(self) -> VaultState:
        raise self.error

    def store(self, credential: RegistryCredential) -> StoredCredential:
        raise self.error

    def fetch(self, reference: str) -> RegistryCredential | None:
        raise self.error

    def forget(self, reference: str) -> None:
        raise self.error


HUNG = EdgeError("Could not keep the credential: no answer in time", retryable=True, kind="unreachable")
LOCKED = EdgeError("Could not keep the credential in the keyring: it is locked", remedy="Unlock it")


@pytest.mark.parametrize(
    ("error", "why"), [(HUNG, "waiting for its password on another screen"), (LOCKED, "it is locked")]
)
def test_a_refusing_keyring_leaves_the_credential_in_memory_and_says_so(error: EdgeError, why: str) -> None:
    vault = OsKeyring(Refusing(error))
    assert vault.state().kind == "memory"
    stored = vault.store(CREDENTIAL)
    assert stored == StoredCredential(REFERENCE, "edgeacr.azurecr.io", "edgeacr", THIS_RUN_ONLY)
    assert vault.fetch(REFERENCE) == CREDENTIAL
    state = vault.state()
    assert (state.kind, state.name) == ("memory", THIS_RUN_ONLY)
    assert why in state.why
    assert "hunter2" not in f"{vault.__dict__}{state}{stored}"
    with pytest.raises(EdgeError):
        OsKeyring(Refusing(error)).fetch(REFERENCE)


def test_a_cancelled_call_is_no_refusal() -> None:
    vault = OsKeyring(Refusing(cancelled("It")))
    for work in (vault.state, lambda: vault.store(CREDENTIAL)):
        with pytest.raises(EdgeError) as caught:
            work()
        assert caught.value.kind == "cancelled"
    with pytest.raises(EdgeError):
        vault.fetch(REFERENCE)


def test_a_keyring_that_comes_back_takes_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    good = store_over(monkeypatch, backend("keyring.backends.kwallet"))
    vault = OsKeyring(Refusing(LOCKED))
    vault.store(CREDENTIAL)
    vault._keyring = good
    assert vault.state().kind == "memory", "until something is stored again, what was said stays true"
    assert vault.store(CREDENTIAL).kept_in == "OS keyring (KWallet)"
    assert vault.state().kind == "keyring"
    assert vault._memory == {}
    assert vault.fetch(REFERENCE) == CREDENTIAL
    vault.forget(REFERENCE)
    assert vault.fetch(REFERENCE) is None


def test_a_reference_names_the_login_server() -> None:
    assert reference_of("EdgeACR.azurecr.io") == REFERENCE
    assert os.sep not in REFERENCE.removeprefix("vault:acr/")
