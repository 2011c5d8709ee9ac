"""The log of an image build: from bytes that come in pieces to lines, and from a failed build's lines to its cause."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from edgetui.core.ansi import SGR, plain
from edgetui.core.redact import redacted

_CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")
# The first match of the first pattern that matches at all is the cause; what follows a cause is only its consequence.
_CAUSES = (
    r"^\s*(?:ERROR|error|Error):? .*(?:no matching distribution|could not find a version|no solution found)",
    r"(?i)(?:no matching distribution found|could not find a version that satisfies|no solution found when resolving)",
    r"(?i)\b(?:ResolvePackageNotFound|PackagesNotFoundError|UnsatisfiableError|LibMambaUnsatisfiableError)\b",
    r"^\s*(?:ERROR|error|Error)\b",
    r"(?i)^\S*(?:error|exception):\s",
    r"(?i)\b(?:failed|fatal|denied|no space left|killed)\b",
)
_MORE = 3  # lines after the cause that are shown with it


class Lines:
    """Cuts bytes into lines; half a line, and half a character, wait for the rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[str]:
        """The lines that are whole now, clean and without secrets; with `last`, the rest too."""
        *whole, self._rest = (self._rest + self._decoder.decode(data, final=last)).split("\n")
        if last and self._rest:
            whole, self._rest = [*whole, self._rest], ""
        yield from map(_clean, whole)


def cause(lines: list[str]) -> str:
    """The words of the first real error and what stands below it; the last lines where none looks like one."""
    lines = [plain(line) for line in lines]
    for pattern in _CAUSES:
        for number, line in enumerate(lines):
            if re.search(pattern, line):
                below = [one for one in lines[number + 1 : number + 1 + _MORE] if one[:1].isspace() and one.strip()]
                return "\n".join([line.strip(), *below])
    return "\n".join([line for line in lines if line.strip()][-_MORE:])


def _clean(line: str) -> str:
    """One line as a terminal would show it: after the last carriage return, without control codes but those of colours."""
    shown = line.rstrip("\r").rpartition("\r")[2]
    bare = redacted(_CONTROL.sub("", shown)).rstrip()
    if "\x1b[" not in shown:
        return bare
    coloured = _CONTROL.sub(lambda found: found.group() if SGR.fullmatch(found.group()) else "", shown).rstrip()
    # A colour in the middle of a secret would hide it from whoever looks for secrets.
    return coloured if plain(coloured).rstrip() == bare else bare
