"""Build logs: bytes that come in any pieces give the same lines, and a failed build's cause is found in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.adapters.builders.build_log import Lines, cause
from edgetui.core.ansi import plain
from edgetui.core.build_causes import explained
from edgetui.core.errors import EdgeError


def lines_of(*pieces: bytes) -> list[str]:
    log = Lines()
    return [line for piece in pieces for line in log.feed(piece)] + list(log.feed(b"", last=True))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])), st.lists(st.integers(0, 200), max_size=6))
def test_where_the_bytes_are_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    data = text.encode()
    ends = sorted(cut for cut in cuts if cut < len(data))
    pieces = [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    assert lines_of(*pieces) == lines_of(data)


@given(st.binary())
def test_no_bytes_at_all_break_it_and_no_line_can_move_the_cursor(data: bytes) -> None:
    for line in lines_of(data):
        assert not any(ord(char) < 32 and char != "\t" for char in plain(line))


def test_half_a_line_waits_for_the_rest() -> None:
    log, two = Lines(), "twö\n".encode()
    assert list(log.feed(b"one\n" + two[:3])) == ["one"]  # in the middle of the ö
    assert list(log.feed(two[3:])) == ["twö"]
    assert list(log.feed(b"end", last=True)) == ["end"]


def test_lines_are_shown_as_a_terminal_would() -> None:
    data = b"\x1b[32mgreen\x1b[0m\r\n 10%\r 50%\r100%\n\x1b]0;title\x07plain\ttab\n\n"
    assert lines_of(data) == ["\x1b[32mgreen\x1b[0m", "100%", "plain\ttab", ""]


def test_secrets_in_a_log_are_masked() -> None:
    line = b"fetch https://blob/x?sv=1&sig=s3cr3t docker login -u me --password=s3cr3t\n"
    assert "s3cr3t" not in lines_of(line)[0]
    coloured = b"\x1b[31mfetch\x1b[0m https://blob/x?sv=1&sig=s3\x1b[1mcr3t docker login --pass\x1b[2mword=s3cr3t\n"
    assert "cr3t" not in lines_of(coloured)[0]


def test_a_cause_is_found_and_told_without_its_colours() -> None:
    lines = lines_of(b"\x1b[2mok\x1b[0m\n\x1b[31mERROR: No matching distribution found for nope==1\x1b[0m\n")
    assert cause(lines) == "ERROR: No matching distribution found for nope==1"
    found = explained(EdgeError("It failed", "\n".join(lines)))
    assert found.title == "It failed: there is no nope==1 for this Python and platform"


CASES = [
    (
        [
            "Step 2/6 : Install the environment",
            "WARNING: retrying after an error",
            "ERROR: Could not find a version that satisfies the requirement nope==1 (from versions: none)",
            "ERROR: No matching distribution found for nope==1",
            "The build failed",
        ],
        "ERROR: Could not find a version that satisfies the requirement nope==1 (from versions: none)",
    ),
    (
        [
            "error: No solution found when resolving dependencies",
            "  cause: Because nope was not found",
            "The build failed: error",
        ],
        "error: No solution found when resolving dependencies\n  cause: Because nope was not found",
    ),
    (
        ["Solving environment: failed", "", "ResolvePackageNotFound:", "  - python=9", "failed"],
        "ResolvePackageNotFound:\n  - python=9",
    ),
    (["a", "pull access denied for x", "b"], "pull access denied for x"),
    (["one", "two", "three", "", "four"], "two\nthree\nfour"),
    ([], ""),
]


@pytest.mark.parametrize(("log", "expected"), CASES)
def test_the_first_real_error_is_the_cause(log: list[str], expected: str) -> None:
    assert cause(log) == expected
