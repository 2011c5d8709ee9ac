"""Which Python an environment comes to: one answer for the check, our Dockerfile, the trial and the resolver.

An environment says `python=3.11`, `python>=3.9,<3.12`, `python 3.12.*` or `python[version='>=3.12']`. Where several fit, ours
is the one nearest to `DEFAULT`, for which most packages have wheels; conda alone would take the newest.
"""

from __future__ import annotations

import re

DEFAULT = "3.11"
OLDEST = (3, 9)  # azureml-inference-server-http 1.5 installs on this or newer

# The day on which each Python's support ends (devguide.python.org/versions), as known on TABLE_DATE.
TABLE_DATE = "2026-01-01"
END_OF_SUPPORT = {
    "2.7": "2020-01-01",
    "3.5": "2020-09-30",
    "3.6": "2021-12-23",
    "3.7": "2023-06-27",
    "3.8": "2024-10-07",
    "3.9": "2025-10-31",
    "3.10": "2026-10-31",
    "3.11": "2027-10-31",
    "3.12": "2028-10-31",
    "3.13": "2029-10-31",
    "3.14": "2030-10-31",
}
_MICROS = 40  # more bug fixes than any Python ever had
_CLAUSE = re.compile(r"(?P<how>[<>!~]=|={0,3}|[<>])(?P<version>\d+(?:\.\d+)*)(?P<any>\.?\*)?")
_NAMED = re.compile(r"={0,3}((\d+\.\d+)(?:\.\d+)?)(?:\.?\*)?")

Version = tuple[int, ...]


def supported(today: str) -> list[str]:
    """The Python versions that still get security fixes on a day (ISO 8601)."""
    return [version for version, end in END_OF_SUPPORT.items() if end > today]


def bounds(entry: str) -> str | None:
    """What a conda entry asks of Python (`>=3.9,<3.12`, `=3.11`, "" for anything), without blanks and build.

    None where the entry is not Python's, or cannot be read.
    """
    found = re.fullmatch(r"(?i)python(?![\w.-])\s*(.*)", entry.partition("#")[0].strip().rpartition("::")[2].strip())
    if found is None:
        return None
    text = found[1]
    if bracket := re.search(r"\[(.*)\]$", text):
        inner = re.search(r"version\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\]]+))", bracket[1])
        text = next(filter(None, inner.groups()), "") if inner else text[: bracket.start()]
    text = re.sub(r"\s*([<>=!~,|]+)\s*", r"\1", text).partition(" ")[0]  # behind a blank stands the build
    text = re.sub(r"^(={0,2}[\d.*]+)=[^=]+$", r"\1", text)
    if text in {"", "*"}:
        return ""
    parts = [one for choice in text.split("|") for one in choice.split(",")]
    return text if all(one == "*" or _CLAUSE.fullmatch(one) for one in parts) else None


def named(wanted: str) -> str:
    """The one version that bounds name (`3.11` or `3.11.4`); "" for a range."""
    found = _NAMED.fullmatch(wanted)
    return found[1] if found else ""


def allowed(wanted: str, *, old: bool = False) -> list[str]:
    """The Python versions known here that fit bounds, the nearest to `DEFAULT` first; `old` asks for those before `OLDEST`."""
    known = [version for version in END_OF_SUPPORT if (_numbers(version) < OLDEST) is old]
    fitting = [one for one in known if any(_fits(wanted, (*_numbers(one), micro)) for micro in range(_MICROS))]
    return sorted(fitting, key=lambda one: (abs(_numbers(one)[-1] - _numbers(DEFAULT)[-1]), -_numbers(one)[-1]))


def chosen(wanted: str) -> str:
    """The Python that bounds come to: the one that they name, or the best that fits; "" where none does."""
    version = ".".join(named(wanted).split(".")[:2])
    return version or next(iter(allowed(wanted)), "")


def _fits(wanted: str, version: Version) -> bool:
    return not wanted or any(
        all(_meets(clause, version) for clause in choice.split(",")) for choice in wanted.split("|")
    )


def _meets(clause: str, version: Version) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return clause == "*"
    how, bound = found["how"], _numbers(found["version"])
    alike = version[: len(bound)] == bound
    if found["any"] == "*":  # `3.1*` is any text that begins so
        alike = ".".join(map(str, version)).startswith(found["version"])
    match how:
        case ">=":
            return version >= bound
        case "<=":
            return version <= bound or (alike and bool(found["any"])) or version == (*bound, 0)
        case ">":
            return version > (*bound, *([0] * (3 - len(bound))))
        case "<":
            return version < bound
        case "!=":
            return not alike
        case "~=":
            return version >= bound and version[: len(bound) - 1] == bound[:-1]
    return alike


def _numbers(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))
