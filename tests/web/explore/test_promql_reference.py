import pytest

from promql.syntax.functions import FUNCTIONS
from promql.syntax.lexer import AGGREGATORS, KEYWORDS, SET_OPERATORS
from web.explore.promql_reference import AGGREGATION_TEXTS, FUNCTION_TEXTS, signature, words


def test_reference_has_every_word_of_the_engine_and_no_other() -> None:
    assert FUNCTION_TEXTS.keys() == FUNCTIONS.keys()
    assert AGGREGATION_TEXTS.keys() == AGGREGATORS
    keywords = {word.name for word in words() if word.kind == "keyword"}
    assert keywords == KEYWORDS | SET_OPERATORS | {"atan2"}
    assert all(word.text and word.signature for word in words())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rate", "rate(range vector)"),
        ("round", "round(instant vector, [scalar])"),
        ("hour", "hour([instant vector])"),
        ("pi", "pi()"),
        ("label_join", "label_join(instant vector, string, string, [string, …])"),
    ],
)
def test_signature_marks_optional_arguments(name: str, expected: str) -> None:
    assert signature(FUNCTIONS[name]) == expected
