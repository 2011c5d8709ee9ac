"""Plain HTTPS for what no SDK covers: one session with our certificate authority, deadlines, and few safe retries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.util.retry import Retry

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error
from edgetui.core.errors import EdgeError

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
_PAGES = 1000  # a list that has more of them goes in circles


class Web:
    """A requests session that trusts `ca_file` ("" = the usual ones), reads no ~/.netrc, and goes through proxies if told to."""

    def __init__(self, ca_file: str = "", *, proxies: bool = True) -> None:
        # Given with each request: REQUESTS_CA_BUNDLE in the environment wins over a session's own.
        self._verify: str | bool = ca_file or True
        self._proxies = proxies
        self._session = requests.Session()
        self._session.trust_env = False
        again = Retry(
            total=2,
            read=1,
            backoff_factor=0.3,
            status_forcelist=(502, 503, 504),
            allowed_methods=("GET", "HEAD"),
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        self._session.mount("https://", HTTPAdapter(max_retries=again))

    def send(self, method: str, url: str, *, seconds: float = READ_SECONDS, **options: Any) -> requests.Response:
        """One request; `seconds` without a byte end it. Raises requests.RequestException; an error status is no exception."""
        proxies = get_environ_proxies(url) if self._proxies else {}
        timeout = (min(CONNECT_SECONDS, seconds), seconds)
        return self._session.request(method, url, timeout=timeout, verify=self._verify, proxies=proxies, **options)


class Arm:
    """Azure Resource Manager for what has no client library here."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._web = Web(context.cloud.ca_file)

    def list(self, path: str, api_version: str, doing: str) -> Iterator[dict[str, Any]]:
        """All resources of a paged list."""
        base = self._context.cloud.arm
        url = f"{base}{path}?api-version={api_version}"
        for _ in range(_PAGES):
            document = self._call("GET", url, doing)
            yield from document.get("value") or []
            url = urljoin(url, document.get("nextLink") or "")
            # The token goes to the resource manager only, whatever a page says.
            if not document.get("nextLink") or urlsplit(url).netloc != urlsplit(base).netloc:
                return

    def post(self, path: str, api_version: str, doing: str) -> dict[str, Any]:
        """An action without a body."""
        return self._call("POST", f"{self._context.cloud.arm}{path}?api-version={api_version}", doing)

    def _call(self, method: str, url: str, doing: str) -> dict[str, Any]:
        token, _ = self._context.token(self._context.cloud.arm_scope)
        try:
            response = self._web.send(method, url, headers={"Authorization": f"Bearer {token}"})
            response.raise_for_status()
            document = response.json()
        except (requests.RequestException, ValueError) as problem:
            raise as_edge_error(problem, doing) from problem
        if not isinstance(document, dict):
            raise EdgeError(
                f"Could not {doing}", "Azure Resource Manager's answer has another shape.", "Try again.", retryable=True
            )
        return document


class TokenCredential:
    """What the SDKs call a credential, over the one sign-in of the app; `scopes` replaces what an SDK has built in."""

    def __init__(self, context: Context, scopes: Mapping[str, str] | None = None) -> None:
        self._context = context
        self._scopes = dict(scopes or {})

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """A token for the first scope, as azure.core.credentials.AccessToken."""
        from azure.core.credentials import AccessToken

        token, expires = self._context.token(self._scopes.get(scopes[0], scopes[0]))
        return AccessToken(token, expires)
