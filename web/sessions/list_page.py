"""The list of sessions with filters and sorts, and one session with its timeline."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import AfterValidator

from storage.api.agent_sessions.reports import AgentSelection, SessionOrder
from web.http.errors import MissingError
from web.http.pages import Page
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.routing import Route
from web.live.shell import PageAddress
from web.sessions.access import check_reader
from web.sessions.parts import (
    DEFAULT_DAYS,
    FORMATS,
    RANGES,
    ROOT,
    TABS,
    SessionParts,
    address_of,
    session_page,
)

_PAGE_SIZE: Final = 50
_MOST_ENTRIES: Final = 1_000
_FILTERS: Final = ("developer", "team", "model", "agent", "project")
_DAY_MS: Final = 86_400_000

SESSIONS: Final = session_page("", "AI sessions", "list_page", 27)
SESSION: Final = Page(
    path=f"{ROOT}/{{session_id}}",
    title="Session",
    template="sessions/session_page.html",
    parent=ROOT,
)


def _known_order(name: str) -> str:
    return name if name in set(SessionOrder) else SessionOrder.TIMESTAMP.value


def _known_days(name: str) -> str:
    return name if name in RANGES else str(DEFAULT_DAYS)


class SessionListFields(Parameters):
    """The range, the filters, the order and the page."""

    days: Annotated[str, AfterValidator(_known_days)] = str(DEFAULT_DAYS)
    sort: Annotated[str, AfterValidator(_known_order)] = SessionOrder.TIMESTAMP.value
    up: str = ""
    page: Annotated[int, DIGITS] = 1
    search: str | None = None
    developer: str | None = None
    team: str | None = None
    model: str | None = None
    agent: str | None = None
    project: str | None = None


class SessionListPages:
    """Shows both pages; the list is live."""

    def __init__(self, parts: SessionParts) -> None:
        self._parts, self._store = parts, parts.sessions.store
        parts.shell.add_region("sessions", "sessions/list_live.html", self._region)

    def routes(self) -> tuple[Route, ...]:
        """Return the route of the list."""
        return (self._parts.route(SESSIONS, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the list."""
        values = await self._values(PageAddress.of(request))
        filters = await self._store.filters()
        choices = {name: getattr(filters, f"{name}s") for name in _FILTERS}
        return await self._parts.page(request, SESSIONS, choices=choices, **values)

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        check_reader(address.reader, self._parts.settings)
        return {**FORMATS, "root": ROOT, "tabs": TABS, **await self._values(address)}

    async def _values(self, address: PageAddress) -> dict[str, Any]:
        query = read_query(address.query, SessionListFields)
        now_ms, page = self._parts.clock(), max(query.page, 1)
        selection = AgentSelection(
            now_ms - int(query.days) * _DAY_MS,
            now_ms + _DAY_MS,
            **{name: getattr(query, name) for name in _FILTERS},
        )
        found = await self._store.sessions(
            selection,
            SessionOrder(query.sort),
            descending=not query.up,
            limit=_PAGE_SIZE,
            offset=(page - 1) * _PAGE_SIZE,
            search=query.search,
        )

        def link(**changes: str | None) -> str:
            return address_of(address.query, **{"page": None, **changes})

        return {
            "query": query,
            "found": found,
            "ranges": RANGES,
            "link": link,
            "chosen": {name: getattr(query, name) for name in _FILTERS if getattr(query, name)},
            "older": address_of(address.query, page=str(page + 1))
            if page * _PAGE_SIZE < found.count
            else None,
            "newer": address_of(address.query, page=str(page - 1)) if page > 1 else None,
        }


class SessionPages:
    """Shows one session."""

    def __init__(self, parts: SessionParts) -> None:
        self._parts, self._store = parts, parts.sessions.store

    def routes(self) -> tuple[Route, ...]:
        """Return the route; it comes after the pages with names of their own."""
        return (self._parts.route(SESSION, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show one session with its timeline."""
        session_id = request.match_info["session_id"]
        session = await self._store.session(session_id)
        if session is None:
            raise MissingError("there is no such session")
        timeline = await self._store.timeline(session_id, _MOST_ENTRIES + 1)
        return await self._parts.page(
            request,
            SESSION,
            session=session,
            timeline=timeline[:_MOST_ENTRIES],
            is_cut=len(timeline) > _MOST_ENTRIES,
            outcomes=await self._store.outcomes_of_session(session_id),
            most_tokens=max((one.tokens.total for one in timeline), default=0),
        )
