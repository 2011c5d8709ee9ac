"""The one table from what SDKs, HTTP and the machine say to errors that a person can act on."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgetui.core.errors import EdgeError, ErrorKind
from edgetui.core.redact import redacted

DETAIL_LIMIT = 600  # characters; the rest of a server's page helps nobody


@dataclass(frozen=True)
class Cause:
    """What a failure means: why (for the title), what to do, how it counts."""

    why: str
    remedy: str
    kind: ErrorKind = "failed"
    retryable: bool = False


_STATUS: dict[int, Cause] = {
    400: Cause("the request was refused", "Read the detail: it names the value that is not accepted.", "input"),
    401: Cause("the sign-in is not accepted", "Sign in again, with the account that owns the resource.", "access"),
    403: Cause(
        "not allowed", "Ask an owner of the resource for a role on it, or sign in with another account.", "access"
    ),
    404: Cause("it does not exist", "Check the names, and that they are in this subscription and resource group."),
    405: Cause("not possible here", "The resource is of another kind or an older version."),
    408: Cause("no answer in time", "Try again.", "unreachable", retryable=True),
    409: Cause("it exists already or is being changed", "Look again, then choose another name or wait a moment."),
    412: Cause("it was changed meanwhile, or is still in use", "Look again before changing it.", retryable=True),
    413: Cause("it is too large", "Send less, or ask for a larger limit.", "input"),
    423: Cause("it is locked", "Remove the lock on the resource, or ask its owner to.", "access"),
    429: Cause("too many requests", "Wait a minute, then try again.", "unreachable", retryable=True),
}
_SERVER = Cause("the service failed", "Try again; if it goes on, look at Azure's status page.", "unreachable", True)
_TLS = Cause(
    "the certificate is not trusted",
    "Behind an inspecting proxy set REQUESTS_CA_BUNDLE to its certificate file; check this machine's clock too.",
    "unreachable",
)
_NAME = Cause("the name cannot be resolved", "Check the name, this machine's network and its DNS.", "unreachable", True)
_REFUSED = Cause(
    "nothing answers there",
    "Check the network, the proxy and the firewall; where a sandbox was used, it has ended: start edgetui again.",
    "unreachable",
    True,
)
_RESET = Cause("the connection broke", "Try again.", "unreachable", True)
_TIMEOUT = Cause(
    "no answer in time", "Check the network, the proxy and the firewall; then try again.", "unreachable", True
)
_SIGN_IN = Cause("nobody is signed in", "Sign in first: `az login`, or F8 in step 1 of `edgetui`.", "access")
_NO_KEYRING = Cause(
    "no keyring answers", "Unlock the desktop's keyring; until then secrets are kept for this run only."
)
_NO_ENGINE = Cause(
    "no container engine answers", "Start Docker, or set DOCKER_HOST to where it listens.", "unreachable"
)
_DISK = Cause("the disk is full", "Free some space there, then try again.", retryable=True)
_DENIED = Cause("not allowed to read or write it", "Change the file's permissions, or choose another.", "input")
_MISSING = Cause("there is no such file", "Check the path.", "input")
_UNKNOWN = Cause("", "Read the detail; try again, and report it if it goes on.")

# By class name, since no SDK may be imported here. First match wins, along the classes of each exception.
_CLASSES: tuple[tuple[str, Cause], ...] = (
    ("CredentialUnavailableError", _SIGN_IN),
    ("AuthenticationRequiredError", _SIGN_IN),
    ("ClientAuthenticationError", _STATUS[401]),
    ("AuthenticationException", _STATUS[401]),
    ("ModelNotFound", _STATUS[404]),
    ("ResourceNotFoundError", _STATUS[404]),
    ("ResourceExistsError", _STATUS[409]),
    ("KeyringError", _NO_KEYRING),
    ("DockerException", _NO_ENGINE),
    ("SSLError", _TLS),
    ("SSLCertVerificationError", _TLS),
    ("NameResolutionError", _NAME),
    ("gaierror", _NAME),
    ("ConnectionRefusedError", _REFUSED),
    ("ReadTimeoutError", _TIMEOUT),
    ("ReadTimeout", _TIMEOUT),
    ("ConnectTimeout", _TIMEOUT),
    ("ConnectTimeoutError", _TIMEOUT),
    ("ServiceRequestTimeoutError", _TIMEOUT),
    ("ServiceResponseTimeoutError", _TIMEOUT),
    ("TimeoutError", _TIMEOUT),
    ("RemoteDisconnected", _RESET),
    ("ProtocolError", _RESET),
    ("ConnectionResetError", _RESET),
    ("BrokenPipeError", _RESET),
    ("ServiceResponseError", _RESET),
    ("FileNotFoundError", _MISSING),
    ("IsADirectoryError", _DENIED),
    ("NotADirectoryError", _MISSING),
    ("PermissionError", _DENIED),
    ("ServiceRequestError", _REFUSED),
    ("ClientRequestError", _REFUSED),
    ("ConnectionError", _REFUSED),
)
# Failures which SDKs know only as text.
_TEXTS: tuple[tuple[str, Cause], ...] = (
    (r"certificate.verify.failed|self.signed certificate|CERTIFICATE_VERIFY", _TLS),
    (r"name or service not known|failed to resolve|nodename nor servname|name resolution", _NAME),
    (r"connection refused|errno 111\b", _REFUSED),
    (r"timed out|timeout", _TIMEOUT),
    (r"connection (?:was )?(?:reset|aborted)|remote end closed", _RESET),
    (r"don't have access to \S+ subscription|SubscriptionNotFound", _STATUS[403]),
    (r"az login|no accounts were found|please run .az", _SIGN_IN),
)
_FULL = re.compile(r"no space left|disk is full|disk quota|InsufficientStorage", re.IGNORECASE)  # ours or the service's
_XML = re.compile(r"<Code>([^<]+)</Code>\s*<Message>([^<]+)</Message>")
_STATUS_TEXT = re.compile(
    r"(?:status[ _]?code|response code|HTTP)\D{0,4}\b([45]\d\d)\b|\b([45]\d\d) Client Error", re.IGNORECASE
)


def as_edge_error(problem: BaseException, doing: str, field: str = "") -> EdgeError:
    """Return the error for a person of any failure.

    Args:
        problem: What was raised; its causes and contexts are looked at too.
        doing: What was tried, as an infinitive: 'list the models of workspace edge-ws'.
        field: The plan key or form field that is wrong, if known.
    """
    if isinstance(problem, EdgeError):
        return problem
    chain = list(_chain(problem))
    cause = _cause(chain)
    title = f"Could not {doing}" + (f": {cause.why}" if cause.why else "")
    return EdgeError(title, _detail(chain), cause.remedy, retryable=cause.retryable, field=field, kind=cause.kind)


def status_of(problem: BaseException) -> int:
    """The HTTP status behind a failure, or 0 where there is none."""
    return next(filter(None, map(_status, _chain(problem))), 0)


def no_room(problem: BaseException) -> bool:
    """Whether it failed since a disk is full, here or there, or since something is too large."""
    return _cause(list(_chain(problem))) in {_DISK, _STATUS[413]}


def short(text: str) -> str:
    """Another side's words, fit for a screen: redacted, without blank lines, cut to a length that can be read."""
    lines = [line.strip() for line in redacted(text).splitlines()]
    joined = "\n".join(line for line in lines if line)
    return joined if len(joined) <= DETAIL_LIMIT else joined[: DETAIL_LIMIT - 1] + "…"


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The failure and all that stands behind it, outermost first; SDKs hide the cause in several places."""
    seen: set[int] = set()
    waiting: list[Any] = [problem]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        waiting += [getattr(one, name, None) for name in ("inner_exception", "reason", "original_error")]
        waiting += [argument for argument in one.args if isinstance(argument, BaseException)]


def _cause(chain: list[BaseException]) -> Cause:
    # The network and the certificate are nearer to the truth than the status that an SDK made of them.
    network = [_by_class(one) for one in chain]
    for cause in (_TLS, _NAME):
        if cause in network:
            return cause
    text = "\n".join(str(one) for one in chain)
    if any(isinstance(one, OSError) and one.errno in {28, 122} for one in chain) or _FULL.search(text):
        return _DISK
    status = next(filter(None, map(_status, chain)), 0)
    if status:
        return _STATUS.get(status) or (_SERVER if status >= 500 else _STATUS[400])
    by_text = next((cause for pattern, cause in _TEXTS if re.search(pattern, text, re.IGNORECASE)), None)
    by_class = next(filter(None, (_by_class(one) for one in chain)), None)
    specific = by_class not in {None, _REFUSED, _STATUS[401]}
    return (by_class if specific else by_text or by_class) or _UNKNOWN


def _by_class(one: BaseException) -> Cause | None:
    names = [kind.__name__ for kind in type(one).__mro__]
    return next((cause for name, cause in _CLASSES if name in names), None)


def _status(one: BaseException) -> int:
    response = getattr(one, "response", None)
    for holder, name in ((one, "status_code"), (response, "status_code"), (response, "status"), (one, "status")):
        value = getattr(holder, name, None)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    if type(one).__module__ == builtins.__name__:
        return 0
    found = _STATUS_TEXT.search(str(one))
    return int(found[1] or found[2]) if found else 0


def _detail(chain: list[BaseException]) -> str:
    """The most telling words of the chain: the service's own answer, else what an SDK wrote of it, else any text."""
    for words in (_answered, _quoted):  # an SDK may wrap the answer in JSON of its own
        message = next(filter(None, map(words, chain)), "")
        if message:
            return short(message)
    return short(next((str(one) for one in chain if str(one).strip()), type(chain[0]).__name__))


