"""The wizard where people use it: in tmux, through a real sshd, at 80x24."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.whole_runs import Home
from tests.real.parts import need

LIMIT = 60.0  # seconds until a wait is given up
BUILD_LIMIT = 600.0  # seconds: where the environment is not cached yet, it is installed from a package index
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")


class Ssh:
    """A real sshd on loopback, for this user, with keys of its own."""

    def __init__(self, folder: Path) -> None:
        self.program, keygen, self.client = need("sshd", "ssh-keygen", "ssh")
        self.folder = folder
        for name in ("host", "id"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        (folder / "authorized_keys").write_bytes((folder / "id.pub").read_bytes())
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd of a root locks itself in before somebody has signed in
        self.port = _free_port()
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder / 'host'}",
            f"AuthorizedKeysFile {folder / 'authorized_keys'}",
            f"PidFile {folder / 'pid'}",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen(
            [self.program, "-D", "-e", "-f", str(folder / "config")],
            stdin=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
        )
        until(self._answers, "sshd listens")

    def command(self, remote: str) -> list[str]:
        options = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder / 'known'}", "-F", "none"]
        quiet = ["-o", "LogLevel=ERROR", "-i", str(self.folder / "id"), "-p", str(self.port)]
        return [self.client, "-tt", *options, *quiet, "127.0.0.1", remote]

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


class Tmux:
    """A tmux server of its own with one pane of 80x24."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        (self.program,) = need("tmux")
        self.folder = folder
        self.socket = folder / "s"
        (folder / "tmux.conf").write_text("set -g status off\nset -g escape-time 10\n")
        # Afterwards the pane shows how the terminal was left.
        shown = f"{shlex.join(command)}; echo \"ended with $?\"; stty -a | tr ';' '\\n'; echo over; exec cat"
        self.run("-f", str(folder / "tmux.conf"), "new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", shown)

    def run(self, *arguments: str) -> str:
        command = [self.program, "-S", str(self.socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT).stdout

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def history(self) -> str:
        return self.run("capture-pane", "-p", "-S", "-200")

    def keys(self, *names: str) -> None:
        self.run("send-keys", *names)

    def flag(self, name: str) -> str:
        return self.run("display-message", "-p", f"#{{{name}}}").strip()

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("kill-server")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(check: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not check():
        assert time.monotonic() < deadline, f"not within {limit} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    one = Ssh(tmp_path_factory.mktemp("ssh"))
    yield one
    one.close()


class Wizard:
    """The wizard on the sandbox, in tmux, over SSH, with the example's plan or as it is at the very first start."""

    def __init__(self, folder: Path, cache: Path, ssh: Ssh, *, first: bool = False) -> None:
        self.home = Home(folder / "person", cache)
        wanted = self.home.env()
        ours = {name: value for name, value in wanted.items() if os.environ.get(name) != value}
        variables = [f"{name}={value}" for name, value in {**ours, "LANG": "C.UTF-8"}.items()]
        program = [sys.executable, "-m", "edgetui", "--sandbox", *([] if first else ["--plan", str(self.home.plan)])]
        remote = (
            shlex.join(["cd", str(self.home.folder / "work")]) + " && exec " + shlex.join(["env", *variables, *program])
        )
        self.tmux = Tmux(folder, ssh.command(remote))

    def at_the_list_of_steps(self) -> None:
        def there() -> bool:
            screen = self.tmux.screen()
            assert "ended with" not in screen, screen
            return all(part in screen for part in ("SANDBOX", "1 Workspace", "7 Deploy", "F10 Quit"))

        until(there, "the list of steps is on the screen")

    def sees(self, text: str, limit: float = LIMIT) -> None:
        """Wait until a text is on the screen."""

        def there() -> bool:
            screen = self.tmux.screen()
            assert "ended with" not in screen, screen
            return text in screen

        until(there, f"{text!r} is on the screen", limit)

    def pid(self) -> int:
        """The wizard's own process."""
        for pid, argv in self.home.processes():
            if b"\0--plan\0" in argv and b"python" in argv.split(b"\0")[0]:
                return pid
        raise AssertionError(f"no wizard among {self.home.processes()}")

    def sandbox_answers(self) -> None:
        def there() -> bool:
            return any(b"edgetui.sandbox" in argv for _, argv in self.home.processes())

        until(there, "the sandbox runs")

    def ended(self) -> str:
        until(lambda: "over" in self.tmux.screen().split(), "the wizard has ended")
        return self.tmux.history()

    def close(self) -> None:
        self.tmux.close()
        self.home.kill_left()


@pytest.fixture
def wizard(tmp_path: Path, sandbox_cache: Path, ssh: Ssh) -> Iterator[Wizard]:
    one = Wizard(tmp_path, sandbox_cache, ssh)
    yield one
    one.close()


def assert_sane(wizard: Wizard, left: str) -> None:
    """The terminal is as before: it echoes, knows lines, shows the main screen and a cursor, reports no mouse."""
    settings = set(left.split())
    assert {"echo", "icanon", "isig", "icrnl"} <= settings, left
    assert [wizard.tmux.flag(name) for name in ("alternate_on", "mouse_any_flag", "cursor_flag")] == ["0", "0", "1"]


def test_it_opens_and_leaves_cleanly(wizard: Wizard) -> None:
    wizard.at_the_list_of_steps()
    lines = wizard.tmux.screen().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    wizard.tmux.keys("F10")
    left = wizard.ended()
    assert "ended with 0" in left
    assert_sane(wizard, left)
    assert wizard.home.left_processes() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_leaves_a_sane_terminal_and_no_process(wizard: Wizard, number: signal.Signals) -> None:
    wizard.at_the_list_of_steps()
    wizard.sandbox_answers()
    os.kill(wizard.pid(), number)
    left = wizard.ended()
    assert f"ended with {128 + number}" in left
    assert "Traceback" not in left
    assert_sane(wizard, left)
    assert wizard.home.left_processes() == []


def test_when_it_is_killed_sandbox_and_children_end_too(wizard: Wizard) -> None:
    wizard.at_the_list_of_steps()
    wizard.sandbox_answers()
    os.kill(wizard.pid(), signal.SIGKILL)
    wizard.ended()
    assert wizard.home.left_processes() == []


def test_when_the_connection_is_lost_all_of_it_ends(wizard: Wizard) -> None:
    wizard.at_the_list_of_steps()
    wizard.sandbox_answers()
    os.kill(int(wizard.tmux.flag("pane_pid")), signal.SIGTERM)
    assert wizard.home.left_processes() == []


def test_a_newcomer_follows_the_screen_to_the_answer(tmp_path: Path, sandbox_cache: Path, ssh: Ssh) -> None:
    with contextlib.closing(Wizard(tmp_path, sandbox_cache, ssh, first=True)) as wizard:
        way = [
            ("Start from the example", ["Enter"]),
            ("F3 the next one that is not done", ["F3"]),
            ("F8 (or Enter on Register)", ["F8"]),
            ("is registered; F3 goes on", ["F3"]),
            ("checked; F8 tries it, F3 goes on", ["F3"]),
            ("F8 (or Enter on Build)", ["F8"]),
            ("F3 goes on", ["F3"]),
            ("Admin user      off", ["F8"]),
            ("Turn on the admin user", ["Tab", "Enter"]),
            ("The credential is kept; F3 goes on", ["F3"]),
            ("F8 (or Enter on Deploy) deploys", ["F8"]),
            ("Deploy to line1-gateway?", ["Tab", "Enter"]),
            ("Every device has answered", ["F2"]),
            ("All is done: the module answers on the device", ["F10"]),
        ]
        for shown, keys in way:
            wizard.sees(shown, BUILD_LIMIT)
            wizard.tmux.keys(*keys)
        assert "ended with 0" in wizard.ended()
        assert wizard.home.left_processes() == []
