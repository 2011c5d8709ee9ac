"""Why a build failed, in one line, with the field to correct: from the builders' own words to causes that a person can act on."""

from __future__ import annotations

import re

from edgetui.core.ansi import plain
from edgetui.core.errors import EdgeError
from edgetui.core.known_causes import ANY, CAUSES, Cause

# The commands themselves, which speak of what may go wrong; how they ended stays.
_STEPS = re.compile(r"^(?:Step \d+/\d+ ?:|STEP \d+/\d+:|(?:#\d+|[ =]*>) *\[).*$", re.MULTILINE)
_COMMANDS = re.compile(r"The command '.*'(?= returned)|(?:process|STEP) \".*\"(?=:| did not)")
# Each is followed by another try, all but the last of them.
_RETRIES = re.compile(r"^WARNING: Retrying \(Retry\(total=[1-9].*$", re.MULTILINE)


def explained(problem: EdgeError, log: str = "") -> EdgeError:
    """The same failure with its cause in the title, what to do, and where; unchanged where the cause is not known."""
    found = (_find(problem.detail) or _find(log) or _any(problem.detail)) if problem.kind == "failed" else None
    if found is None:
        return problem
    cause, why, remedy = found
    return EdgeError(
        f"{problem.title}: {why}",
        problem.detail,
        f"{remedy}.",
        retryable=cause.retryable,
        field=cause.field,
        kind=cause.kind,
    )


def spoken(text: str) -> str:
    """What a builder says of what happened: without the commands themselves, colours, and tries that were made again."""
    return _RETRIES.sub("", _COMMANDS.sub("", _STEPS.sub("", plain(text))))


def _find(text: str) -> tuple[Cause, str, str] | None:
    """The cause that the words speak of, its name in one line, and what to do; None where they say nothing that we know."""
    said = spoken(text)
    for cause in CAUSES:
        found = cause.pattern.search(said)
        if found:
            return cause, *_filled(cause, found)
    return None


def _any(text: str) -> tuple[Cause, str, str] | None:
    found = ANY.pattern.search(text)
    return (ANY, *_filled(ANY, found)) if found else None


def _filled(cause: Cause, found: re.Match[str]) -> tuple[str, str]:
    """Name and remedy of a cause, with the words of a match in them."""
    words = {name.rstrip("0123456789"): value.strip(" ,.") for name, value in found.groupdict().items() if value}
    return cause.why.format_map(words), cause.remedy.format_map(words)
