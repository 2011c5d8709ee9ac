"""`edgetui` without a command: the wizard."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
import threading
import time
from pathlib import Path

from edgetui.command_line.wiring import Wired, wired
from edgetui.core.errors import EdgeError, bad_input

_LINGER = 2.0  # seconds for threads that still wait for something after everything was closed

_TURN = 0.001  # seconds that a thread may hold the interpreter while another one waits
_SETTLE = 0.1  # seconds from the first drawing until every widget of the first frame is drawn


def run(args: argparse.Namespace) -> int:
    """Open the wizard; returns the exit code when the person leaves."""
    _check_terminal()
    path = str(Path(args.plan).absolute()) if args.plan else ""
    if path and not Path(path).exists():
        raise bad_input(
            "--plan",
            f"There is no file {path}",
            "Correct the path (a relative one starts at the current folder), or leave --plan out: the wizard lists the "
            "plans that you worked on, and begins new ones.",
        )
    with wired(args) as wires:
        code = asyncio.run(_wizard(wires, path))
    _leave(code)
    return code


def _check_terminal() -> None:
    """See that there is one that can draw.

    Raises:
        EdgeError: (input) there is none, or it says that it cannot.
    """
    term = os.environ.get("TERM")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EdgeError(
            "The wizard needs a terminal",
            remedy="Open it in one (over SSH: ssh -t), or use: edgetui deploy PLAN --yes",
            kind="input",
        )
    if term in {"dumb", ""}:
        raise EdgeError(
            f"The wizard needs a terminal that can draw, and TERM is {term or 'empty'}",
            remedy="If yours can, say so: TERM=xterm-256color edgetui\nIf not, use: edgetui deploy PLAN --yes",
            kind="input",
        )


async def _wizard(wires: Wired, path: str) -> int:
    from edgetui.ui.garbage import TidyApp

    class Wizard(TidyApp):
        """Starts what takes seconds behind the first frame; before it, they would only compete."""

        def on_ready(self) -> None:
            warm_up = threading.Thread(target=wires.warm_up, name="warm-up", daemon=True)
            self.set_timer(_SETTLE, warm_up.start)

    # A job that takes in thousands of lines must not hold the interpreter when a key comes.
    sys.setswitchinterval(_TURN)
    app = Wizard(wires.ports, path, wires.settings)
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):  # a lost SSH session is a SIGHUP
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows
            number = getattr(signal, name)
            loop.add_signal_handler(number, functools.partial(app.exit, None, 128 + number))
    try:
        await app.run_async()
    finally:
        # asyncio waits for its threads next; what they wait for must have ended before.
        await asyncio.to_thread(wires.late.close)
    return app.return_code or 0


def _leave(code: int) -> None:
    """End now if a thread does not: the screen is closed, and nobody would know what a silent process waits for."""
    deadline = time.monotonic() + _LINGER
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                os._exit(code)
