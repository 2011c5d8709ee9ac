"""Bearer tokens: the JWT that every ARM and Azure ML call must carry, signed by this sandbox and checked on each request."""

from __future__ import annotations

import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from edgetui.sandbox.world import World

LIFETIME = 30 * 24 * 3600  # seconds; a sandbox left running writes it once, into the env file


def issue(world: World, lifetime: float = LIFETIME) -> str:
    """Return a new token. `exp` and `tid` must be in it: azureml-core decodes them without checking the signature."""
    import jwt

    now = int(time.time())
    claims = {
        "aud": "https://management.azure.com/",
        "iss": f"https://sts.windows.net/{world.names.tenant}/",
        "iat": now,
        "nbf": now - 300,
        "exp": int(now + lifetime),
        "tid": world.names.tenant,
        "oid": "22222222-ed9e-0000-0000-5a9db0c50000",
        "name": "Sandbox operator",
        "upn": "operator@edge.sandbox",
    }
    return jwt.encode(claims, world.secret("signing"), algorithm="HS256")


def require_bearer(world: World, request: Request) -> None:
    """Check the request's bearer token.

    Raises:
        HTTPException: 401 with ARM's code and a `WWW-Authenticate` header: no, expired or foreign token.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused(world, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    claims(world, token)


def claims(world: World, token: str) -> dict[str, Any]:
    """Return the verified claims of a token.

    Raises:
        HTTPException: 401, as `require_bearer`.
    """
    import jwt

    try:
        return jwt.decode(
            token, world.secret("signing"), algorithms=["HS256"], options={"verify_aud": False, "require": ["exp"]}
        )
    except jwt.ExpiredSignatureError:
        text = "The access token has expired. Please get a new one."
        raise _refused(world, "ExpiredAuthenticationToken", text) from None
    except jwt.InvalidTokenError:
        raise _refused(world, "InvalidAuthenticationToken", "The access token is invalid.") from None


def _refused(world: World, code: str, text: str) -> HTTPException:
    challenge = (
        f'Bearer authorization_uri="{world.base_url}/{world.names.tenant}", error="invalid_token", '
        f'error_description="{text}"'
    )
    return HTTPException(401, detail=f"{code}: {text}", headers={"WWW-Authenticate": challenge})
