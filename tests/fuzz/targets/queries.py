"""Fuzz targets: PromQL, selectors, patterns, durations and the times of the HTTP API."""

import re
from contextlib import suppress

from model.durations import parse_duration_ms
from model.matchers import BadPatternError, Matcher, MatchOperator
from promql.api import ParseError
from promql.syntax.formatter import pretty
from promql.syntax.parsed_queries import ParsedQuery
from promql.syntax.parser import parse, parse_selector
from promql.syntax.printer import selector_text, text
from tests.fuzz.targets.target import FuzzTarget, text_of
from web.prometheus.parameters import parse_length_ms, parse_time_ms


def _promql(data: bytes) -> None:
    """Parse a query; what is printed must parse to the same."""
    query = text_of(data)
    try:
        tree = ParsedQuery.of(query).tree
    except ParseError as exc:
        if not 0 <= exc.start <= exc.end <= len(query):
            raise AssertionError(f"{exc} at {exc.start} to {exc.end}") from exc
        return
    printed = text(tree)
    for again in (printed, pretty(tree)):
        if _without_signs(text(parse(again))) != _without_signs(printed):
            raise AssertionError(f"printed as another query: {again!r}")


def _without_signs(printed: str) -> str:
    # Prometheus prints Inf as +Inf. Before `^`, that is read as an operator and its operand.
    return _INFINITY.sub("Inf", printed)


def _matchers(data: bytes) -> None:
    """Parse a selector and a pattern; match with both."""
    selector, _, value = text_of(data).partition("\n")
    try:
        matchers = parse_selector(selector)
    except ParseError:
        matchers = ()
    for matcher in matchers:
        matcher.matches(value)
    if matchers and parse_selector(selector_text(matchers)) != matchers:
        raise AssertionError(f"printed as another selector: {selector_text(matchers)!r}")
    with suppress(BadPatternError):
        both = [
            Matcher.of("a", operator, selector).matches(value)
            for operator in (MatchOperator.MATCHES, MatchOperator.NOT_MATCHES)
        ]
        if both[0] == both[1]:
            raise AssertionError("a value matches both or neither")
    for parsed in (parse_duration_ms, parse_length_ms, parse_time_ms):
        with suppress(ValueError):
            parsed(selector)


_INFINITY = re.compile(r"\+*Inf")

_SELECTOR_WORDS = ('{__name__=~"', '"}', '!~"', '!="', "\\d", "\\pL", "(?i)", "(?:", "[^", "{2,}")

TARGETS = (
    FuzzTarget(
        "promql",
        _promql,
        (
            *("sum by (", "without (", "rate(", "[5m]", "[5m:1m]", " offset -5m", " @ start()"),
            *(" on (", " group_left ", " bool ", " and ", " unless ", "atan2", "==", "=~", "^"),
            *("histogram_quantile(", "label_replace(", "topk(", "1e3", "0x1F", "Inf", "NaN"),
            *("count_values(", "absent_over_time(", "'", '"', "`", "\\u00e9", "# comment\n"),
            *("anchored", "smoothed", "fill(", "step()", "info(", *_SELECTOR_WORDS),
        ),
        2048,
    ),
    FuzzTarget(
        "matchers",
        _matchers,
        (*_SELECTOR_WORDS, "1h30m", "2026-11-29T10:00:00Z", "1700000000.5", "+01:00"),
        512,
    ),
)
