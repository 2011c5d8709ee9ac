"""Speaks to the vault as the app does, through its child process: `python -m tests.real.vault_client FOLDER CALL...`.

Each CALL is `state`, `store`, `fetch` or `forget`; one line, `answer` and JSON, answers each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import msgspec

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.hosting.hosted import Hosted, Limit, proxy
from edgetui.adapters.os_keyring import PASS_ENV, OsKeyring
from edgetui.core.errors import EdgeError
from edgetui.core.models import RegistryCredential
from edgetui.core.ports import Vault
from edgetui.core.redact import Secret

PASSWORD = "p4ss-wört-of-the-registry"
CREDENTIAL = RegistryCredential("edgeacr.azurecr.io", "edgeacr", Secret(PASSWORD))
REFERENCE = "vault:acr/edgeacr.azurecr.io"
LIMITS = {name: Limit(f"{name} the credential", 5.0) for name in ("state", "store", "fetch", "forget")}


def answer(vault: OsKeyring, call: str) -> Any:
    try:
        if call == "state":
            return msgspec.to_builtins(vault.state())
        if call == "store":
            return msgspec.to_builtins(vault.store(CREDENTIAL))
        if call == "forget":
            return vault.forget(REFERENCE)
        found = vault.fetch(REFERENCE)
    except EdgeError as error:
        return {"error": error.title}
    return found and {"same": found == CREDENTIAL}


def main() -> None:
    folder, *calls = sys.argv[1:]
    pool = Hosted(
        "the keyring",
        Cloud,
        Path(folder),
        imports=("edgetui.adapters.os_keyring",),
        private_home=False,
        pass_env=PASS_ENV,
    )
    vault = OsKeyring(cast("Vault", proxy(Vault, pool, "edgetui.adapters.os_keyring:create", LIMITS)))
    try:
        for call in calls:
            print("answer", json.dumps(answer(vault, call)), flush=True)
    finally:
        pool.close()


if __name__ == "__main__":
    main()
