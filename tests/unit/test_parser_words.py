"""What parsers complain of, in a person's words."""

from __future__ import annotations

import json

import pytest
import tomlkit
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from tomlkit.exceptions import TOMLKitError

from edgetui.core import parser_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[hub]\nname = \n", "line 2: something is missing at the end of the line"),
        ("name = pump", "line 1: 'p' cannot stand here: text needs quotes, and each key a line of its own"),
        ('name = "x\n', "line 1: a quote is not closed"),
        ("tags = [1,\n", "line 1: the file ends in the middle: a bracket or a quote is not closed"),
        ('name = """x', "line 1: the file ends in the middle: a bracket or a quote is not closed"),
        ('path = "C:\\q"', "\\q means nothing in a text: double the backslash"),
        ("a = 1\na = 2", "a stands twice"),
        ("= 1", "there is no key before the ="),
        ("version = 3x", "line 1: this is no number; text needs quotes"),
        ("- a: 1", "line 1: this cannot be a key"),
        ('a = "\x01"', "a character that cannot be seen"),
    ],
)
def test_toml(text: str, words: str) -> None:
    with pytest.raises((TOMLKitError, ValueError)) as caught:
        tomlkit.parse(text)
    said = parser_words.toml(caught.value)
    assert words in said
    assert "col " not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c", "a ':' where none can be"),
        ("a:\n\t- b", "a tab: YAML is indented with blanks only"),
        ("a: @b", "a text that begins with '@' needs quotes"),
        ("a:\n  - b\n - c", "the line is indented differently from those above"),
        ("a: [1, 2\n", "a bracket is not closed, or a comma is missing"),
        ('a: "x\n', "a quote or a bracket is not closed"),
        ("a: 1\na: top secret", 'the key "a" stands twice'),
        ("a: \x01", "a character that cannot be seen"),
        ("a: *x", "a text that begins with * needs quotes"),
    ],
)
def test_yaml(text: str, words: str) -> None:
    with pytest.raises(YAMLError) as caught:
        YAML(typ="rt").load(text)
    said = parser_words.yaml(caught.value)
    assert said.startswith(words)
    assert "secret" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,\n "b": }', "line 2: a value is missing"),
        ('{"a": 1 "b": 2}', "line 1: a comma or a closing bracket is missing"),
        ("{a: 1}", "line 1: a key in double quotes must stand here"),
        ('{"a": "C:\\q"}', "line 1: a backslash must be doubled"),
        ('{"a": "', "line 1: a quote is not closed"),
        ("{} x", "line 1: something follows after the end"),
    ],
)
def test_json(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"line [12]") as caught:
        json.loads(text)
    assert parser_words.json(caught.value).startswith(words)
    assert not parser_words.json(caught.value, line=False).startswith("line")


def test_what_is_not_known_stays_as_it_was_said() -> None:
    assert parser_words.yaml(ValueError("something new\nmore")) == "something new"
    assert parser_words.toml(ValueError("something new at line 3 col 4")) == "line 3: something new"
