"""The state of one sandbox: documents in SQLite, bytes in a folder, and the names that every room shares."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Names:
    """What the seeded Azure resources are called; the same in every sandbox, so that plans carry over."""

    subscription: str = "00000000-ed9e-0000-0000-5a9db0c50000"
    tenant: str = "11111111-ed9e-0000-0000-5a9db0c50000"
    resource_group: str = "edge-rg"
    workspace: str = "edge-ws"
    registry: str = "edgeacr"
    hub: str = "edge-hub"
    live_device: str = "line1-gateway"
    location: str = "westeurope"


@dataclass
class World:
    """Everything that outlives a request.

    Documents are JSON objects under (kind, key); kinds belong to rooms (`model`, `asset`, `device`, `twin` ...).
    Reads and writes are safe from any thread; `transaction()` groups a read and the write that depends on it.
    """

    state: Path  # this sandbox's own folder: world.sqlite, blobs/, devices/, ca.pem
    cache: Path  # shared by all sandboxes of this person: environments by hash, the installer's own cache
    scenario: str = "happy"
    names: Names = field(default_factory=Names)
    base_url: str = ""  # https://127.0.0.1:PORT, known once the server listens
    ca_file: Path = Path()  # the certificate that clients must trust
    engine: str = ""  # the container engine of the live device

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.cache.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)  # notified after every write; edge devices wait on it
        self._db = sqlite3.connect(self.state / "world.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )

    @property
    def host(self) -> str:
        """The server's `127.0.0.1:PORT`: the hub's host name and the registry's login server."""
        return self.base_url.removeprefix("https://")

    @property
    def blobs(self) -> Path:
        """The folder of the blob store; the path of a file is its container and name."""
        path = self.state / "blobs"
        path.mkdir(exist_ok=True)
        return path

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the world's lock and one SQLite transaction; roll back if the block raises."""
        with self.lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self.changed.notify_all()

    def get(self, kind: str, key: str) -> Document | None:
        """Return the document, or None."""
        with self.lock:
            row = self._db.execute("SELECT value FROM documents WHERE kind=? AND key=?", (kind, key)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, kind: str, key: str, value: Document) -> None:
        """Create or replace a document."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?,?,?)", (kind, key, json.dumps(value)))

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; say whether there was one."""
        with self.transaction():
            return self._db.execute("DELETE FROM documents WHERE kind=? AND key=?", (kind, key)).rowcount > 0

    def items(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Return all documents of a kind whose key starts with `prefix`, in key order."""
        with self.lock:
            rows = self._db.execute(
                "SELECT key, value FROM documents WHERE kind=? AND key>=? AND key<? ORDER BY key",
                (kind, prefix, prefix + "\U0010ffff"),  # a range, so that the index finds them
            ).fetchall()
        return [(key, json.loads(value)) for key, value in rows]

    def secret(self, name: str) -> str:
        """Return one of the sandbox's own secrets (`hub-key`, `registry-password`, `signing` ...), made once per state folder."""
        import base64
        import secrets

        with self.transaction():
            known = self.get("secret", name)
            if known is None:
                known = {"value": base64.b64encode(secrets.token_bytes(32)).decode()}
                self.put("secret", name, known)
        return str(known["value"])

    def close(self) -> None:
        """Close the database; the world must not be used after that."""
        with self.lock:
            self._db.close()
