import pytest

from model.labels import Labels
from model.matchers import BadPatternError, Matcher, matches_all


@pytest.mark.parametrize(
    ("operator", "value", "label", "expected"),
    [
        ("=", "a", "a", True),
        ("=", "", "", True),
        ("!=", "a", "", True),
        ("=~", "a|b", "ab", False),
        ("=~", "a.*", "a\nb", True),
        ("!~", "a.*", "ba", True),
        ("=~", ".*", "", True),
    ],
)
def test_operator_compares_the_whole_value(
    operator: str, value: str, label: str, expected: bool
) -> None:
    assert Matcher.of("x", operator, value).matches(label) is expected


def test_missing_label_counts_as_empty() -> None:
    assert matches_all([Matcher.of("x", "!=", "a")], Labels.of(y="1"))
    assert Matcher.of("x", "=~", "a?").matches_empty


def test_invalid_pattern_is_refused_with_its_reason() -> None:
    with pytest.raises(BadPatternError, match="missing"):
        Matcher.of("x", "=~", "a(")
    with pytest.raises(BadPatternError):
        Matcher.of("x", "=~", "(?=a)")


def test_matcher_renders_as_in_a_selector() -> None:
    assert str(Matcher.of("job", "=~", 'a"b')) == r'job=~"a\"b"'
