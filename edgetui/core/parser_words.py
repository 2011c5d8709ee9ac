"""What parsers of TOML, YAML and JSON complain of, in words for the person who wrote the file.

The parsers' errors are looked at by their attributes only, so that none of them is imported for this.
"""

from __future__ import annotations

import re
from typing import Any

_POSITION = re.compile(r" ?at line (?P<line>\d+) col(?:umn)? (?P<column>\d+)")
_TWICE = re.compile(r'Key "(?P<key>.+)" already exists')
_NEWLINES = {r"\n", r"\r", r"\u000a", r"\u000d"}
_END = "the file ends in the middle: a bracket or a quote is not closed"

_TOML = {
    "EmptyKeyError": "there is no key before the =",
    "EmptyTableNameError": "there is no name in the brackets",
    "InvalidNumberError": "this is no number; text needs quotes",
    "InvalidNumberOrDateError": "this is no number and no date; text needs quotes",
    "InvalidDateError": "this is no date; text needs quotes",
    "InvalidTimeError": "this is no time; text needs quotes",
    "InvalidDateTimeError": "this is no date and time; text needs quotes",
    "InvalidUnicodeValueError": "what stands behind a \\u is no character",
    "UnexpectedEofError": _END,
    "MixedArrayTypesError": "the list holds things of several kinds",
}
_YAML = (
    (
        r"mapping values are not allowed",
        "a ':' where none can be: is the line indented too far, or are quotes missing?",
    ),
    (r"found character '\\t'", "a tab: YAML is indented with blanks only"),
    (r"found character (?P<what>'.') that cannot start", "a text that begins with {what} needs quotes"),
    (r"could not find expected ':'", "there is no ':' behind the key"),
    (
        r"expected <block end>, but found '-'",
        "a '-' where none can be: it is indented differently from the lines above",
    ),
    (r"expected <block end>|expected '<document start>'", "the line is indented differently from those above"),
    (r"did not find expected|expected ',' or", "a bracket is not closed, or a comma is missing"),
    (r"unexpected end of stream|found unexpected document", "a quote or a bracket is not closed"),
    (r"found duplicate key (?P<what>\"[^\"]*\"|\S+)", "the key {what} stands twice"),
    (r"found undefined alias", "a text that begins with * needs quotes"),
    (r"unknown escape character", 'a backslash in "double quotes" must be doubled'),
    (r"unacceptable character|special characters are not allowed", "a character that cannot be seen"),
)
_JSON = (
    (r"Expecting value", "a value is missing, or is no JSON: text needs double quotes"),
    (r"Expecting ',' delimiter", "a comma or a closing bracket is missing"),
    (r"Expecting ':' delimiter", "there is no ':' behind the key"),
    (
        r"Expecting property name|Illegal trailing comma",
        "a key in double quotes must stand here; no comma after the last one",
    ),
    (r"Extra data", "something follows after the end"),
    (r"Unterminated string|Invalid control character", "a quote is not closed"),
    (r"Invalid \\", "a backslash must be doubled"),
)


def toml(error: Exception) -> str:
    """`line 3: the value is missing`; where nothing better is known, the parser's own words."""
    words = str(error)
    where = _POSITION.search(words)
    return f"line {where['line']}: {_toml(error, words)}" if where else _toml(error, words)


def _toml(error: Exception, words: str) -> str:
    if twice := _TWICE.search(words):
        return f"{twice['key']} stands twice"
    found = re.search(r"'(?P<what>.+?)'", words, re.DOTALL)
    what = found["what"].encode("unicode_escape").decode() if found else ""
    what = what.replace("\\\\", "\\")
    kind = type(error).__name__
    if kind == "UnexpectedCharError":
        return _unexpected(what)
    if kind == "InvalidControlChar":
        control = re.search(r"use (\\u\w{4})", words)
        closed = control is None or control[1] not in _NEWLINES
        return "a character that cannot be seen stands in the text" if closed else "a quote is not closed"
    if kind == "InvalidCharInStringError":
        return f"\\{what} means nothing in a text: double the backslash, or write the text in 'single quotes'"
    if words.startswith("Invalid key"):
        return "this cannot be a key: letters, digits, - and _ can; anything else needs quotes"
    return _TOML.get(kind) or _POSITION.sub("", words).strip(" .")


def _unexpected(what: str) -> str:
    if what in _NEWLINES:
        return "something is missing at the end of the line"
    if what in {r"\x00", ""}:
        return _END
    return f"'{what}' cannot stand here: text needs quotes, and each key a line of its own"


def yaml(error: Any) -> str:
    """What is wrong, without the line; where nothing better is known, the parser's own words."""
    own = getattr(error, "problem", None) or getattr(error, "context", None) or str(error)
    return _listed(_YAML, next(iter(str(own).splitlines()), "unreadable"))


def json(error: Exception, *, line: bool = True) -> str:
    """`line 3: a comma or a closing bracket is missing`; where nothing better is known, the parser's own words."""
    where = f"line {number}: " if line and (number := getattr(error, "lineno", 0)) else ""
    return where + _listed(_JSON, getattr(error, "msg", "") or str(error))


def _listed(table: tuple[tuple[str, str], ...], words: str) -> str:
    for pattern, said in table:
        if found := re.search(pattern, words):
            return said.format(**found.groupdict())
    return words
