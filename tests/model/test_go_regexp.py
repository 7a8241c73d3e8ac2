"""Regular expressions are accepted and rejected as by Go, with its words."""

import pytest

from model.matchers import BadPatternError, Matcher, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("\\8", "invalid escape sequence: `\\8`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
        ("(?z)", "invalid or unsupported Perl syntax: `(?z`"),
        ("a(?iz)", "invalid or unsupported Perl syntax: `(?iz`"),
        ("(?P<a b>x)", "invalid named capture: `(?P<a b>`"),
        ("a\\C", "invalid escape sequence: `\\C`"),
        ("\udcff.*", "invalid UTF-8: `\udcff.*`"),
    ],
)
def test_errors_are_worded_as_by_go(pattern: str, error: str) -> None:
    with pytest.raises(BadPatternError) as caught:
        compile_pattern(pattern)
    assert str(caught.value) == f"error parsing regexp: {error}"


@pytest.mark.parametrize("pattern", [r"\\C", r"\Qa\C\E", r"\QC", r"[\pL]{900}", "(?P<n>a)(?<m>b)"])
def test_what_go_accepts_is_accepted(pattern: str) -> None:
    assert compile_pattern(pattern).fullmatch("x") is None


def test_text_that_is_not_utf8_matches_nothing() -> None:
    assert not Matcher.of("a", "=~", "\udcff|x\udcff").matches("x")
    assert Matcher.of("a", "!~", "\udcff").matches("x")
