"""What a trial and the resolver came to, in lines for the screen and as a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from edgetui.core.events import Event, LogLine, Progress, Resolved, Smoked
from edgetui.ui.words.common import cut, moment

LINE = 76  # characters in a line of a narrow screen
ANSWER = 2_000  # characters of an answer in one line


def smoked_line(event: Smoked) -> str:
    """`init() 0.4 s · run() 3.2 ms · memory 86 MiB · Python 3.11.9`, as far as it came."""
    parts = []
    if event.init_seconds is not None:
        parts.append(f"init() {event.init_seconds:.1f} s")
    if event.run_milliseconds is not None:
        parts.append(f"run() {event.run_milliseconds:.1f} ms")
    if event.ok and not event.status:
        parts.append("no sample to ask with")
    if event.peak_memory:
        parts.append(f"memory {event.peak_memory / 2**20:.0f} MiB")
    if event.python:
        parts.append(f"Python {event.python}")
    return " · ".join(parts)


def smoked_details(event: Smoked, *, earlier: bool = False) -> list[str]:
    """The answers; where it failed, the end of the script's own traceback: the rest is among the problems.

    Before them what was left out and, of a trial of an `earlier` start, when it was.
    """
    before = [f"on {moment(event.at)}"] if earlier and event.at else []
    if event.left_out:
        before.append(f"not in the trial, which has no conda: {', '.join(event.left_out)}")
    return [*([_short("; ".join(before))] if before else []), *_said(event)]


def _said(event: Smoked) -> list[str]:
    if event.ok:
        said = [f"{event.status} {answer_text(event.answer)[:ANSWER]}"] if event.status else []
        return said + [f"{one.sample}: {one.status} {_short(answer_text(one.answer))}" for one in event.others]
    if event.traceback:
        frame = [number for number, line in enumerate(event.traceback) if line.startswith("  File ")]
        start = frame[0] if frame else 0
        # The script's own frame and the exception; what a library did between them is on the page.
        return [*map(_short, event.traceback[start : start + 2]), event.traceback[-1]]
    return []


def _short(line: str) -> str:
    return line if len(line) <= LINE - 4 else f"{line[: LINE - 5]}…"


def answer_text(answer: Any) -> str:
    """An answer as JSON in one line; a text as it is, in one line."""
    return " ".join(answer.split()) if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def resolved_line(event: Resolved) -> str:
    """`resolves for linux/amd64, Python 3.11: 54 packages`, or that it does not."""
    target = f"for {event.platform}" + (f", Python {event.python}" if event.python else "")
    if not event.ok:
        return f"does not resolve {target}"
    count, conda = len(event.pins), len(event.conda_pins)
    return f"resolves {target}: {count} package{'' if count == 1 else 's'}{f', {conda} of conda' if conda else ''}"


def resolved_details(event: Resolved) -> list[str]:
    """What was not checked, and why."""
    line = f"not checked: {', '.join(event.unchecked)}; {event.why_unchecked}"
    return [cut(line, 2 * LINE - 8)] if event.unchecked else []


def trial_page(events: Iterable[Event]) -> str:
    """A whole trial as a text: the log, the answer in full, and last, where a log is looked at first, what it came to."""
    lines: list[str] = []
    last: Smoked | None = None
    for event in events:
        if isinstance(event, LogLine):
            lines.append(event.text)
        elif isinstance(event, Progress):
            lines.append(f"── {event.text}")
        elif isinstance(event, Smoked):
            last = event
    if last is None:
        return "\n".join(lines)
    if last.left_out:
        lines += ["", f"Not in the trial, which has no conda: {', '.join(last.left_out)}"]
    if last.status:
        lines += ["", f"Answer, status {last.status}:", *_whole(last.answer).splitlines()]
    for one in last.others:
        said = f"status {one.status}:" if one.status else "none"
        lines += ["", f"Answer to {one.sample}, {said}", *_whole(one.answer).splitlines()]
    if not last.ok:
        lines += ["", *last.traceback]
    lines += ["", f"{'✓' if last.ok else '✗'} {smoked_line(last)}"]
    lines += [f"✗ {problem.file}:{problem.line}: {problem.message} → {problem.remedy}" for problem in last.problems]
    return "\n".join(lines)


def _whole(answer: Any) -> str:
    """An answer in full: JSON in one line where it is short, else indented."""
    if isinstance(answer, str):
        return answer
    short = json.dumps(answer, ensure_ascii=False)
    return short if len(short) <= LINE else json.dumps(answer, ensure_ascii=False, indent=2)
