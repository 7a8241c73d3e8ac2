"""Tables of routes."""

from aiohttp import web

from web.http.operations import Operation
from web.http.routing import Access, Surface, json_routes


async def _answer(_: web.Request) -> web.Response:
    return web.Response()


def test_only_the_rows_with_a_body_get_the_limit_of_the_table() -> None:
    listing, add = Operation("a", list[str]), Operation("a", None, list[str])
    shown, added = json_routes(
        ("GET", "/a", _answer, Access.VIEWER, listing),
        ("POST", "/a", _answer, Access.EDITOR, add),
        body_limit_bytes=10,
    )
    assert (shown.body_limit_bytes, added.body_limit_bytes) == (None, 10)
    assert (shown.access, added.access) == (Access.VIEWER, Access.EDITOR)
    assert (shown.operation, added.operation) == (listing, add)
    assert {shown.surface, added.surface} == {Surface.JSON}


def test_a_table_is_for_read_keys_as_a_whole() -> None:
    row = ("POST", "/a", _answer, Access.VIEWER, Operation("a"))
    assert [each.for_read_keys for each in json_routes(row, row, for_read_keys=True)] == [True] * 2
    assert not json_routes(row)[0].for_read_keys
