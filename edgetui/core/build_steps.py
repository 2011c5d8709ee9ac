"""The steps of a build in its log: `Step 4/9 : RUN …`, as docker, ACR Tasks and the sandbox's builder write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from edgetui.core.ansi import plain

_STEP = re.compile(r"^\s*(?:#\d+ )?(?:Step|STEP|\[)\s*(\d+)\s*(?:/|of)\s*(\d+)\]?\s*[:\s]\s*(.*)")


class BuildStep(NamedTuple):
    """Which step begins, of how many, and what it does."""

    number: int
    of: int
    title: str


def found(line: str) -> BuildStep | None:
    """The step that begins in this line; None where none does."""
    if "/" not in line and "of" not in line:  # of ten thousand lines a second most end here
        return None
    match = _STEP.match(plain(line))
    return BuildStep(int(match[1]), int(match[2]), match[3].strip()) if match else None
