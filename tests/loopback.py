"""A server on 127.0.0.1 that answers as a test says: refusals, rubbish, and silence that a real service shows too rarely."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edgetui.sandbox import tls


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer; `body` that is no bytes goes out as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


HANG = Reply(0)  # no byte until the server ends
DROP = Reply(-1)  # the connection is closed at once


@dataclass
class Loopback:
    """A running server; `asked` fills while it runs."""

    host: str
    ca_file: str
    asked: list[Asked]

    @property
    def url(self) -> str:
        return f"{'https' if self.ca_file else 'http'}://{self.host}"


@contextmanager
def serve(answer: Callable[[Asked], Reply], tls_folder: Path | None = None, port: int = 0) -> Iterator[Loopback]:
    """Serve until the block ends; with TLS where a folder for the certificates is given."""
    asked: list[Asked] = []
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            asked.append(request)
            reply = answer(request)
            if reply.status <= 0:
                if reply is HANG:
                    ended.wait()
                self.close_connection = True
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 -- the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing: the test looks at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    ca_file = ""
    if tls_folder is not None:
        tls_folder.mkdir(parents=True, exist_ok=True)
        files = tls.ensure(tls_folder)
        wrapper = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        wrapper.load_cert_chain(files.chain, files.key)
        server.socket = wrapper.wrap_socket(server.socket, server_side=True)
        ca_file = str(files.ca)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Loopback(f"127.0.0.1:{server.server_address[1]}", ca_file, asked)
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
