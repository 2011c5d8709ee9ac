"""The one guard on every way out: logs, events, manifests, tracebacks."""

from __future__ import annotations

import re


class Secret:
    """A value that shows itself only when asked: `reveal()`. Printing, formatting and encoding give stars."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where it is handed to the keyring, the registry or the hub."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)


# Last words of names whose values are secrets, as in DB_PASSWORD, clientSecret, `--api-key` or password2.
_NAMES = r"""(?:
    (?:(?<![A-Za-z0-9]) | (?<=(?-i:[a-z0-9]))(?=(?-i:[A-Z])))
    (?!(?-i:PWD=/)) (?<!(?-i:OLD(?=PWD=/)))                      # the shell's own folder
    (?<!\b(?:pad|eos|bos|sep|cls|unk)_) (?<!\bmask_)              # what text models call their special words
    (?: sig | (?:access|refresh|id)_?token | client_?secret | client_?assertion | password | passwd | passphrase | pwd
      | secret | token | (?:api|account|private|secret)[-_]?key | (?:shared[-_]?)?access[-_]?key
      | shared_?access_?signature | identity_?token )
    (?:_?[0-9]{1,2})?
)"""
# What must not leave even inside another side's words. The value goes, the name before it stays.
_NAMED = re.compile(
    rf"""(?ix)
    (?P<name> {_NAMES} (?:\\?["'])? \s*[=:]\s* )
    (?: (?P<quote>\\?["']) (?:(?!(?P=quote))(?:\\.|[^\n\\]))+ (?P=quote)
      | (?P<open>(?:\\?["'])?) (?![\s•]) [^\s"'&;,<>{{}}()\\]+ )
    """
)
_SCHEMES = re.compile(
    r"""(?ix)
    (?P<name>
        \bbearer\s+(?!tokens?\b|auth|\w+=\w)
      | \bbasic\s+(?=[a-z0-9+/=]{12})(?=[a-z+/]*(?-i:[0-9=+/]|[a-z][A-Z]))
      | SharedAccessSignature\s+
      | (?<=://)(?=[^/\s@]+:[^/\s@]+@)
    )
    [^\s"'&;,<>{}()@]+
    """
)
_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")  # a JWT anywhere
# Most lines of a log hold none of these, and are let through at once.
_HINTS = (
    "sig",
    "token",
    "secret",
    "assertion",
    "passw",
    "passphrase",
    "pwd",
    "key",
    "bearer",
    "basic",
    "sharedaccess",
    "eyj",
    "@",
)
MASK = "•••"


def redacted(text: str) -> str:
    """Return `text` with every signature, key, password and token in it masked; what is no secret stays readable."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    text = _SCHEMES.sub(lambda found: found["name"] + MASK, _TOKEN.sub(MASK, text))
    return _NAMED.sub(_masked, text)


def secret_name(name: str) -> bool:
    """Whether the value of a setting of that name is a secret: `DB_PASSWORD`, `clientSecret`; not `token_type`."""
    return redacted(f"{name}=x") != f"{name}=x"


def _masked(found: re.Match[str]) -> str:
    quote = found["quote"] or ""
    return found["name"] + (quote or found["open"] or "") + MASK + quote
