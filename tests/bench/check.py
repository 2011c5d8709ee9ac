"""How long checking takes: a script of 2,000 lines against Python's own parser, and the example's plan as a whole process."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator

from edgetui.core import scoring
from tests.bench.measure import EDGETUI, Bench, Measured, in_turns, seconds

ROUNDS = 11
_PART = '''

def part_{0}(rows, limit=None):
    """One of many."""
    total = 0
    for number in range(10):
        if number % 2 and rows[number] > 3:
            total += rows[number] * number + len(str(limit))
        else:
            total -= number
    try:
        value = {{"a": total, "b": [total, number], "c": "text"}}
    except ValueError as problem:
        raise RuntimeError("bad") from problem
    return value
'''


def long_script(lines: int = 2000) -> str:
    """A scoring script with nothing wrong in it, of at least so many lines."""
    text = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
    parts = lines // _PART.count("\n") + 1
    return text + "".join(_PART.format(number) for number in range(parts))


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def once() -> float:
        begin = time.process_time()  # what others do on the machine at the time does not count
        work()
        return time.process_time() - begin

    return once


def run(place: Bench) -> Iterator[Measured]:
    text = long_script()
    assert scoring.check("score.py", text) == []
    ours, parser = in_turns(ROUNDS, _timed(lambda: scoring.check("score.py", text)), _timed(lambda: ast.parse(text)))
    yield Measured("check.script-2000-lines", ours * 1000, "ms", 50.0)
    yield Measured("check.parse-alone", parser * 1000, "ms")
    plan = place.example() / "plan.toml"
    (whole,) = in_turns(ROUNDS, lambda: seconds([*EDGETUI, "check", str(plan)], place.env()))
    yield Measured("check.example-process", whole, "s", 1.0)
