"""The sandbox as a guest on somebody's machine: where it writes, whom it talks to, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Sandbox, read_env_file, start_sandbox
from tests.contract import processes
from tests.contract.client_runs import CLIENTS, EXAMPLE, run_client

PATIENCE = 120  # seconds
NewSandbox = Callable[..., Sandbox]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def until(check: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# --- the env file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, None])
def test_the_env_file_is_in_the_state_folder_too_while_it_runs(
    new_sandbox: NewSandbox, by: signal.Signals | None
) -> None:
    sandbox = new_sandbox()
    own, wanted = sandbox.state / "sandbox.env", sandbox.state.with_name(sandbox.state.name + ".env")
    assert read_env_file(own) == read_env_file(wanted) == sandbox.env
    assert own.stat().st_mode & 0o777 == 0o600
    assert sandbox.stop(by) == 0
    assert not own.exists()
    assert not wanted.exists()


def test_an_env_file_that_somebody_else_wrote_since_stays(new_sandbox: NewSandbox) -> None:
    sandbox = new_sandbox()
    wanted = sandbox.state.with_name(sandbox.state.name + ".env")
    wanted.write_text("export MINE=1\n")
    assert sandbox.stop() == 0
    assert wanted.read_text() == "export MINE=1\n"


def test_what_a_killed_sandbox_left_is_no_running_sandbox(new_sandbox: NewSandbox, sandbox_cache: Path) -> None:
    sandbox = new_sandbox()
    sandbox.process.kill()
    sandbox.process.wait()
    assert (sandbox.state / "sandbox.env").exists()
    command = [sys.executable, "-m", "edgetui.sandbox", "--state", str(sandbox.state), "--cache", str(sandbox_cache)]
    refused = subprocess.run(
        [*command, "--scenario", "empty-workspace"], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert not (sandbox.state / "sandbox.env").exists()


def test_a_second_start_leaves_the_first_alone(new_sandbox: NewSandbox, sandbox_cache: Path, tmp_path: Path) -> None:
    first = new_sandbox()
    files = {file: file.read_bytes() for file in first.state.iterdir() if file.is_file() and "sqlite" not in file.name}
    other = tmp_path / "other.env"
    command = [sys.executable, "-m", "edgetui.sandbox", "--state", str(first.state), "--cache", str(sandbox_cache)]
    second = subprocess.run(
        [*command, "--env-file", str(other)], capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert f"another sandbox is using {first.state}" in line
    assert not other.exists()
    assert {file: file.read_bytes() for file in files} == files
    assert first.process.poll() is None
    with socket.create_connection(("127.0.0.1", int(first.base_url.rpartition(":")[2])), timeout=10):
        assert first.stop() == 0


# --- writes and connections --------------------------------------------------------------------------------------------


def test_it_writes_in_its_own_folders_and_talks_to_this_machine_only(tmp_path: Path, sandbox_cache: Path) -> None:
    home, temporary, here, audit = (tmp_path / name for name in ("home", "tmp", "here", "audit.jsonl"))
    for folder in (home, temporary, here):
        folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EDGETUI_", "AZURE"))}
    sandbox = start_sandbox(
        tmp_path / "state",
        sandbox_cache,
        cwd=here,
        env=kept
        | {
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "AUDIT_FILE": str(audit),
            "PYTHONPATH": str(Path(__file__).parent / "audit"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    try:
        saw = run_client(sandbox, "whole_chain.py", tmp_path / "client", str(EXAMPLE))
        assert saw["answer"]["anomaly"] == [False, True, True]
        running = processes.tree(sandbox.process.pid)
        assert len(running) >= 3, "the module's server and its workers are there"
        found = processes.addresses(running)
    finally:
        assert sandbox.stop() == 0

    assert found
    assert not [address for address in found if not processes.is_loopback(address)]
    notes = [json.loads(line) for line in audit.read_text().splitlines()]
    said = {what for kind, what in notes if kind == "address"}
    assert {"127.0.0.1"} <= said
    assert not [address for address in said if not processes.is_loopback(address)]
    written = {Path(what) for kind, what in notes if kind == "write"}
    own = (tmp_path / "state", sandbox_cache, temporary, tmp_path / "state.env", Path(os.devnull))
    env_file = tmp_path / ".state.env."  # made beside the file that was wanted, then moved into its place
    outside = [path for path in written if not any(path.is_relative_to(folder) for folder in own)]
    assert len(written) > 20
    assert not [path for path in outside if not str(path).startswith(str(env_file))]
    for folder in (home, here, temporary):
        assert not list(folder.iterdir()), folder


# --- its end -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def silent_index() -> Iterator[str]:
    """The address of a package index that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/simple"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, None])
def test_modules_and_a_build_in_the_middle_of_its_download_end_with_it(
    new_sandbox: NewSandbox, silent_index: str, tmp_path: Path, by: signal.Signals | None
) -> None:
    sandbox = new_sandbox()
    assert run_client(sandbox, "whole_chain.py", tmp_path / "chain", str(EXAMPLE))["status"]["code"] == 200
    conda = tmp_path / "hanging.yml"
    conda.write_text(f"dependencies:\n- pip:\n  - --index-url {silent_index}\n  - edgetui-never-answered\n")
    with subprocess.Popen(
        [sys.executable, str(CLIENTS / "azureml_build.py"), str(EXAMPLE), str(conda)],
        cwd=tmp_path,
        env=sandbox.child_env(HOME=str(tmp_path), TMPDIR=str(tmp_path)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as client:
        until(lambda: any("pip install" in command for command in processes.tree(sandbox.process.pid).values()))
        children = processes.tree(sandbox.process.pid).keys() - {sandbox.process.pid}
        assert len(children) >= 3
        client.kill()
    assert sandbox.stop(by) == 0
    until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()])
    assert not processes.mentioning(str(sandbox.state))
