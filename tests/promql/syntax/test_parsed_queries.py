"""The cache of parsed queries."""

from promql.syntax.parsed_queries import ParsedQueries


def test_parsed_queries_are_remembered_up_to_a_bound() -> None:
    parsed = ParsedQueries(size=2)
    first = parsed.get("a")
    assert parsed.get("a") is first
    parsed.get("b")
    parsed.get("c")
    assert parsed.get("a") is not first
