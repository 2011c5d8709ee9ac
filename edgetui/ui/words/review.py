"""What will change on devices, and what came of it, as text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from textual.content import Content

from edgetui.core.events import Preview
from edgetui.core.results import DeviceOutcome

_ORDER = "-+~="
_STYLES = {"-": "$text-error", "+": "$text-success", "~": "$text-warning", "=": "$text-muted"}
MEANINGS = "- goes   + comes   ~ changes   = stays"
CONFIRM_LINES = 6
CONFIRM_WIDTH = 66  # of a line in the confirmation: it must fit into 80x24 with its buttons

# Where things stand in a deployment manifest, in words.
_PLACES = (
    (re.compile(r"^\$edgeAgent\.modules\.([\w-]+)\.?"), r"module \1 "),
    (re.compile(r"^\$edgeAgent\.systemModules\.([\w-]+)\.?"), r"system module \1 "),
    (re.compile(r"^\$edgeAgent\.runtime\.settings\.registryCredentials\.([\w-]+)\.?"), r"registry credential \1 "),
    (re.compile(r"^\$edgeHub\.routes\.([\w-]+)\.?"), r"route \1 "),
)


def ordered(changes: Iterable[str]) -> list[str]:
    """Removals first, then what comes, what changes, what stays; each kind in the order given."""
    return sorted(changes, key=lambda line: _ORDER.find(line[:1]) % (len(_ORDER) + 1))


def in_words(change: str) -> str:
    """`+ $edgeAgent.modules.pump.type: docker` as `+ module pump type: docker`."""
    mark, rest = change[:2], change[2:]
    for pattern, words in _PLACES:
        place = pattern.sub(words, rest, count=1)
        if place != rest:
            return mark + place.replace(" :", ":", 1)
    return change


def _thing(change: str) -> str:
    """What a setting belongs to: `module pump`, `registry credential x`, `route y`; else the place itself."""
    place = change[2:].partition(":")[0]
    for pattern, words in _PLACES:
        if found := pattern.match(place):
            return found.expand(words).strip()
    return place


def review(previews: Sequence[Preview]) -> Content:
    """Each device with its warnings and changes."""
    lines: list[Content] = []
    for preview in previews:
        lines.append(Content.styled(preview.device, "bold"))
        lines += [Content.styled(f"  ! {warning}", "$text-warning") for warning in preview.warnings]
        lines += [Content.styled(f"  {in_words(line)}", _STYLES.get(line[:1], "")) for line in ordered(preview.changes)]
        lines.append(Content(""))
    return Content("\n").join(lines)


def question(module: str, image: str, previews: Sequence[Preview]) -> str:
    """What the confirmation asks: devices by name, how much changes, and in full what goes, changes, or is doubtful."""
    names = [preview.device for preview in previews]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    changes = [(preview.device, line) for preview in previews for line in ordered(preview.changes)]
    counts = Counter(line[:1] for _, line in changes)
    told = [f"! {preview.device} {text}" for preview in previews for text in preview.warnings]
    several = len(previews) > 1
    for device, line in changes:
        # What goes or changes is told in full; of what comes, the thing that it belongs to is enough.
        words = f"+ {_thing(line)}" if line[:1] == "+" else in_words(line)
        words = f"{words[:2]}{device}: {words[2:]}" if several else words
        if line[:1] != "=" and words not in told:
            told.append(words)
    more = len(told) - CONFIRM_LINES
    if more > 0:
        told = [*told[: CONFIRM_LINES - 1], f"and {more + 1} more such lines in the review"]
    amounts = f"{counts['+']} settings come, {counts['~']} change, {counts['-']} go. Other modules stay as they are."
    lines = [f"{module} goes to {shown}.", f"Image {image}", amounts, *([""] if told else []), *told]
    return "\n".join(_cut(line) for line in lines)


def _cut(line: str) -> str:
    return line if len(line) <= CONFIRM_WIDTH else line[: CONFIRM_WIDTH - 1] + "…"


def short_digest(reference: str) -> str:
    """An image reference with as much of its digest as people compare."""
    head, at, digest = reference.partition("@sha256:")
    return f"{head}{at}{digest[:12]}…" if at else reference


def answer(device: str, outcome: DeviceOutcome, *, watched: bool = True) -> Content:
    """A device's outcome in full: the prediction, or why there is none and what to do; `watched` while that may change."""
    if outcome.answered:
        took = f" in {outcome.milliseconds:.0f} ms" if outcome.milliseconds else ""
        return Content.assemble(
            (f"✓ {device} answered the sample{took}:", "$text-success"), "\n", pretty(outcome.prediction)
        )
    if outcome.state == "failed":
        parts: list[Any] = [(f"✗ {outcome.detail}", "$text-error")]
        if outcome.why:
            parts += ["\n", outcome.why]
        if outcome.remedy:
            parts += ["\n", (f"→ {outcome.remedy}", "bold")]
        return Content.assemble(*parts)
    if not watched:
        return Content(f"{device}: {outcome.state or 'waiting'} when last seen. Deploy again (F8) to ask it.")
    return Content(f"{device}: {state_words(outcome)}")


def state_words(outcome: DeviceOutcome) -> str:
    """`pulling, downloading layer 2 of 3`."""
    detail = "" if outcome.detail == outcome.state else outcome.detail
    if outcome.state == "running" and not outcome.answered:
        detail = detail or "waiting for its answer"
    return ", ".join(filter(None, (outcome.state or "waiting", detail)))


def pretty(prediction: Any, indent: int = 0, width: int = 70) -> str:
    """A prediction as people read JSON: what fits into a line stands in one."""
    short = json.dumps(prediction, ensure_ascii=False)
    if len(short) + indent <= width or not isinstance(prediction, dict | list) or not prediction:
        return short
    inner, blanks = indent + 2, " " * (indent + 2)
    if isinstance(prediction, dict):
        rows = [
            f"{json.dumps(key, ensure_ascii=False)}: {pretty(value, inner, width)}" for key, value in prediction.items()
        ]
        start, end = "{", "}"
    else:
        rows = [pretty(value, inner, width) for value in prediction]
        start, end = "[", "]"
    body = ",\n".join(blanks + row for row in rows)
    return f"{start}\n{body}\n{' ' * indent}{end}"
