"""The colours of a log's line as names that a theme knows: what could hide text, or be unreadable, is left out."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core.ansi import SGR

Span = tuple[int, int, str]  # from, to (characters of the shown line), name
# Foreground only, and neither black nor white: a background, or a colour like it, could hide what a person must read.
_COLOURS = {1: "red", 2: "green", 3: "yellow", 4: "blue", 5: "magenta", 6: "cyan"}
NAMES = (*_COLOURS.values(), "bold", "dim", "italic", "underline")
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 39: tuple(_COLOURS.values())}
MAX_SPANS = 100  # of one line; more is no log


def split(line: str) -> tuple[str, list[Span]]:
    """A line without its colours, and where they are in it."""
    pieces: list[str] = []
    spans: list[Span] = []
    length, last = 0, 0
    on: dict[str, int] = {}  # name -> where it began
    for found in SGR.finditer(line):
        pieces.append(line[last : found.start()])
        length += found.start() - last
        last = found.end()
        for name, begins in _changes(found.group()[2:-1]):
            if begins and name not in on:
                on[name] = length
            elif not begins and name in on:
                spans.append((on.pop(name), length, name))
    pieces.append(line[last:])
    length += len(line) - last
    spans += [(start, length, name) for name, start in on.items()]
    return "".join(pieces), [span for span in spans if span[0] < span[1]][:MAX_SPANS]


def moved(spans: list[Span], before: str, after: str, cut: int = 0) -> tuple[Span, ...]:
    """The spans of `before` in `after`, which is `before` from character `cut` on, with its tabs as spaces."""

    def place(at: int) -> int:
        return min(len(before[cut : max(at, cut)].expandtabs()), len(after))

    made = ((place(start), place(end), name) for start, end, name in spans)
    return tuple(span for span in made if span[0] < span[1])


def _changes(codes: str) -> Iterator[tuple[str, bool]]:
    """What begins (True) and what ends, in order."""
    numbers = iter([int(code) if code.isdigit() else 0 for code in codes.replace(":", ";").split(";")])
    for number in numbers:
        if number in {38, 48, 58}:  # a colour of its own: `5;n` or `2;r;g;b`
            for _ in range({5: 1, 2: 3}.get(next(numbers, 0), 0)):
                next(numbers, None)
        elif number == 0:
            yield from ((name, False) for name in NAMES)
        elif number in _STYLES:
            yield _STYLES[number], True
        elif number in _ENDS:
            yield from ((name, False) for name in _ENDS[number])
        elif number % 10 in _COLOURS and number // 10 in {3, 9}:
            yield from ((name, False) for name in _COLOURS.values())
            yield _COLOURS[number % 10], True
