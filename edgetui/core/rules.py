"""What names and values may look like. Each rule returns "" or what is wrong and how to mend it, in one line."""

from __future__ import annotations

import hashlib
import re

MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
IMAGE_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
MODULE_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ROUTE_NAME = re.compile(r"[^.$# ]{1,128}")
ENV_NAME = re.compile(r"[^.$#+ ]{1,256}")
PLATFORM = re.compile(r"linux/(?:amd64|arm64|arm/v7)")
_PLACEHOLDER = re.compile(r"<[^<>]*>|\$\{[^}]*\}|#\{[^}]*\}#|x{8}-x{4}")


def model_name(text: str) -> str:
    """Azure ML's rule for model names: letters, digits, `-`, `.` and `_`, at most 255, the first a letter or digit."""
    if MODEL_NAME.fullmatch(text):
        return ""
    if not text:
        return "a model needs a name"
    if not re.fullmatch(r"[a-zA-Z0-9]", text[0]):
        return "begin the name with a letter or a digit"
    if len(text) > 255:
        return f"the name has {len(text)} characters; 255 are the most"
    return f"use letters, digits, '-', '.' and '_' only; {_first_bad(text, 'a-zA-Z0-9-._')} is not allowed"


def image_name(text: str) -> str:
    """A repository's name: lower case, parts joined by `.`, `_`, `-` or `/`."""
    if IMAGE_NAME.fullmatch(text):
        return "" if len(text) <= 255 else f"the name has {len(text)} characters; 255 are the most"
    if not text:
        return "an image needs a name"
    if text != text.lower() and IMAGE_NAME.fullmatch(text.lower()):
        return f"use lower case: {text.lower()}"
    return "use lower-case letters and digits, with single '.', '_', '-' or '/' between them"


def image_tag(text: str) -> str:
    """A tag: `auto`, or at most 128 letters, digits, `.`, `_` and `-`."""
    return "" if IMAGE_TAG.fullmatch(text) else "use letters, digits, '.', '_' and '-', at most 128, or 'auto'"


def module_name(text: str) -> str:
    """The manifest schema's rule for module names."""
    if MODULE_NAME.fullmatch(text):
        return ""
    return "use letters, digits, '_' and '-' only, at most 128" if text else "a module needs a name"


def route_name(text: str) -> str:
    """The manifest schema's rule for route names."""
    return "" if ROUTE_NAME.fullmatch(text) else "a route's name may not hold '.', '$', '#' or a space"


def env_name(text: str) -> str:
    """The manifest schema's rule for names of environment variables."""
    return "" if ENV_NAME.fullmatch(text) else "a variable's name may not hold '.', '$', '#', '+' or a space"


def platform(text: str) -> str:
    """One of the platforms that IoT Edge runs on."""
    return "" if PLATFORM.fullmatch(text) else "use linux/amd64, linux/arm64 or linux/arm/v7"


def tag_pair(text: str) -> str:
    """One `key=value` of a model's tags."""
    key, equals, value = text.partition("=")
    if not equals:
        return f"write {text or 'a tag'} as key=value"
    return "" if key.strip() and value.strip() else "a tag needs a key and a value: key=value"


def placeholder(text: str) -> str:
    """Return the part of `text` that somebody was meant to replace, or ""."""
    found = _PLACEHOLDER.search(text)
    return found.group() if found else ""


def file_name(text: str) -> str:
    """Make a file name that is safe everywhere, and still tells different texts apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", text).strip(".") or "_"
    if plain == text and len(plain) <= 100:
        return plain
    return f"{plain[:100]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _first_bad(text: str, allowed: str) -> str:
    bad = next((character for character in text if not re.fullmatch(f"[{allowed}]", character)), "")
    return "a space" if bad == " " else repr(bad)
