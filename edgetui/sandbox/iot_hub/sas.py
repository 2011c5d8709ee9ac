"""Shared access signatures of the blob store: who holds the URL may read, or write, that one blob until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode

from edgetui.sandbox.world import World

READ, WRITE = "r", "rcw"  # who uploads may look at what came in, as with the SAS that Azure ML hands out
VERSION = "2021-08-06"
LIFETIME = timedelta(hours=24)


def _signature(world: World, path: str, permissions: str, expiry: str) -> str:
    text = f"{permissions}\n{expiry}\n/{path}\n{VERSION}".encode()
    key = base64.b64decode(world.secret("storage-key"))
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def query(world: World, path: str, permissions: str, lifetime: timedelta = LIFETIME) -> str:
    """Return the query string that lets its holder do `permissions` (`r`, `rcw`) on the blob at `path`."""
    expiry = (datetime.now(timezone.utc) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = _signature(world, path, permissions, expiry)
    return urlencode({"sv": VERSION, "se": expiry, "sr": "b", "sp": permissions, "sig": signature}, quote_via=quote)


def problem(world: World, path: str, params: Mapping[str, str], needed: str) -> str | None:
    """Say why the signature does not allow `needed` (`r` or `w`) on the blob at `path`; None when it does."""
    permissions, expiry = params.get("sp", ""), params.get("se", "")
    good = _signature(world, path, permissions, expiry)
    if not hmac.compare_digest(good.encode(), params.get("sig", "").encode()):
        return "Signature did not match."
    if datetime.now(timezone.utc) >= datetime.strptime(expiry, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc):
        return "Signature not valid in the specified time frame."
    if needed not in permissions:
        return f"The permission '{needed}' is not granted by the signature."
    return None
