"""What a trial came to, in words, at the line of the script: read from what the inference server printed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from edgetui.core.models import Problem, TrialRequest

TRACEBACK = 40  # lines of a traceback that are kept
_TIME = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})"
_BEGIN = re.compile(_TIME + r".*Invoking user's init function")
_END = re.compile(_TIME + r".*Users's init has completed")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*)(?:: .*)?$")


def begins(line: str) -> bool:
    """Whether the server says that it calls `init()` now."""
    return _BEGIN.match(line) is not None


class Told:
    """The output of one server: `name` is what problems call the script, `script` where it lay with this `text`, in `app`."""

    def __init__(self, name: str, script: Path, text: str, output: Sequence[str], app: Path | None = None) -> None:
        self._name, self._script, self._text, self._output = name, script, text, output
        self._app = app or script.parent

    def init_seconds(self) -> float | None:
        """How long `init()` took, by the server's own clock."""
        begin = next((found[1] for line in self._output if (found := _BEGIN.match(line))), "")
        end = next((found[1] for line in self._output if (found := _END.match(line))), "")
        if not begin or not end:
            return None
        form = "%Y-%m-%d %H:%M:%S,%f"
        return (datetime.strptime(end, form) - datetime.strptime(begin, form)).total_seconds()  # noqa: DTZ007

    def traceback(self) -> tuple[str, ...]:
        """The lines of the last traceback that went through the script, from its first frame there; its folder is left out."""
        found: list[str] = []
        lines: list[str] = []
        for text in self._output:
            frame = _FRAME.match(text)
            if frame and not lines and Path(frame["file"]) == self._script:
                lines = [text]
            elif lines:
                lines.append(text)
                if not text.startswith(" "):
                    found, lines = lines, []
        named = (line.replace(str(self._script), self._name) for line in found[-TRACEBACK:])
        return tuple(line.replace(f"{self._app}{os.sep}", "")[:500] for line in named)

    def failure(self, phase: str, code: int | None) -> Problem:
        """The script failed in `phase`: its own exception at its own line, else what is known."""
        line, message = self._traceback()
        if message:
            return self._problem(
                line, f"trial-{phase}", f"{self._place(phase)} failed: {message}", "correct the script"
            )
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        if code is None:
            how = "ended"
        last = next((text for text in reversed(self._output) if text.strip()), "")
        message = f"the server {how} in {self._place(phase)}" + (f": {last.strip()[:300]}" if last else "")
        return self._problem(self._line_of(phase), f"trial-{phase}", message, "see the log")

    def restarted(self) -> Problem:
        """The process of the server ends in `init()`, and is started again and again."""
        message = "init() ends the server's process, and each new one too"
        return self._problem(
            self._line_of("init"), "trial-init", message, "raise an exception where something is wrong"
        )

    def answered(self, status: int, body: bytes) -> Problem:
        """The script answered, but with an error."""
        line, message = self._traceback()
        if status < 500 or not message:
            line, message = self._line_of("run"), f"{status}: {body[:300].decode('utf-8', 'replace')}"
            return self._problem(
                line, "trial-run", f"the sample was answered with {message}", "correct the sample or the script"
            )
        return self._problem(line, "trial-run", f"run() failed: {message}", "correct the script")

    def other(self, sample: str, status: int, body: bytes) -> Problem:
        """Another sample than the one that is sent went wrong: it ended the server, or the script failed."""
        if not status:
            message = f"{sample} ends the server's process"
            return self._problem(
                self._line_of("run"), "trial-run", message, "answer with an error where a request is wrong"
            )
        message = f"{sample} was answered with {status}: {body[:300].decode('utf-8', 'replace')}"
        problem = self._problem(
            self._line_of("run"), "trial-sample", message, "answer with 400 where a request is wrong"
        )
        return replace(problem, severity="warning")

    def limit(self, why: str, request: TrialRequest, phase: str, asked: str) -> Problem:
        """The server was ended at a limit; `asked` names another sample than the plan's own."""
        place = self._place(phase) + (f", asked with {asked}," if asked else "")
        words = {
            "deadline": (f"{place} did not come back within {request.seconds:.0f} s", "see what it waits for"),
            "memory": (
                f"{place} took more than {request.memory / 2**20:.0f} MiB of memory",
                "load less, or a smaller model",
            ),
            "processes": (f"{place} started processes without end", "start none: one process answers requests"),
        }
        message, remedy = words[why]
        line = self._line_of(phase) if self._started(phase) else 0
        return self._problem(line, f"trial-{why}", f"{message}; it was ended", remedy)

    def _started(self, phase: str) -> bool:
        return phase == "run" or any(_BEGIN.match(line) for line in self._output)

    def _place(self, phase: str) -> str:
        return f"{phase}()" if self._started(phase) else "importing the script"

    def _traceback(self) -> tuple[int, str]:
        """Line and exception of the last traceback that went through the script."""
        line, message, inside = 0, "", False
        for text in self._output:
            frame = _FRAME.match(text)
            if frame and Path(frame["file"]) == self._script:
                line, message, inside = int(frame["line"]), "", True
            elif inside and not message and not text.startswith(" ") and _EXCEPTION.match(text):
                message, inside = text[:500], False
        if not message:
            missing = [text for text in self._output if re.match(r"^[A-Za-z_.]*(?:Error|Exception)\b", text)]
            return 0, missing[0][:500] if missing else ""
        return line, message

    def _line_of(self, function: str) -> int:
        """Where the script defines a function."""
        for number, one in enumerate(self._text.splitlines(), 1):
            if re.match(rf"(?:async )?def {function}\b|{function}\s*=", one):
                return number
        return 0

    def _problem(self, line: int, rule: str, message: str, remedy: str) -> Problem:
        return Problem(self._name, line, "error", message, remedy, rule)
