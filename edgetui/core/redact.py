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


# What must not leave even inside another side's words. The value after the name goes, the name stays.
_SECRETS = re.compile(
    r"""(?ix)
    (?P<name>
        \b(?:sig|access_token|refresh_token|id_token|client_secret|client_assertion|password|passwd|pwd
            |secret|token|api[-_]?key|account_?key|shared_?access_?key|shared_?access_?signature|identitytoken)
        ["']?\s*[=:]\s*["']?
      | \bbearer\s+
      | \bbasic\s+(?=[a-z0-9+/=]{12})
      | SharedAccessSignature\s+
      | (?<=://)(?=[^/\s@]+:[^/\s@]+@)
    )
    (?P<value>(?!\s)[^\s"'&;,<>{}()@]+)
    """
)
_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")  # a JWT anywhere
MASK = "•••"


def redacted(text: str) -> str:
    """Return `text` with every signature, key, password and token in it masked; what is no secret stays readable."""
    return _SECRETS.sub(lambda found: found["name"] + MASK, _TOKEN.sub(MASK, text))
