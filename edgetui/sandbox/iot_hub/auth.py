"""Who may call the hub: shared access signatures of its policy, or the sandbox's bearer token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import parse_qsl, quote_plus

from starlette.exceptions import HTTPException
from starlette.requests import Request

from edgetui.sandbox import tokens
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import World

POLICY = "iothubowner"


def require(world: World, request: Request) -> None:
    """Check the request's signature or token.

    Raises:
        HubError: 401 `IotHubUnauthorizedAccess`.
    """
    given = request.headers.get("authorization", "")
    if given.lower().startswith("bearer "):
        try:
            tokens.require_bearer(world, request)
        except HTTPException:
            raise _refused() from None
        return
    scheme, _, rest = given.partition(" ")
    if scheme != "SharedAccessSignature":
        raise _refused()
    fields = dict(parse_qsl(rest, keep_blank_values=True))
    if not {"sr", "sig", "se"} <= fields.keys() or fields.get("skn", POLICY) != POLICY:
        raise _refused()
    host, expiry = fields["sr"], fields["se"]
    text = f"{quote_plus(host)}\n{expiry}".encode()
    good = base64.b64encode(hmac.new(base64.b64decode(world.secret("hub-key")), text, hashlib.sha256).digest())
    if not hmac.compare_digest(good, fields["sig"].encode()):
        raise _refused()
    # A signature is for one host (or a path below it); the case of a host name does not count.
    if host.partition("/")[0].lower() != world.host.lower():
        raise _refused()
    if not expiry.isascii() or not expiry.isdigit() or int(expiry) <= time.time():
        raise _refused()


def _refused() -> HubError:
    return HubError(401, "IotHubUnauthorizedAccess", "Unauthorized")
