"""A module's own HTTP endpoint on the device's network: POST the sample, get the prediction."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

import requests

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error, short
from edgetui.core import cancel
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.models import Answer

_PAUSE = 0.5  # seconds between tries while nothing listens yet
_SYSTEM = re.compile(r"(?<=\] )[A-Z][^\"')]+(?=[\"')])|Remote end closed connection without response")
_LIMIT = 4 << 20  # bytes of an answer


class ScoringEndpoint:
    """The Endpoint port. It never asks a proxy: the device is on a network of our own."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    def score(self, url: str, sample: str, seconds: float = 30.0) -> Answer:
        """POST the sample (a JSON text) to `url`; tries until something listens there, `seconds` in all."""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise bad_input("scoring.address", f"{url!r} is no address", "Write http://<device>:<port>/score.")
        end = time.monotonic() + seconds
        stop = cancel.current()
        while True:
            try:
                self._wait_until_up(url, max(end - time.monotonic(), 0.1))
                return self._ask(url, sample, max(end - time.monotonic(), 0.1))
            except requests.ConnectTimeout as problem:
                raise self._silent(url, seconds, problem) from problem
            except requests.ConnectionError as problem:
                # Nothing listens yet, or the server ended before it answered: a module that is starting does both.
                if time.monotonic() + _PAUSE >= end:
                    raise self._silent(url, seconds, problem) from problem
            except requests.RequestException as problem:
                raise self._silent(url, seconds, problem) from problem
            if stop.wait(_PAUSE):
                raise cancelled("Asking the module")

    def _wait_until_up(self, url: str, seconds: float) -> None:
        """Return when the server answers anything at all: it takes connections before init() has ended, and answers after."""
        parts = urlsplit(url)
        timeout = (min(seconds, 10.0), seconds)
        front = f"{parts.scheme}://{parts.netloc}/"
        self._session.get(front, timeout=timeout, allow_redirects=False, stream=True).close()

    def _ask(self, url: str, sample: str, seconds: float) -> Answer:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/plain"}
        began = time.monotonic()
        with self._session.post(
            url,
            sample.encode(),
            headers=headers,
            timeout=(min(seconds, 10.0), seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            # A read timeout counts between bytes; the whole answer has a deadline too.
            for chunk in response.iter_content(65536):
                body += chunk
                if len(body) > _LIMIT:
                    raise EdgeError(
                        f"The answer of {url} is too large",
                        remedy="Let the script return less.",
                        field="scoring.script",
                    )
                if time.monotonic() - began > seconds:
                    raise requests.ReadTimeout(f"the answer did not end within {seconds:.0f} s")
            milliseconds = (time.monotonic() - began) * 1000
            text = body.decode("utf-8", "replace")
            if not 200 <= response.status_code < 300:
                raise _refusal(url, response.status_code, text)
        return Answer(response.status_code, _value(text), round(milliseconds, 1))

    @staticmethod
    def _silent(url: str, seconds: float, problem: Exception) -> EdgeError:
        system = _SYSTEM.search(str(problem))  # the rest is the HTTP library's own wrapping
        said = system[0] if system else as_edge_error(problem, "ask").detail
        remedy = (
            "Check that the module runs and publishes its port (create options), that the port is not in use on the device, "
            "and that this machine reaches the device: set scoring.address in the plan where its name is another one."
        )
        title = f"Nothing answered at {url} within {seconds:.0f} s"
        return EdgeError(title, said, remedy, retryable=True, field="scoring.address", kind="unreachable")


def _value(text: str) -> Any:
    """The JSON value, or the text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _refusal(url: str, status: int, text: str) -> EdgeError:
    """What the inference server's status means; the text is the script's own message."""
    value = _value(text)
    said = str(value.get("message") or value.get("error") or text) if isinstance(value, dict) else str(value)
    if status >= 500:
        title = f"The script failed on the sample (HTTP {status})"
        remedy = "Correct run() in the script, or the sample; the module's log has the whole traceback."
        return EdgeError(title, short(said), remedy, field="scoring.script")
    if status == 400:
        remedy = "Make the sample what the script's input schema asks for."
        return EdgeError(
            "The script does not accept the sample (HTTP 400)",
            short(said),
            remedy,
            field="scoring.sample",
            kind="input",
        )
    if status == 404:
        title = f"What answers at {url} has no scoring path (HTTP 404)"
        return EdgeError(
            title, short(said), "Another program may have the port on the device.", field="scoring.address"
        )
    return EdgeError(f"{url} answered HTTP {status}", short(said), "Look at the module's log.", field="scoring.address")


def create(_context: Context) -> ScoringEndpoint:
    """Make the adapter in the process that hosts it."""
    return ScoringEndpoint()
