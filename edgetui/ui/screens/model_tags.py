"""A model's tags as one line of text: `site=lab, note="a, b"`."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from edgetui.core import rules


def _pairs(text: str) -> list[str]:
    rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    return [pair.strip() for pair in rows[0] if pair.strip()] if rows else []


def check_tags(text: str) -> str:
    """What is wrong with the text, or ""."""
    try:
        pairs = _pairs(text)
    except csv.Error:
        return 'close the double quotes, and put them around the whole pair: "note=a, b"'
    seen: set[str] = set()
    for pair in pairs:
        if problem := rules.tag_pair(pair):
            return problem
        key = pair.partition("=")[0].strip()
        if key in seen:
            return f"the tag {key} is there twice; keep one"
        seen.add(key)
    return ""


def parse_tags(text: str) -> dict[str, str]:
    """The tags of a text that `check_tags` finds nothing wrong with."""
    found = (pair.partition("=") for pair in _pairs(text))
    return {key.strip(): value.strip() for key, _, value in found}


def format_tags(tags: Mapping[str, str]) -> str:
    """The text of tags; `parse_tags` gives them back."""
    return ", ".join(_quoted(f"{key}={value}") for key, value in tags.items())


def _quoted(pair: str) -> str:
    doubled = pair.replace('"', '""')
    return f'"{doubled}"' if {",", '"'} & set(pair) else pair
