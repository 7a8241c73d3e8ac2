"""What the audit log is told, and by whom.

The middleware records every change by itself: whatever an unsafe method did on a route
that needs a login. A handler says more by `note`; without it the entry names the
method and the route, so that a new route cannot be forgotten. Handing in samples and
evaluating queries is no change.
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
from web.http.routing import COMMAND_LINE, SAFE_METHODS, Access, Route, principal_of, route_name
from web.settings import WebSettings

log = structlog.get_logger(__name__)

AUDITED: Final = frozenset({Access.USER, Access.EDITOR, Access.ADMIN})
_LONGEST = 200
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Note:
    """What a handler says of its request.

    Attributes:
        actor: who did it, None for who sent the request.
        even_if_refused: whether it counts though the request is answered by an error.
    """

    action: str
    subject: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    actor: str | None = None
    even_if_refused: bool = False


NOTES: web.RequestKey[list[Note]] = web.RequestKey("audit_notes", list)


def note(request: web.Request, action: str, subject: str = "", **details: str) -> None:
    """Say what the request has changed; never tell a secret."""
    attach(request, Note(action, subject, details))


def attach(request: web.Request, said: Note) -> None:
    """Say of the request what `note` cannot."""
    request.setdefault(NOTES, []).append(said)


def is_change(route: Route, method: str) -> bool:
    """Tell whether success of a route is recorded, whatever its handler says."""
    return method not in SAFE_METHODS and route.access in AUDITED


def audit_retention(settings: WebSettings) -> AuditRetention:
    """Return what of the log is kept."""
    return AuditRetention(
        settings.audit_entries,
        max(1, settings.audit_entries // 10),
        settings.audit_retention_days * _DAY_MS,
    )


class AuditLog:
    """Writes the audit log."""

    def __init__(self, records: AuditRecords, clock: Clock, settings: WebSettings) -> None:
        self._records, self._clock, self._settings = records, clock, settings
        self._retention = audit_retention(settings)

    async def record(self, request: web.Request, route: Route | None, *, success: bool) -> None:
        """Write what a request did, once it is clear how it ends.

        An entry that cannot be stored is logged: what it tells has happened already.
        """
        notes: list[Note] = request.get(NOTES, [])
        said = [each for each in notes if success or each.even_if_refused]
        if success and not said and route is not None and is_change(route, request.method):
            subject = ", ".join(request.match_info.values())
            said = [Note(f"{request.method} {route_name(request)}", subject)]
        for each in said:
            entry = self._entry(request, each)
            try:
                await self._records.add(entry, self._retention)
            except StorageError as exc:
                log.exception(
                    "audit_failed", action=entry.action, subject=entry.subject, error=str(exc)
                )

    def _entry(self, request: web.Request, said: Note) -> NewAuditEntry:
        principal = principal_of(request)
        if said.actor is not None:
            actor = said.actor
        elif is_control_socket(request):
            actor = COMMAND_LINE.name
        else:
            actor = principal.name
        return NewAuditEntry(
            self._clock(),
            storable(actor),
            storable(client_address(request, self._settings)),
            said.action,
            storable(said.subject),
            {name: storable(value) for name, value in said.details.items()},
        )


def storable(text: str) -> str:
    """Return what can be stored of a path or a header, which may hold what is no Unicode."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()
