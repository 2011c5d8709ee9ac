"""Where a failed build's cause stands: the line of the environment file or of the script that its words speak of."""

from __future__ import annotations

import re

from edgetui.core.build_causes import spoken
from edgetui.core.conda import document

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Lines of an installer's log that name what is at fault; others name every package that was fetched.
_TELLING = re.compile(
    r"error|conflict|no matching|could not|depends on|requires|no version|failed|nothing provides|does not exist",
    re.IGNORECASE,
)


def environment_line(text: str, *said: str) -> int:
    """The line (from 1) of the entry that the first of `said` names which names any; 0 where none does."""
    found = document.read("", text)
    entries = {entry.name: entry.line for entry in (*found.conda, *found.pip) if entry.name not in {"", "pip"}}
    from_git = next((entry.line for entry in found.pip if "git+" in entry.text), 0)
    for words in said:
        for line in spoken(words).splitlines():
            if from_git and "git+" in line:
                return from_git
            for token in _names(line):
                if token in entries:
                    return entries[token]
    return found.problems[0].line if found.problems else 0


def script_line(name: str, *said: str) -> int:
    """The innermost line of the script `name` in a traceback or a compiler's words; 0 where they name none."""
    file = re.escape(name.rpartition("/")[2])
    at = re.compile(rf'(?:File "[^"\n]*\b{file}", line |\b{file}:)(\d+)')
    for words in said:
        lines = at.findall(words)
        if lines:
            return int(lines[-1])
    return 0


def telling(log: list[str]) -> str:
    """The lines of a log that speak of a failure."""
    return "\n".join(line for line in log if _TELLING.search(line))


def _names(line: str) -> list[str]:
    names = []
    for token in _TOKEN.findall(line):
        names.append(document.normal(token.rstrip(".-_")))
        # conda writes `numpy-1.26.4` and `numpy-1.26.4-py311_0`
        head = re.match(r"(.+?)-\d", token)
        if head:
            names.append(document.normal(head[1]))
    return names
