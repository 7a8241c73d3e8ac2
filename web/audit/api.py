"""`/api/audit`: the audit log as JSON."""

from aiohttp import web

from storage.api.audit import AuditRecords
from web.audit.documents import AuditDocument, audit_entry_document
from web.http.operations import Operation
from web.http.parameters import PageLength, Parameters, RecordId, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface


class AuditQuery(Parameters):
    """One page of the log; `before` is the last id of the previous page."""

    limit: PageLength = 100
    before: RecordId | None = None


class AuditApi:
    """The audit log as JSON."""

    def __init__(self, records: AuditRecords) -> None:
        self._records = records

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        operation = Operation("audit", AuditDocument, query=AuditQuery)
        return (
            Route(
                "GET", "/api/audit", self.entries, Access.ADMIN, Surface.JSON, operation=operation
            ),
        )

    async def entries(self, request: web.Request) -> web.Response:
        """List recorded changes, newest first."""
        query = read_query(request.query, AuditQuery)
        found = await self._records.entries(query.limit, query.before)
        return json_response({"entries": [audit_entry_document(each) for each in found]})
