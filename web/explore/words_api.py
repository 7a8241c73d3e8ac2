"""`/api/explore/words`: the words of PromQL, for the colours and completions of query editors."""

from dataclasses import asdict
from typing import Final

from aiohttp import web

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from web.explore.promql_reference import words
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes

_TAG: Final = "explore"


class WordDocument(TypedDict):
    """A function, aggregation operator or keyword, with its signature and a line of help."""

    name: str
    kind: str
    signature: str
    text: str


class WordsDocument(TypedDict):
    """All words of PromQL."""

    words: list[WordDocument]


class WordsApi:
    """The HTTP API that lists the words of PromQL."""

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(_TAG, WordsDocument)
        return json_routes(
            ("GET", "/api/explore/words", self.listed, Access.VIEWER, operation),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the functions, aggregation operators and keywords of PromQL."""
        return json_response({"words": [asdict(word) for word in words()]})
