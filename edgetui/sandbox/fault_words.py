"""How each service words a failure that was asked for: its form of document, its code, its text."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edgetui.sandbox import wire
from edgetui.sandbox.blobs import writes as blob_writes
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.registry.auth import challenge
from edgetui.sandbox.world import Document, World

_ROOTS = {
    "subscriptions": "arm",
    "modelmanagement": "ml",
    "artifact": "ml",
    "discovery": "ml",
    "devices": "hub",
    "twins": "hub",
    "configurations": "hub",
    "statistics": "hub",
    "jobs": "hub",
    "v2": "registry",
    "oauth2": "registry",
}
_BUSY = "The server is currently unable to receive requests. Please retry your request."
_INTERNAL = "The server encountered an internal error. Please retry the request."
_DENIED = (
    "The client 'operator@edge.sandbox' does not have authorization to perform this action over scope '{path}' or the scope "
    "is invalid. If access was recently granted, please refresh your credentials."
)
# By service and status: code and text; status 0 is for all others.
_WORDS: dict[tuple[str, int], tuple[str, str]] = {
    ("arm", 0): ("InternalServerError", "Encountered internal server error."),
    ("arm", 401): ("AuthenticationFailed", "Authentication failed. The access token is invalid."),
    ("arm", 403): (
        "AuthorizationFailed",
        _DENIED,
    ),
    ("arm", 429): ("TooManyRequests", "The request is being throttled: too many requests for the subscription."),
    ("arm", 503): ("ServiceUnavailable", _BUSY),
    ("ml", 0): ("ServiceError", "An error occurred while processing your request."),
    ("ml", 401): ("Unauthorized", "The access token is invalid or has expired."),
    ("ml", 403): (
        "Forbidden",
        "The client 'operator@edge.sandbox' does not have permission for this action on the workspace.",
    ),
    ("ml", 429): ("TooManyRequests", "The workspace has received too many requests. Please try again later."),
    ("hub", 0): ("ServerError", "An internal error occurred"),
    ("hub", 401): ("IotHubUnauthorizedAccess", "Unauthorized"),
    ("hub", 403): ("IotHubQuotaExceeded", "Total number of messages on IotHub exceeded the allocated quota"),
    ("hub", 429): ("ThrottlingException", "Request has been throttled. Wait 1 second and try again."),
    ("hub", 503): ("ServiceUnavailable", "Service is temporarily unavailable, please retry"),
    ("registry", 0): ("UNKNOWN", "unknown error"),
    ("registry", 401): ("UNAUTHORIZED", "authentication required"),
    ("registry", 403): ("DENIED", "requested access to the resource is denied"),
    ("registry", 429): ("TOOMANYREQUESTS", "too many requests"),
    ("blob", 0): ("InternalError", _INTERNAL),
    ("blob", 403): ("AuthorizationFailure", "This request is not authorized to perform this operation."),
    ("blob", 503): ("ServerBusy", _BUSY),
}


def response(world: World, request: Request, fault: Document) -> Response:
    """Return the failure, in the form of the service that was asked."""
    service = _ROOTS.get(request.url.path.split("/")[1], "blob")
    status = int(fault["status"])
    usual, words = _WORDS.get((service, status)) or _WORDS[service, 0]
    code, text = fault.get("code", usual), fault.get("message", words.format(path=request.url.path))
    headers = {str(name): str(value) for name, value in fault.get("headers", {}).items()}
    if service == "hub":
        answer = HubError(status, code, text).response()
        answer.headers.update(headers)
        return answer
    if service == "registry":
        if status == 401:
            headers.setdefault("WWW-Authenticate", challenge(world, request, None))
        return JSONResponse({"errors": [{"code": code, "message": text, "detail": None}]}, status, headers)
    worded = {"arm": wire.arm_error, "ml": wire.machine_learning_error, "blob": blob_writes.error}[service]
    return worded(status, code, text, headers)
