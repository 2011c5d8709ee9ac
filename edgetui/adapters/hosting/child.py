"""The child's side of a hosted adapter: `python -m edgetui.adapters.hosting.child FD`, started by `hosted.py` only.

The main thread runs one call after the other; a second thread reads the connection, so that the child notices the end
of its parent even while an SDK blocks.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import queue
import shutil
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error
from edgetui.adapters.hosting.messages import (
    GRACE,
    Call,
    Cancel,
    Done,
    Emitted,
    Problem,
    Ready,
    Start,
    Token,
    TokenWanted,
)
from edgetui.adapters.hosting.outbox import Outbox
from edgetui.core import cancel


class _Child:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._asking = threading.Lock()
        self._tokens: queue.Queue[Token | Problem] = queue.Queue()
        self._calls: queue.Queue[Call] = queue.Queue()
        self._adapters: dict[str, Any] = {}
        self._given: dict[str, tuple[str, int]] = {}  # the last token of each scope
        self._running = cancel.Cancellation()
        self._cancelling: threading.Thread | None = None
        self._outbox = Outbox(lambda items: self._answer(Emitted(items)))
        self._start: Start = connection.recv()
        self._context = Context(self._start.cloud, self._token, self._start.folder, self._start.options)

    def run(self) -> None:
        """Serve calls until the parent is gone."""
        threading.Thread(target=self._read, daemon=True).start()
        try:
            for target in self._start.targets:
                importlib.import_module(target.partition(":")[0])
        except Exception as problem:  # noqa: BLE001 -- whatever an SDK's import raises is the parent's answer
            self._send(Problem(as_edge_error(problem, "load " + ", ".join(self._start.targets))))
        else:
            self._send(Ready())
        with cancel.using(self._running):
            while True:
                self._serve(self._calls.get())

    def _serve(self, call: Call) -> None:
        try:
            method = getattr(self._adapter(call.target), call.method)
            if call.streams:
                for event in method(*call.args, **call.keywords):
                    self._outbox.add(event)
                self._outbox.flush()
                result = None
            else:
                result = method(*call.args, **call.keywords)
            self._tidy()
            self._answer(Done(result))
        except Exception as problem:  # noqa: BLE001 -- every failure of an adapter crosses as an EdgeError
            self._tidy()
            self._flush_before(Problem(as_edge_error(problem, call.doing)))

    def _flush_before(self, answer: Problem) -> None:
        """What the stream gave before it failed comes first."""
        try:
            self._outbox.flush()
        except Exception as problem:  # noqa: BLE001 -- an item that cannot cross is a failure of the call, too
            answer = Problem(as_edge_error(problem, "hand over what was found"))
        self._answer(answer)

    def _answer(self, message: Any) -> None:
        """Send what a call gives; the parent does not listen any more once it has cancelled."""
        if not self._running.requested:
            self._send(message)

    def _tidy(self) -> None:
        """Remove what the SDK left in the folder for temporary files; azureml-core never does."""
        for left in (self._start.folder / "tmp").iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def _adapter(self, target: str) -> Any:
        if target not in self._adapters:
            module, _, maker = target.partition(":")
            self._adapters[target] = getattr(importlib.import_module(module), maker)(self._context)
        return self._adapters[target]

    def _token(self, scope: str) -> tuple[str, int]:
        """Ask the parent, one thread at a time; answers come in order."""
        if self._running.requested and scope in self._given:
            return self._given[scope]  # what ends work elsewhere needs a token, and nobody answers any more
        with self._asking:
            self._send(TokenWanted(scope))
            answer = self._tokens.get()
        if isinstance(answer, Problem):
            raise answer.error
        self._given[scope] = answer.token, answer.expires
        return self._given[scope]

    def _send(self, message: Any) -> None:
        with self._sending:
            self._connection.send(message)

    def _read(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Cancel):
                    # Elsewhere: what adapters registered may ask for a token, and the answer is read here.
                    self._cancelling = threading.Thread(target=self._cancel, daemon=True)
                    self._cancelling.start()
                elif isinstance(message, Call):
                    self._calls.put(message)
                else:
                    self._tokens.put(message)
        finally:  # the parent is gone
            if self._cancelling is not None:  # what was stopped must end elsewhere, too
                self._cancelling.join(GRACE)
            self._vanish()

    def _cancel(self) -> None:
        """Run what adapters registered for it, then end."""
        try:
            self._running.cancel()
        finally:
            self._vanish()

    def _vanish(self) -> None:
        """End now, with everything that an SDK started (`az` for one), whatever the main thread is blocked in."""
        shutil.rmtree(self._start.folder, ignore_errors=True)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)


def main() -> None:
    """Take over the connection whose file descriptor is the only argument."""
    faulthandler.enable()
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    _Child(Connection(descriptor)).run()


if __name__ == "__main__":
    main()
