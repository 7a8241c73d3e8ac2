import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.budget import IN_THREAD
from alerting.templates.expansion import Expansion
from alerting.templates.functions.texts import TEXT_FUNCTIONS, title
from alerting.templates.values.values import FunctionError, Value


def called(name: str, *arguments: str) -> Value:
    return TEXT_FUNCTIONS[name].call(Expansion(IN_THREAD.start()), *arguments)


# The texts are those of promtool 3.5.3.
@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("(.*):(\\d+)", "$2 ${1}$$", "a.b:90", "90 a.b$"),
        ("x*", "-", "axb", "-a-b-"),
        ("(?P<n>a)", "<${n}$m$01$9>", "ba", "b<a>"),
        ("a.", "", "a\nab", "a\n"),
        ("(a)(b)?", "[$2]", "a", "[]"),
    ],
)
def test_replacements_are_those_of_go(
    pattern: str, replacement: str, text: str, result: str
) -> None:
    assert called("reReplaceAll", pattern, replacement, text) == result


def test_a_match_is_not_anchored() -> None:
    assert called("match", "b+", "abc") is True
    with pytest.raises(FunctionError, match="missing closing"):
        called("match", "(", "a")


@given(st.text(), st.text())
def test_a_replacement_without_groups_is_that_of_python(text: str, replacement: str) -> None:
    replacement = replacement.replace("$", "")
    parts = re.split("a+", text)
    assert called("reReplaceAll", "a+", replacement, text) == replacement.join(parts)


@pytest.mark.parametrize(
    ("text", "titled", "lowered"),
    [
        ("hello wORLD it's foo-bar", "Hello WORLD It's Foo-Bar", "Hello World It's Foo-Bar"),
        ("a,b;c:d x..y 1a a1b _a", "A,B;C:d X..Y 1A A1b _A", "A,B;C:d X..Y 1A A1b _A"),
        ("\u03b1\u03a3 \u00c0\u00c9", "\u0391\u03a3 \u00c0\u00c9", "\u0391\u03c2 \u00c0\u00e9"),
    ],
)
def test_title_begins_each_word_with_a_capital(text: str, titled: str, lowered: str) -> None:
    assert title(text, lower=False) == titled
    assert title(text, lower=True) == lowered
