"""Who may do what in the container registry: the admin user by Basic, and scoped bearer tokens as Azure's registry issues them.

Token flow: https://distribution.github.io/distribution/spec/auth/token/ ; an ARM token can be exchanged for a refresh
token: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
"""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import tokens, wire
from edgetui.sandbox.arm.registries import admin_enabled
from edgetui.sandbox.registry.store import RegistryError
from edgetui.sandbox.world import World

ACCESS_LIFETIME = 3600  # seconds
REFRESH_LIFETIME = 3 * 3600
BY_TOKEN = "00000000-0000-0000-0000-000000000000"
_OPERATOR = "operator"  # whoever showed an ARM token
_FORM_LIMIT = 64 << 10

Access = list[dict[str, Any]]  # [{"type": "repository", "name": ..., "actions": [...]}], as in a token


def require(world: World, request: Request, kind: str, name: str, *actions: str) -> None:
    """Check that the request may do one of `actions`; `kind` is `repository`, `registry`, or empty for signing in.

    Raises:
        RegistryError: 401 UNAUTHORIZED.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and user_of(world, *_basic(value)):
        return
    if scheme.lower() == "bearer":
        claims = _claims(world, value.strip(), "access")
        if claims and (not kind or _allows(claims.get("access", []), kind, name, actions)):
            return
    detail = [{"Type": kind, "Name": name, "Action": actions[0]}] if kind else None
    raise RegistryError(401, "UNAUTHORIZED", "authentication required", detail)


def challenge(world: World, request: Request, detail: Any) -> str:
    """Return the `WWW-Authenticate` header that tells a client where to get a token."""
    parts = [f'Bearer realm="{world.base_url}/oauth2/token"', f'service="{world.host}"']
    if detail:
        wanted = detail[0]
        parts.append(f'scope="{wanted["Type"]}:{wanted["Name"]}:{wanted["Action"]}"')
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        known = _claims(world, value.strip(), "access")
        parts.append(f'error="{"insufficient_scope" if known else "invalid_token"}"')
    return ",".join(parts)


def user_of(world: World, name: str, password: str) -> str | None:
    """Return the user with these credentials, or None; the admin user counts only while it is enabled."""
    known = [world.secret("registry-password"), world.secret("registry-password2")]
    right = [hmac.compare_digest(password.encode(), one.encode()) for one in known]
    if name == world.names.registry and any(right) and admin_enabled(world):
        return name
    # A token from `/oauth2/exchange` as the password of this one user, as for `docker login`.
    claims = _claims(world, password, "refresh") if name == BY_TOKEN and password else None
    return str(claims["sub"]) if claims else None


def routes(world: World) -> list[Route]:
    """Return the routes that give tokens."""

    def token(request: Request) -> Response:
        form = _form(request)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        user = user_of(world, *_basic(value)) if scheme.lower() == "basic" else None
        if not user and form.get("grant_type") == ["password"]:
            user = user_of(world, form.get("username", [""])[0], form.get("password", [""])[0])
        if not user and form.get("grant_type") == ["refresh_token"]:
            claims = _claims(world, form.get("refresh_token", [""])[0], "refresh")
            user = claims["sub"] if claims else None
        if not user:
            return _refused()
        access = _scopes([*request.query_params.getlist("scope"), *form.get("scope", [])])
        signed = _issue(world, user, "access", ACCESS_LIFETIME, access)
        return JSONResponse({"access_token": signed, "token": signed, "expires_in": ACCESS_LIFETIME})

    def exchange(request: Request) -> Response:
        form = _form(request)
        try:
            tokens.claims(world, form.get("access_token", [""])[0])
        except HTTPException:
            return _refused()
        return JSONResponse({"refresh_token": _issue(world, _OPERATOR, "refresh", REFRESH_LIFETIME, [])})

    return [
        Route("/oauth2/token", token, methods=["GET", "POST"]),
        Route("/oauth2/exchange", exchange, methods=["POST"]),
    ]


def _refused() -> Response:
    error = {"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}
    return JSONResponse({"errors": [error]}, 401)


def _basic(value: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def _form(request: Request) -> dict[str, list[str]]:
    if request.method != "POST":
        return {}
    return parse_qs(wire.body(request)[:_FORM_LIMIT].decode("utf-8", "replace"))


def _scopes(asked: list[str]) -> Access:
    """Return the access that is asked for: `repository:team/app:pull,push`, several in one text or in several."""
    access: Access = []
    for scope in " ".join(asked).split():
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind and name and actions:
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
    return access


def _allows(access: Access, kind: str, name: str, actions: tuple[str, ...]) -> bool:
    return any(
        entry["type"] == kind and entry["name"] == name and {*actions, "*"} & set(entry["actions"]) for entry in access
    )


def _issue(world: World, user: str, use: str, lifetime: int, access: Access) -> str:
    import jwt

    now = int(time.time())
    claims = {
        "iss": "edgetui sandbox registry",
        "aud": world.host,
        "sub": user,
        "use": use,
        "iat": now,
        "exp": now + lifetime,
        "access": access,
    }
    return jwt.encode(claims, world.secret("registry-signing"), algorithm="HS256")


def _claims(world: World, token: str, use: str) -> dict[str, Any] | None:
    """Return the claims of one of our own tokens, or None; the admin user's end with the admin user."""
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            world.secret("registry-signing"),
            algorithms=["HS256"],
            audience=world.host,
            options={"require": ["exp", "sub", "use"]},
        )
    except jwt.InvalidTokenError:
        return None
    ended = claims["sub"] == world.names.registry and not admin_enabled(world)
    return None if ended or claims["use"] != use else claims
