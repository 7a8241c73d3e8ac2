import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.palette.matching import PaletteQuery


def order(words: str, *titles: str) -> list[str]:
    """Return the titles that match, the best first."""
    query = PaletteQuery(words)
    return sorted(filter(query.score, titles), key=query.score, reverse=True)


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("db", ["db", "db-1", "old-db", "feedback", "dashboard"]),
        ("load", ["load", "load1", "node_load1", "reload", "long_road"]),
        ("edge fra", ["edge-fra"]),
        ("ALERT", ["Alerts", "alert-report"]),
        ("ncs", ["ncs", "node_cpu_seconds_total"]),
    ],
)
def test_closer_titles_come_first(words: str, titles: list[str]) -> None:
    assert order(words, *reversed(titles)) == titles


@pytest.mark.parametrize("words", ["zz", "db zz", "bx", ".*", "[", "\\"])
def test_title_without_a_word_does_not_match(words: str) -> None:
    assert order(words, "db-1", "dashboard") == []


def test_words_in_other_texts_count_less_than_those_in_the_title() -> None:
    query = PaletteQuery("linux")
    assert query.score("linux") > query.score("web-1", ("os=linux",)) > 0


@given(st.text(max_size=30), st.text(max_size=60))
def test_score_is_positive_exactly_if_every_word_is_found(words: str, title: str) -> None:
    folded = title.casefold()
    expected = all(
        re.search(".*?".join(map(re.escape, word)), folded, re.DOTALL)
        for word in words.casefold().split()[:8]
    )
    query = PaletteQuery(words)
    assert query.is_empty or bool(query.score(title)) is expected


def test_long_title_of_one_letter_is_searched_in_linear_time() -> None:
    """Backtracking would take longer than the universe has existed."""
    assert PaletteQuery("a" * 60 + "b").score("a" * 100_000) == 0
