"""What a log's buffer knows of its lines beside their text: colours, times, and what stands around a filter's matches."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetui.ui.widgets.log_buffer import LogBuffer, plain
from edgetui.ui.widgets.log_cleaning import clean, coloured
from edgetui.ui.widgets.log_colours import NAMES, split


@pytest.mark.parametrize(
    ("raw", "text", "spans"),
    [
        ("\x1b[31mred\x1b[0m then not", "red then not", ((0, 3, "red"),)),
        ("\x1b[1;33mboth", "both", ((0, 4, "bold"), (0, 4, "yellow"))),
        ("\x1b[91mbright\x1b[39m", "bright", ((0, 6, "red"),)),
        ("a\t\x1b[32mtab", "a       tab", ((8, 11, "green"),)),
        ("10%\r\x1b[36m50%\r\x1b[35m100%", "100%", ((0, 4, "magenta"),)),
        # Nothing that could hide text: backgrounds, concealed, black and white, colours of its own.
        ("\x1b[8m\x1b[41m\x1b[30mhidden\x1b[0m", "hidden", ()),
        ("\x1b[38;5;196mown\x1b[48;2;1;2;31mstill", "ownstill", ()),
        ("\x1b[38;5;31;1mbold", "bold", ((0, 4, "bold"),)),
        # A sequence that is no colour takes the colours of its line with it, and itself.
        ("\x1b]0;title\x07\x1b[31mred", "red", ()),
        ("plain", "plain", ()),
    ],
)
def test_colours_are_kept_as_names_and_only_those_that_can_be_read(
    raw: str, text: str, spans: tuple[tuple[int, int, str], ...]
) -> None:
    assert coloured(raw) == (text, spans)


@given(st.text(alphabet="ab\x1b[]0139;m\t\r\x9b\x07é", max_size=40))
def test_a_coloured_line_reads_as_without_and_its_colours_lie_in_it(raw: str) -> None:
    text, spans = coloured(raw)
    assert not [c for c in text if ord(c) < 32 or 127 <= ord(c) < 160]
    assert all(0 <= start < end <= len(text) and name in NAMES for start, end, name in spans)
    if "\x1b[" not in raw:
        assert text == clean(raw)


def test_no_line_has_colours_without_end() -> None:
    assert len(split("\x1b[31mx\x1b[0m" * 5_000)[1]) == 100


def test_times_and_colours_leave_with_their_lines() -> None:
    buffer = LogBuffer(max_lines=2)
    buffer.append(["\x1b[31mone", "two"], 10.0)
    buffer.append(["\x1b[32mthree"], 20.0)
    assert [buffer.time(index) for index in range(buffer.count)] == [10.0, 20.0]
    assert [buffer.colours(index) for index in range(buffer.count)] == [(), ((0, 5, "green"),)]
    assert len(buffer._colours) == 1


@settings(max_examples=300)
@given(
    st.lists(st.lists(st.sampled_from(["x", ".", "y"]), max_size=6), max_size=8),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_filter_shows_what_stands_around_each_match_whenever_it_is_set(
    batches: list[list[str]], context: int, first: bool
) -> None:
    buffer = LogBuffer(max_lines=12)
    if first:
        buffer.set_filter("x", context)
    kept: list[str] = []
    for batch in batches:
        buffer.append(batch)
        kept.extend(batch)
    if not first:
        buffer.set_filter("x", context)
    start = max(len(kept) - 12, 0)
    shown = {buffer.number(index) for index in range(buffer.count)}
    around = {
        number
        for number in range(start, len(kept))
        if any(kept[near] == "x" for near in range(max(number - context, start), min(number + context + 1, len(kept))))
    }
    # What stood around a match that has left meanwhile may still be there.
    assert around <= shown
    if not first:
        assert around == shown
    assert sorted(shown) == [buffer.number(index) for index in range(buffer.count)]
    assert [buffer.matched(index) for index in range(buffer.count)] == [kept[number] == "x" for number in sorted(shown)]
    wanted = plain("y")
    assert list(buffer.found.of(wanted)) == [number for number in sorted(shown) if kept[number] == "y"]
