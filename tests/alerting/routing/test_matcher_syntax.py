import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.routing.matcher_syntax import (
    BadMatcherError,
    matcher_text,
    parse_matcher,
    parse_matchers,
)
from model.matchers import Matcher


def texts(source: str) -> list[str]:
    return [matcher_text(matcher) for matcher in parse_matchers(source)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{a="b", c!="d",}', ['a="b"', 'c!="d"']),
        ("a=b,c=~d.*", ['a="b"', 'c=~"d.*"']),
        ('"a b"="c"', ['"a b"="c"']),
        ("é=x", ['é="x"']),
        ('a="\\u00e9\\n"', ['a="é\\n"']),
        ("{}", []),
        ("", []),
        # Only the classic grammar reads these.
        ("foo=", ['foo=""']),
        ("bar=!baz", ['bar="!baz"']),
        ("baz=[\\w+]", ['baz="[\\\\w+]"']),
    ],
)
def test_matchers_are_read(source: str, found: list[str]) -> None:
    assert texts(source) == found


@pytest.mark.parametrize("source", ["a", "=b", 'a="b', 'a="b" c="d"', 'a=~"["', '"a"'])
def test_malformed_matchers_are_refused(source: str) -> None:
    with pytest.raises(BadMatcherError):
        parse_matchers(source)


def test_one_matcher_has_no_braces() -> None:
    assert parse_matcher("a=b") == Matcher.of("a", "=", "b")
    with pytest.raises(BadMatcherError, match="no braces"):
        parse_matcher("{a=b}")
    with pytest.raises(BadMatcherError, match="found 2"):
        parse_matcher("a=b,c=d")


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
            st.sampled_from(["=", "!="]),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        max_size=4,
    )
)
def test_written_matchers_are_read_back(given: list[tuple[str, str, str]]) -> None:
    matchers = tuple(Matcher.of(*each) for each in given)
    source = ",".join(
        # A plain name with control characters cannot be written, a quoted one can.
        matcher_text(each) if each.name.isprintable() else '"a"=b'
        for each in matchers
    )
    expected = [each if each.name.isprintable() else Matcher.of("a", "=", "b") for each in matchers]
    assert list(parse_matchers(source)) == expected


@given(st.text())
def test_any_text_is_read_or_refused(source: str) -> None:
    with contextlib.suppress(BadMatcherError):
        parse_matchers(source)
