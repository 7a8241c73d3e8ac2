"""The audit log page, for admins."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from storage.api.audit import AuditRecords
from web.audit.api import AuditQuery
from web.http.pages import Page
from web.http.parameters import read_query
from web.http.routing import Access, Route
from web.live.shell import Shell

TITLES: Final[Mapping[str, str]] = {
    "alert.acknowledge": "Alert acknowledged",
    "check.reset": "Check back at its default",
    "check.set": "Check changed",
    "configuration.reload": "Configuration reloaded",
    "credential.revoke": "Session or token revoked",
    "credential.revoke-all": "Sessions and tokens revoked",
    "host.add": "Host added",
    "host.remove": "Host removed",
    "keys.rotate": "Signing key rotated",
    "login": "Logged in",
    "login.failed": "Login failed",
    "logout": "Logged out",
    "receiver.test": "Test notification sent",
    "second-factor.begin": "Second factor begun",
    "second-factor.off": "Second factor turned off",
    "second-factor.on": "Second factor turned on",
    "second-factor.recovery-code": "Recovery code used",
    "second-factor.renew-codes": "Recovery codes renewed",
    "token.add": "Token made",
    "token.login": "Logged in for a token",
    "user.add": "User added",
    "user.password": "Password changed",
    "user.register": "User registered",
    "user.remove": "User removed",
    "user.role": "Role changed",
}
"""The titles of actions; an action without one is shown by its name."""


AUDIT: Final = Page(
    path="/audit",
    title="Audit log",
    template="audit/page.html",
    access=Access.ADMIN,
    parent="/users",
)


class AuditPages:
    """Shows the audit log."""

    def __init__(self, records: AuditRecords, shell: Shell) -> None:
        self._records, self._shell = records, shell

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
            titles=TITLES,
            before_id=query.before,
            older_id=entries[-1].id if len(entries) == query.limit else None,
        )
