"""Logs in files: their end, any part of them, and a search of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.ports import Ports
from edgetui.jobs import logs
from tests.ui import fake_ports
from tests.ui.fake_ports import World


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return fake_ports.ports(World(), tmp_path / "state")


def write(folder: Path, lines: list[str]) -> str:
    file = folder / "build.log"
    file.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return str(file)


@pytest.mark.parametrize("read", [1, 10, 17, 18, 1_000])
def test_the_end_of_a_log_knows_where_it_begins(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    monkeypatch.setattr(logs, "READ", read)
    monkeypatch.setattr(logs, "_CHUNK", 7)
    told = [f"line é{number}" for number in range(20)]
    first, lines = logs.lines(ports, write(tmp_path, told))
    assert lines == told[first:]
    taken = sum(len(f"{line}\n".encode()) for line in lines)
    assert first == 0 or read - 20 < taken <= read


def test_no_more_than_a_pane_holds(ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "HELD", 3)
    path = write(tmp_path, ["a", "b", "c", "d", "e"])
    assert logs.lines(ports, path) == (2, ["c", "d", "e"])
    assert logs.lines(ports, path, 4) == (0, ["a", "b"])
    assert logs.part(ports, path, 1, 2) == (1, ["b", "c"])
    assert logs.part(ports, path, 4, 2) == (4, ["e"])
    assert logs.lines(ports, write(tmp_path, [])) == (0, [])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["x", ".", "\x1b[1mx"]), max_size=30),
    st.integers(0, 35),
    st.integers(0, 3),
    st.integers(1, 40),
)
def test_a_search_finds_what_there_is(
    ports: Ports, tmp_path: Path, told: list[str], until: int, context: int, keep: int
) -> None:
    path = write(tmp_path, told)
    found = logs.search(ports, path, lambda line: "x" in line, until, context, keep)
    reach = told[: until + context]
    assert list(found.numbers) == [number for number, line in enumerate(told[:until]) if "x" in line]
    near = [n for n in range(len(reach)) if any("x" in one for one in reach[max(n - context, 0) : n + context + 1])]
    assert found.kept == {number: told[number] for number in near[-keep:]}
    assert found.left_out == len(near) - len(found.kept)
    assert logs.search(ports, path, lambda line: "x" in line, until) == (found.numbers, {}, 0)


def test_a_search_that_nobody_waits_for_ends(ports: Ports, tmp_path: Path) -> None:
    path = write(tmp_path, ["x"] * 10)
    asked = cancel.Cancellation()
    asked.cancel()
    with cancel.using(asked), pytest.raises(EdgeError, match="Searching the log"):
        logs.search(ports, path, lambda _: True, 10)
