"""Deletes everything of a developer."""

from typing import Final

from aiohttp import web
from typing_extensions import TypedDict

from analytics.sessions.erasure import DeveloperErasure
from analytics.sessions.service import AgentSessions
from storage.api.samples import SampleReader, SampleRemover
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_PATH: Final = "/api/session-developers/{name}"


class ErasedDeveloperDocument(TypedDict):
    """How many records of sessions, and how many series of agents' metrics, were deleted."""

    deleted: int
    series: int


class SessionErasureApi:
    """Deletes developers for admins."""

    def __init__(
        self, sessions: AgentSessions, reader: SampleReader, remover: SampleRemover
    ) -> None:
        self._erasure = DeveloperErasure(sessions.store, reader, remover)

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("sessions", ErasedDeveloperDocument)
        return (
            Route("DELETE", _PATH, self.erase, Access.ADMIN, Surface.JSON, operation=operation),
        )

    async def erase(self, request: web.Request) -> web.Response:
        """Delete everything of a developer, also under the pseudonym of the address."""
        name = request.match_info["name"]
        erased = await self._erasure.erase(name)
        note(request, "session-developer.erase", name)
        return json_response(ErasedDeveloperDocument(deleted=erased.records, series=erased.series))
