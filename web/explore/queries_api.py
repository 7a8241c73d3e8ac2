"""`/api/explore`: the queries that a user ran, and those that the user saved."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import ConfigDict, StringConstraints

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from model.base_models import DeferredModel
from model.clock import Clock
from storage.api.errors import NotFoundError
from storage.api.people.queries import QueryRecords, RanQuery, SavedQuery
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.operations import Operation
from web.http.parameters import RecordPath, read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of, user_of

_TAG: Final = "explore"
_Query = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class RanQueryForm(DeferredModel):
    """A query that ran."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: _Query


class SavedQueryForm(RanQueryForm):
    """A query and its name; one with the same name is replaced."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class RanQueryDocument(TypedDict):
    """A query of the history: when it last ran, and how often."""

    query: str
    ran_ms: int
    runs: int


class SavedQueryDocument(TypedDict):
    """A saved query."""

    id: int
    name: str
    query: str
    saved_ms: int


class UserQueriesDocument(TypedDict):
    """The queries of the user: the last ones first, and the saved ones by name."""

    history: list[RanQueryDocument]
    saved: list[SavedQueryDocument]


class UserQueriesApi:
    """The queries of the user who asks, none without a user; nobody sees those of others."""

    def __init__(self, queries: QueryRecords, clock: Clock) -> None:
        self._queries, self._clock = queries, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        history, saved = "/api/explore/history", "/api/explore/saved"
        done = Operation(_TAG, status=204, errors=(400,))
        ran = Operation(_TAG, None, RanQueryForm, status=204, errors=(400,))
        save = Operation(_TAG, SavedQueryDocument, SavedQueryForm, status=201, errors=(400, 409))
        remove = Operation(_TAG, path=RecordPath, status=204, errors=(400, 404))
        # What ran is no change that the audit log should keep: viewers' routes are not recorded.
        viewer, user = Access.VIEWER, Access.USER
        listing = Operation(_TAG, UserQueriesDocument)
        return json_routes(
            ("GET", "/api/explore", self.listed, viewer, listing),
            ("POST", history, self.remember, viewer, ran),
            ("DELETE", history, self.forget, viewer, done),
            ("POST", saved, self.save, user, save),
            ("DELETE", f"{saved}/{{id}}", self.remove, user, remove),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """Return the user's last 100 queries, and the saved ones."""
        user = principal_of(request).user
        history = await self._queries.history(user.id) if user else ()
        saved = await self._queries.saved(user.id) if user else ()
        document: UserQueriesDocument = {
            "history": [_ran(each) for each in history],
            "saved": [_saved(each) for each in saved],
        }
        return json_response(document)

    async def remember(self, request: web.Request) -> web.Response:
        """Add a query to the user's history."""
        form = await read_json(request, RanQueryForm)
        user = principal_of(request).user
        if user:
            await self._queries.remember(user.id, form.query, self._clock())
        return web.Response(status=204)

    async def forget(self, request: web.Request) -> web.Response:
        """Delete the user's history."""
        user = principal_of(request).user
        if user:
            await self._queries.forget(user.id)
        return web.Response(status=204)

    async def save(self, request: web.Request) -> web.Response:
        """Save a query under a name."""
        form = await read_json(request, SavedQueryForm)
        saved = await self._queries.save(user_of(request).id, form.name, form.query, self._clock())
        note(request, "query.save", str(saved.id), name=saved.name)
        return json_response(_saved(saved), 201)

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a saved query."""
        number = record_id(request)
        try:
            await self._queries.remove(user_of(request).id, number)
        except NotFoundError as exc:
            raise MissingError("you have no such saved query") from exc
        note(request, "query.remove", str(number))
        return web.Response(status=204)


def _ran(query: RanQuery) -> RanQueryDocument:
    return {"query": query.query, "ran_ms": query.ran_ms, "runs": query.runs}


def _saved(query: SavedQuery) -> SavedQueryDocument:
    return {"id": query.id, "name": query.name, "query": query.query, "saved_ms": query.saved_ms}
