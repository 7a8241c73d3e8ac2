"""The cache of parsed queries."""

from promql.syntax.parsed_queries import ParsedQueries


def test_the_cache_has_a_limited_size() -> None:
    parsed = ParsedQueries(size=2)
    first = parsed.get("a")
    assert parsed.get("a") is first
    parsed.get("b")
    parsed.get("c")
    assert parsed.get("a") is not first
