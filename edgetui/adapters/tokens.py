"""Bearer tokens in the app's process: fetched from the identity child once, kept until shortly before they expire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, cancelled

EARLY = 300  # seconds before its end from which a token is not handed out any more


class _Fetch:
    """One look for a token, waited for by any number of threads."""

    def __init__(self) -> None:
        self.ended = False
        self.waiting: list[threading.Event] = []
        self.token: tuple[str, int] | None = None
        self.error = EdgeError("Could not get a token", retryable=True)


class Tokens:
    """A cache of `(token, expires_on)` for each scope; safe from any thread.

    A call that is cancelled leaves at once and lets the fetch go on: the sign-in belongs to everybody.
    """

    def __init__(self, fetch: Callable[[str], tuple[str, int]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, int]] = {}
        self._under_way: dict[str, _Fetch] = {}

    def get(self, scope: str) -> tuple[str, int]:
        """A token for `scope`. Raises EdgeError: nobody is signed in, or the wait was cancelled."""
        with self._lock:
            known = self._known.get(scope)
            if known and known[1] - EARLY > time.time():
                return known
            fetch = self._under_way.get(scope)
            if fetch is None:
                fetch = self._under_way[scope] = _Fetch()
                threading.Thread(target=self._run, args=(scope, fetch), daemon=True).start()
        changed = threading.Event()
        with self._lock:
            fetch.waiting.append(changed)
            if fetch.ended:
                changed.set()
        with current().on_cancel(changed.set):
            changed.wait()
        if not fetch.ended:
            raise cancelled("The sign-in")
        if fetch.token is None:
            raise fetch.error
        return fetch.token

    def forget(self) -> None:
        """Drop all tokens: somebody else signed in."""
        with self._lock:
            self._known.clear()
            self._under_way.clear()

    def _run(self, scope: str, fetch: _Fetch) -> None:
        try:
            fetch.token = self._fetch(scope)
        except EdgeError as error:
            fetch.error = error
        finally:
            with self._lock:
                if self._under_way.get(scope) is fetch:
                    del self._under_way[scope]
                    if fetch.token:
                        self._known[scope] = fetch.token
                fetch.ended = True
            for changed in fetch.waiting:
                changed.set()
