"""What will change on devices, and what came of it, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from textual.content import Content

from edgetui.core.events import Preview
from edgetui.core.results import DeviceOutcome

_ORDER = "-+~="
_STYLES = {"-": "$text-error", "+": "$text-success", "~": "$text-warning", "=": "$text-muted"}
MEANINGS = "- goes   + comes   ~ changes   = stays"
CONFIRM_LINES = 8


def ordered(changes: Iterable[str]) -> list[str]:
    """Removals first, then what comes, what changes, what stays; each kind in the order given."""
    return sorted(changes, key=lambda line: _ORDER.find(line[:1]) % (len(_ORDER) + 1))


def review(previews: Sequence[Preview]) -> Content:
    """Each device with its warnings and changes."""
    lines: list[Content] = []
    for preview in previews:
        lines.append(Content.styled(preview.device, "bold"))
        lines += [Content.styled(f"  ! {warning}", "$text-warning") for warning in preview.warnings]
        lines += [Content.styled(f"  {line}", _STYLES.get(line[:1], "")) for line in ordered(preview.changes)]
        lines.append(Content(""))
    return Content("\n").join(lines)


def question(module: str, image: str, previews: Sequence[Preview]) -> str:
    """What the confirmation asks: devices by name, and what changes on them."""
    names = [preview.device for preview in previews]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    lines = [f"{module} goes to {shown}.", f"Image: {image}", ""]
    warnings = [f"! {preview.device}: {text}" for preview in previews for text in preview.warnings]
    changes = [
        line if len(previews) == 1 else f"{preview.device}: {line}"
        for preview in previews
        for line in ordered(preview.changes)
        if not line.startswith("=")
    ]
    told = [*warnings, *changes]
    lines += told[:CONFIRM_LINES]
    if len(told) > CONFIRM_LINES:
        lines.append(f"and {len(told) - CONFIRM_LINES} more lines in the review")
    return "\n".join([*lines, "", "Other modules on the devices stay as they are."])


def answer(device: str, outcome: DeviceOutcome) -> Content:
    """A device's outcome in full: the prediction, or why there is none and what to do."""
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
    return Content(
        f"{device}: {outcome.state or 'not deployed yet'}" + (f", {outcome.detail}" if outcome.detail else "")
    )


def pretty(prediction: Any) -> str:
    """A prediction as people read JSON: short ones in one line."""
    short = json.dumps(prediction, ensure_ascii=False)
    return short if len(short) <= 70 else json.dumps(prediction, ensure_ascii=False, indent=2)
