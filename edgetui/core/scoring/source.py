"""A script's bytes as the text that Python reads: in the encoding that its first lines name, or UTF-8."""

from __future__ import annotations

import io
import re
import tokenize

from edgetui.core.models import Problem
from edgetui.core.scoring.rules import problem

_NAMED = re.compile(rb"(?:[^\n]*\n)?[ \t\f]*#[^\n]*coding[:=]")
LARGEST = 10 * 2**20  # bytes; no script is larger


class UnreadableError(ValueError):
    """The bytes are no text; `problem` says where, and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def decode(file: str, data: bytes) -> str:
    """The text of a script, without its byte order mark; `file` is the name to show.

    Raises:
        UnreadableError: it is no text of the encoding that it names, or of UTF-8 where it names none.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError(
            problem(file, 0, "encoding", "this is UTF-16, which Python does not read", "save it as UTF-8")
        )
    encoding = "utf-8"
    try:
        if _NAMED.match(data):
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as wrong:
        raise UnreadableError(_not(file, data, wrong.start, encoding)) from None
    except SyntaxError as wrong:  # an encoding that Python does not know
        raise UnreadableError(problem(file, 1, "encoding", f"Python cannot read this: {wrong.msg}")) from None


def _not(file: str, data: bytes, place: int, encoding: str) -> Problem:
    line = data.count(b"\n", 0, place) + 1
    name = "UTF-8" if encoding.startswith("utf-8") else encoding
    return problem(file, line, "encoding", f"byte 0x{data[place]:02x} is not {name}")
