"""What the tests of adapters share: the context that a child process would give, made from a sandbox or a scripted server."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import requests

from edgetui.adapters.cloud import Cloud, from_environ
from edgetui.adapters.context import Context
from tests.conftest import Sandbox
from tests.loopback import Loopback


def context_of(sandbox: Sandbox, *, token: str | None = None, **changes: Any) -> Context:
    cloud = replace(from_environ(sandbox.env), **changes)
    bearer = cloud.token if token is None else token
    return Context(cloud, lambda _scope: (bearer, int(time.time()) + 3600))


def scripted_context(server: Loopback) -> Context:
    return Context(Cloud(arm=server.url, ca_file=server.ca_file), lambda _scope: ("abc", int(time.time()) + 3600))


def call(sandbox: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    """A plain request to the sandbox with its own token."""
    headers = {"Authorization": f"Bearer {sandbox.env['EDGETUI_SANDBOX_TOKEN']}", **options.pop("headers", {})}
    params = {**options.pop("params", {}), "api-version": "2021-04-12"}
    with requests.Session() as session:
        session.trust_env = False
        ca_file = sandbox.env["REQUESTS_CA_BUNDLE"]
        url = sandbox.base_url + path
        return session.request(method, url, params=params, headers=headers, verify=ca_file, timeout=60, **options)
