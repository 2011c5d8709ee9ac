"""How events are printed: one JSON object a line for programs, one short line for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from edgetui.core import events
from edgetui.core.amounts import size_text
from edgetui.core.ansi import plain
from edgetui.core.errors import EdgeError
from edgetui.core.redact import redacted

_CONTROLS = dict.fromkeys([*range(9), *range(10, 32), *range(127, 160)])  # a build's log must not steer the terminal


def json_line(value: Any) -> None:
    """Print one value as one line of JSON."""
    _write(redacted_json(value))


def _write(text: str) -> None:
    """Print one line at once.

    Raises:
        EdgeError: there is no standard output, or it takes no more; a reader that left stays a BrokenPipeError.
    """
    what, remedy = "Standard output cannot be written", "Send it to a terminal or to a file that has room."
    if sys.stdout is None:
        raise EdgeError(what, "it is closed", remedy)
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        # What the buffer still holds would fail again at exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 -- open until the process ends
        raise EdgeError(what, problem.strerror or str(problem), remedy) from problem


def redacted_json(value: Any) -> str:
    """JSON of a value, with secrets in the other side's words masked inside the strings, so that it stays JSON."""
    return msgspec.json.encode(_masked(msgspec.to_builtins(value))).decode()


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    return value


def line(text: str) -> None:
    """Print one line for a person: no control characters, no secrets."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    clean = redacted(plain(text).replace("\t", "  ").translate(_CONTROLS))
    _write(clean.encode(encoding, "replace").decode(encoding))


def printer(*, as_json: bool) -> Callable[[events.Event], None]:
    """The function that prints an event."""
    return json_line if as_json else _Lines().show


class _Lines:
    """Prints events as `step  what` lines, each thing once."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, event: events.Event) -> None:
        for job, text in _said(event):
            shown = f"{job:<12} {text}"
            if shown != self._last:  # progress repeats itself
                line(shown)
            self._last = shown


def _said(event: events.Event) -> list[tuple[str, str]]:
    match event:
        case events.Started(job, title):
            return [(job, title)]
        case events.LogLine(job, text):
            return [(job, f"| {text}")]
        case events.Progress(job, text, done, total, unit):
            return [(job, text + _share(done, total, unit))]
        case events.SignIn(url, code, text):
            return [("sign-in", text or f"open {url} and type {code}")]
        case events.Checked(problems):
            return [("script", problem_text(problem)) for problem in problems] or [("script", "checked, nothing found")]
        case events.Resolved() | events.Smoked():
            return _said_of_trial(event)
        case events.Registered():
            return [("model", f"{event.id} {'was there already' if event.reused else 'registered'}")]
        case events.ImageBuilt(reference, _, log, seconds, reused):
            built = "was there already" if reused else f"built in {seconds:.0f} s"
            return [("image", f"{reference} {built}" + (f", log: {log}" if log and not reused else ""))]
        case events.CredentialStored(_, server, user, kept_in):
            return [("credentials", f"{user} of {server}, kept in: {kept_in}")]
        case events.ImageResolved(_, _, by_digest, platform, size):
            return [("deploy", f"{by_digest} {platform}, {size_text(size)}")]
        case _:
            return _said_of_device(event)


def _said_of_trial(event: events.Resolved | events.Smoked) -> list[tuple[str, str]]:
    said = [("script", problem_text(problem)) for problem in event.problems]
    if isinstance(event, events.Resolved):
        if event.ok:
            of_conda = f", and {len(event.conda_pins)} of conda" if event.conda_pins else ""
            said.append(("script", f"{len(event.pins)} packages would be installed{of_conda}"))
        if event.unchecked:
            said.append(("script", f"not checked: {', '.join(event.unchecked)}; {event.why_unchecked}"))
        return said
    if event.init_seconds is not None:
        said.append(("script", f"init() took {event.init_seconds:.1f} s on Python {event.python}"))
    if event.run_milliseconds is not None:
        took = f"{event.run_milliseconds:.1f} ms"
        said.append(("script", f"run() answered {event.status} in {took}: {_answer(event.answer)}"))
    said += [("script", f"{one.sample} was answered {one.status}: {_answer(one.answer)}") for one in event.others]
    if event.left_out:
        said.append(("script", f"not in the trial, which has no conda: {', '.join(event.left_out)}"))
    return [*said, ("script", f"memory at most {event.peak_memory / 2**20:.0f} MiB")]


def _answer(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)[:300]


def _said_of_device(event: events.Event) -> list[tuple[str, str]]:
    match event:
        case events.Preview(device=device, changes=changes, warnings=warnings):
            said = [("review", f"{device}: {change}") for change in changes]
            return said + [("review", f"{device}: warning: {warning}") for warning in warnings]
        case events.Applied(device=device, snapshot=snapshot):
            return [("deploy", f"{device}: applied" + (f", what was there before: {snapshot}" if snapshot else ""))]
        case events.ModuleState(device, module, state, detail):
            return [("deploy", f"{device}: {module} {state}" + (f": {detail}" if detail else ""))]
        case events.Answered(device, prediction, milliseconds):
            return [("answer", f"{device} in {milliseconds:.0f} ms: {json.dumps(prediction, ensure_ascii=False)}")]
        case events.Failed(job, title, device=device):
            return [(job, f"{device + ': ' if device else ''}failed: {title}")]
        case _:
            return []


def _share(done: int, total: int, unit: str) -> str:
    if not total:
        return ""
    if unit == "bytes":
        return f" {size_text(done)} of {size_text(total)}"
    return f" {done} of {total} {unit}" if total > 1 else ""


def problem_text(problem: Any) -> str:
    """A finding as compilers write it: `file:line: severity: message (remedy)`."""
    where = f"{problem.file}:{problem.line}" if problem.line else problem.file
    return f"{where}: {problem.severity}: {problem.message}" + (f" ({problem.remedy})" if problem.remedy else "")
