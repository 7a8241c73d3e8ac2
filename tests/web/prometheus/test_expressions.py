"""`/api/v1/format_query`, `/parse_query` and `/query_exemplars`."""

from tests.web.prometheus.requests import ask
from tests.web.world import World


async def test_query_is_formatted_and_parsed(world: World) -> None:
    formatted = await ask(world, "format_query", query="sum by(job)(up)")
    assert formatted["data"] == "sum by (job) (up)"
    tree = await ask(world, "parse_query", query="up + 1")
    assert (tree["data"]["type"], tree["data"]["op"]) == ("binaryExpr", "+")
    for path in ("format_query", "parse_query", "query_exemplars"):
        wrong = await ask(world, path, 400, query="sum(")
        assert wrong["error"].endswith("1:5: parse error: unclosed left parenthesis")
    assert (await ask(world, "query_exemplars", query="up"))["data"] == []


async def test_strings_that_are_not_utf8_are_parsed_and_formatted(world: World) -> None:
    tree = await ask(world, "parse_query", query='"a\\xff"')
    assert tree["data"] == {"type": "stringLiteral", "val": "a\ufffd"}
    formatted = await ask(world, "format_query", query='"a\\xff"')
    assert formatted["data"] == '"a\\xff"'
