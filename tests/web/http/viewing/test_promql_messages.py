"""What is wrong with a query is said in the reader's language, and in English to programs."""

import re
from typing import Final

import pytest

from promql.api import ParseError
from promql.syntax.cursor import MAX_LENGTH, MAX_NESTING
from promql.syntax.parser import parse
from tests.promql.syntax.wrong_queries import WRONG_QUERIES
from tests.web.http.viewing.promql_messages import PROMQL_MESSAGES
from web.http.viewing.messages import translated_message
from web.http.viewing.readers import viewed
from web.http.viewing.view import LANGUAGES, View

FURTHER: Final = (
    "x" * (MAX_LENGTH + 1),
    "-" * (MAX_NESTING + 1) + "1",
    "x smoothed anchored",
    "x anchored",
    "x @ 1 @ 2",
    "x + fill(0) 1",
    "x and fill(0) y",
    "info(x, y)",
    "info(x, 1)",
    "(-x[5m])",
    "x[5m][5m:1m]",
    "1 @ 2",
)
"""Queries with messages that the tests of the parser have elsewhere or not at all."""

PREFIX: Final = 'invalid parameter "query": '


@pytest.fixture
def blockbuster() -> None:
    """Let the test read the catalogues, which blocks: no event loop waits for it."""


def messages() -> list[str]:
    found = [message for _, message in WRONG_QUERIES]
    for query in FURTHER:
        with pytest.raises(ParseError) as error:
            parse(query)
        found.append(str(error.value))
    return found


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_message_of_the_parser_is_translated(language: str) -> None:
    english = []
    for message in messages():
        reason = message.partition("parse error: ")[2]
        with viewed(View(language=language)):
            shown = translated_message(PREFIX + message)
        if shown is None or "parse error" in shown or shown.endswith(f": {reason}"):
            english.append(message)
    assert english == []


def test_every_listed_message_is_raised() -> None:
    text = "\n".join(message.partition("parse error: ")[2] for message in messages())
    texts = f"1:1: parse error: x\n{text}"
    unraised = []
    for listed in PROMQL_MESSAGES:
        pattern = ".*".join(map(re.escape, re.split(r"%\(\w+\)s", listed)))
        if not re.search(f"^{pattern}$", texts, re.MULTILINE):
            unraised.append(listed)
    assert unraised == []


def test_the_place_and_the_text_of_the_query_stay_as_they_are() -> None:
    message = f'{PREFIX}1:7: parse error: unexpected identifier "y" in aggregation'
    expected = '1:7: Syntaxfehler: unerwartet in einer Aggregation: identifier "y"'
    with viewed(View(language="de")):
        assert (translated_message(message) or "").endswith(expected)
    assert translated_message(message) == message
