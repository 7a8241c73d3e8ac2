"""The audit log page, for admins."""

from typing import Final

from aiohttp import web

from storage.api.audit import AuditRecords
from web.audit.api import AuditQuery
from web.audit.subjects import SubjectNames
from web.audit.titles import ACTION_TITLES
from web.http.pages import Page
from web.http.parameters import read_query
from web.http.routing import Access, Route
from web.live.shell import Shell

AUDIT: Final = Page(
    path="/audit",
    title="Audit log",
    template="audit/page.html",
    access=Access.ADMIN,
    parent="/users",
)


class AuditPages:
    """Shows the audit log."""

    def __init__(self, records: AuditRecords, names: SubjectNames, shell: Shell) -> None:
        self._records, self._names, self._shell = records, names, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(AUDIT, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show a page of the log, newest first."""
        query = read_query(request.query, AuditQuery)
        entries = await self._records.entries(query.limit, query.before)
        return await self._shell.page(
            request,
            AUDIT,
            entries=entries,
            names=await self._names.of(entries),
            titles=ACTION_TITLES,
            before_id=query.before,
            older_id=entries[-1].id if len(entries) == query.limit else None,
        )
