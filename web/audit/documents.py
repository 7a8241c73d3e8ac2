"""JSON documents of the audit log."""

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.audit import AuditEntry


class AuditEntryDocument(TypedDict):
    """A recorded change."""

    id: int
    time_ms: int
    actor: str
    address: str
    action: str
    subject: str
    details: dict[str, str]


class AuditDocument(TypedDict):
    """A page of the audit log, newest first."""

    entries: list[AuditEntryDocument]


def audit_entry_document(entry: AuditEntry) -> AuditEntryDocument:
    """Return an entry of the log."""
    return {
        "id": entry.id,
        "time_ms": entry.time_ms,
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "details": dict(entry.details),
    }
