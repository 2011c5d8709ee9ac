"""Files of our own making with what is to be found in them, and what must not be.

A corpus file holds many cases, each with a head:

    #### name
    #### server: loads            what the inference server makes of it: refuses, init, run, works, or loads (only loaded)
    #### expect: rule@line, ...   every problem that there is, and no other
    #### misses: rule, ...        what it comes near to, and must not trigger
    #### python: 3.9              the environment's Python, where it is not the usual one
    #### packages: mlflow ...     what the environment names besides the usual ones
    #### model: pump.pkl          the model file's name, where the script is held against it
    #### beside: utils.py ...     what lies beside the script
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One file: `expected` are (rule, line) pairs."""

    name: str
    text: str
    expected: tuple[tuple[str, int], ...]
    server: str = ""
    misses: tuple[str, ...] = ()
    python: str = ""
    packages: tuple[str, ...] = ()
    model: str = ""
    beside: tuple[str, ...] = ()


def load(pattern: str) -> list[Case]:
    """The cases of all corpus files that match."""
    cases = [case for file in sorted(HERE.glob(pattern)) for case in _read(file.read_text(encoding="utf-8"))]
    assert len({case.name for case in cases}) == len(cases), "two cases have the same name"
    return cases


def _read(text: str) -> list[Case]:
    found = []
    for part in re.split(r"(?m)^(?=#### (?!(?:server|expect|misses|python|packages|model|beside):))", text):
        if not part.startswith("#### "):
            continue
        head = re.match(r"(?:#### .*\n)+", part)
        assert head is not None
        name, *fields = (line.removeprefix("#### ").strip() for line in head.group().splitlines())
        values = {key: value.strip() for key, value in (field.split(":", 1) for field in fields)}
        pairs = [pair.strip().rsplit("@", 1) for pair in values.get("expect", "").split(",") if pair.strip()]
        expected = tuple(sorted((rule, int(line)) for rule, line in pairs))
        found.append(
            Case(
                name,
                part[head.end() :],
                expected,
                values.get("server", ""),
                tuple(filter(None, values.get("misses", "").replace(",", " ").split())),
                values.get("python", ""),
                tuple(values.get("packages", "").split()),
                values.get("model", ""),
                tuple(values.get("beside", "").split()),
            )
        )
    return found


@dataclass
class Tally:
    """What a corpus came to, for the table at the end of the run."""

    kind: str
    tried: int = 0
    expected: int = 0
    found: int = 0
    missed: int = 0
    false_alarms: int = 0

    def add(self, case: Case, found: list[tuple[str, int]]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """Count one case; returns what was missed and what was a false alarm."""
        missed, rest = [], list(found)
        for one in case.expected:
            if one in rest:
                rest.remove(one)
            else:
                missed.append(one)
        self.tried += 1
        self.expected += len(case.expected)
        self.found += len(case.expected) - len(missed)
        self.missed += len(missed)
        self.false_alarms += len(rest)
        return missed, rest

    def row(self) -> list[object]:
        """The tally as a line of the table at the end of the run."""
        return [self.kind, self.tried, self.expected, self.found, self.missed, self.false_alarms]