def _answered(one: BaseException) -> str:
    """The message in the other side's answer, from the usual shapes: ARM, Azure ML, OAuth, Docker."""
    text = getattr(getattr(one, "response", None), "text", None)
    try:
        body = text() if callable(text) else text
    except Exception:  # noqa: BLE001 -- a response that was never read must not hide the failure itself
        body = None
    return _from_body(body) if isinstance(body, str) else ""


def _quoted(one: BaseException) -> str:
    """The message that stands in the failure's own text, or a daemon's explanation."""
    for candidate in (getattr(one, "message", None), str(one)):
        found = _from_body(candidate) if isinstance(candidate, str) else ""
        if found:
            return found
    explanation = getattr(one, "explanation", None)
    return explanation if isinstance(explanation, str) else ""


def _from_body(text: str) -> str:
    xml = _XML.search(text)
    if xml:
        import html

        return f"{xml[1]}: {html.unescape(xml[2])}"
    start = text.find("{")
    if start < 0:
        return ""
    try:
        value, _ = json.JSONDecoder().raw_decode(text[start:])
    except ValueError:
        return ""
    while isinstance(value, dict) and isinstance(value.get("error"), dict):
        value = value["error"]
    if not isinstance(value, dict):
        return ""
    message = value.get("message") or value.get("Message") or value.get("error_description")
    code = value.get("code") or value.get("Code")
    if not isinstance(message, str) or not message:
        return ""
    return f"{code}: {message}" if isinstance(code, str) and code not in message else message
