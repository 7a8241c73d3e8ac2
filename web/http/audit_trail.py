"""Entries of the audit log: who changed what, and from which address.

The audit middleware records every successful request with an unsafe method on a route
that needs a login. A handler describes the change with `note`. Without a note the entry
names the method and the route, so that a new route is never missing in the log. Pushing
samples and evaluating queries is not recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from model.clock import Clock
from storage.api.audit import AuditRecords, AuditRetention, NewAuditEntry
from storage.api.errors import StorageError
from web.http.network import client_address, is_control_socket
from web.http.routing import (
    COMMAND_LINE,
    SAFE_METHODS,
    Access,
    Route,
    principal_of,
    route_name,
    route_of,
)
from web.settings import WebSettings

log = structlog.get_logger(__name__)

AUDITED: Final = frozenset({Access.USER, Access.EDITOR, Access.ADMIN})
_LONGEST = 200
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class AuditNote:
    """A handler's description of what a request changed.

    Attributes:
        actor: the name of who did it; None for the sender of the request.
        even_if_refused: whether to record it even if the response is an error.
    """

    action: str
    subject: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    actor: str | None = None
    even_if_refused: bool = False


NOTES: web.RequestKey[list[AuditNote]] = web.RequestKey("audit_notes", list)


def note(request: web.Request, action: str, subject: str = "", **details: str) -> None:
    """Describe what the request changed; secrets must stay out of `details`."""
    add_note(request, AuditNote(action, subject, details))


def add_note(request: web.Request, described: AuditNote) -> None:
    """Add a note with fields that `note` does not take."""
    request.setdefault(NOTES, []).append(described)


def is_change(route: Route, method: str) -> bool:
    """Report whether a successful request of the route is always recorded."""
    return method not in SAFE_METHODS and route.access in AUDITED


def audit_retention(settings: WebSettings) -> AuditRetention:
    """Return how many entries the log keeps, and for how long."""
    return AuditRetention(
        settings.audit_entries,
        max(1, settings.audit_entries // 10),
        settings.audit_retention_days * _DAY_MS,
    )


class AuditLog:
    """Writes entries of the audit log."""

    def __init__(self, records: AuditRecords, clock: Clock, settings: WebSettings) -> None:
        self._records, self._clock, self._settings = records, clock, settings
        self._retention = audit_retention(settings)

    async def record(self, request: web.Request, *, success: bool) -> None:
        """Record the changes of a request that has ended.

        An entry that cannot be stored is written to the log: the change itself is done.
        """
        route = route_of(request)
        notes: list[AuditNote] = request.get(NOTES, [])
        described = [each for each in notes if success or each.even_if_refused]
        if success and not described and route is not None and is_change(route, request.method):
            subject = ", ".join(request.match_info.values())
            described = [AuditNote(f"{request.method} {route_name(request)}", subject)]
        for each in described:
            entry = self._entry(request, each)
            try:
                await self._records.add(entry, self._retention)
            except StorageError as exc:
                log.exception(
                    "audit_failed", action=entry.action, subject=entry.subject, error=str(exc)
                )

    def _entry(self, request: web.Request, change: AuditNote) -> NewAuditEntry:
        principal = principal_of(request)
        if change.actor is not None:
            actor = change.actor
        elif is_control_socket(request):
            actor = COMMAND_LINE.name
        else:
            actor = principal.name
        return NewAuditEntry(
            self._clock(),
            storable(actor),
            storable(client_address(request, self._settings)),
            change.action,
            storable(change.subject),
            {name: storable(value) for name, value in change.details.items()},
        )


def storable(text: str) -> str:
    """Return text from a path or header shortened and as valid Unicode, for the database."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()
