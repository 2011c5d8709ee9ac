"""The vault over a real Secret Service (gnome-keyring): unlocked, locked, without a session, and with a prompt that nobody answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetui.core.models import THIS_RUN_ONLY
from tests.real.parts import need
from tests.real.vault_client import PASSWORD

LIMIT = 120  # seconds; a run takes about one
UNLOCK = "printf %s secret | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null 2>&1; "
LOCKED = "gnome-keyring-daemon --start --components=secrets --daemonize >/dev/null 2>&1; "


class Home:
    """A home folder with keyrings of its own, so that the person's are never touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(parents=True, mode=0o700)

    def run(self, *calls: str, before: str = UNLOCK, session: bool = True, display: str = "") -> list[Any]:
        """What the vault answers to the calls, in a new process and a new D-Bus session."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "XDG_", "DISPLAY", "WAYLAND", "GNOME_"))
        }
        home = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder / "run"), "LC_ALL": "C.UTF-8"}
        client = [sys.executable, "-m", "tests.real.vault_client", str(self.folder / "children"), *calls]
        shown = {"DISPLAY": display} if display else {}
        if session:
            # The daemon ends with the bus.
            client = ["dbus-run-session", "--", "sh", "-c", before + 'exec "$@"', "sh", *client]
        done = subprocess.run(
            client, env={**kept, **home, **shown}, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        # What D-Bus starts writes there too.
        lines = [line.partition("answer ") for line in done.stdout.splitlines()]
        return [json.loads(answer) for _, found, answer in lines if found]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    need("gnome-keyring-daemon", "dbus-run-session")
    return Home(tmp_path / "home")


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[str]:
    """A display with nobody at it."""
    (server,) = need("Xvfb")
    read, write = os.pipe()
    process = subprocess.Popen(
        [server, "-displayfd", str(write), "-screen", "0", "640x480x8", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    yield f":{number}"
    process.terminate()
    process.wait(30)


def test_the_keyring_keeps_a_credential_beyond_the_process(home: Home) -> None:
    state, stored, fetched = home.run("state", "store", "fetch")
    assert state == {"kind": "keyring", "name": "OS keyring (Secret Service)", "why": ""}
    assert stored["kept_in"] == "OS keyring (Secret Service)"
    assert fetched == {"same": True}
    (keyring,) = (home.folder / ".local/share/keyrings").glob("login.keyring")
    assert PASSWORD.encode() not in keyring.read_bytes()
    assert home.run("fetch", "forget", "fetch", "forget") == [{"same": True}, None, None, None]


def test_without_a_session_it_is_kept_for_this_run_only(home: Home) -> None:
    state, stored, fetched, after = home.run("state", "store", "fetch", "state", session=False)
    assert (state["kind"], "D-Bus" in state["why"]) == ("memory", True)
    assert stored["kept_in"] == THIS_RUN_ONLY
    assert fetched == {"same": True}
    assert after == state
    assert home.run("fetch", session=False) == [None]
    assert not (home.folder / ".local/share/keyrings").exists()


def test_a_locked_keyring_without_a_desktop_is_told(home: Home) -> None:
    home.run("store")
    state, stored, fetched = home.run("state", "store", "fetch", before=LOCKED)
    assert (state["kind"], "locked" in state["why"]) == ("memory", True)
    assert stored["kept_in"] == THIS_RUN_ONLY
    assert fetched == {"same": True}
    (error,) = home.run("fetch", before=LOCKED)
    assert "locked" in error["error"]


def test_a_prompt_that_nobody_answers_ends_at_the_deadline(home: Home, screen: str) -> None:
    home.run("store")
    state, stored, after, fetched = home.run("state", "store", "state", "fetch", before=LOCKED, display=screen)
    assert (state["kind"], "will ask for its password" in state["why"]) == ("keyring", True)
    assert stored["kept_in"] == THIS_RUN_ONLY
    assert after["kind"] == "memory"
    assert fetched == {"same": True}
