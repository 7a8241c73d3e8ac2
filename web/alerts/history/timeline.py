"""Reads the history of one alert, and puts its parts in one order of time."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from storage.api.alerts import AlertRecords, Notification, Transition
from storage.api.routing import AlertHold
from web.alerts.documents import notified_status


class EntryKind(StrEnum):
    """The kind of an entry; the order is that of entries with the same time."""

    STATE = "state"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_ENDED = "acknowledgement_ended"
    HOLD = "hold"
    HOLD_ENDED = "hold_ended"
    NOTIFICATION = "notification"


_RANKS = {kind: rank for rank, kind in enumerate(EntryKind)}


@dataclass(frozen=True, slots=True)
class AlertHistoryEntry:
    """One entry; it has the item that its kind names. `status` is that of a notification."""

    kind: EntryKind
    time_ms: int
    transition: Transition | None = None
    notification: Notification | None = None
    status: str = ""
    hold: AlertHold | None = None


@dataclass(frozen=True, slots=True)
class AlertHistory:
    """The records of one alert, each part newest first."""

    transitions: Sequence[Transition]
    notifications: Sequence[Notification]
    holds: Sequence[AlertHold]

    def timeline(self) -> list[AlertHistoryEntry]:
        """Return all parts in one list, newest first."""
        found = [*self._changes(), *self._notified(), *self._held()]
        return sorted(found, key=lambda each: (each.time_ms, _RANKS[each.kind]), reverse=True)

    def _changes(self) -> Iterator[AlertHistoryEntry]:
        for each in reversed(self.transitions):
            kind = EntryKind.STATE
            if each.before is each.after:
                kind = EntryKind.ACKNOWLEDGED if each.actor else EntryKind.ACKNOWLEDGEMENT_ENDED
            yield AlertHistoryEntry(kind, each.time_ms, transition=each)

    def _notified(self) -> Iterator[AlertHistoryEntry]:
        for each in reversed(self.notifications):
            status = notified_status(each)
            yield AlertHistoryEntry(
                EntryKind.NOTIFICATION, each.created_ms, notification=each, status=status
            )

    def _held(self) -> Iterator[AlertHistoryEntry]:
        for each in reversed(self.holds):
            yield AlertHistoryEntry(EntryKind.HOLD, each.starts_ms, hold=each)
            if each.ends_ms is not None:
                yield AlertHistoryEntry(EntryKind.HOLD_ENDED, each.ends_ms, hold=each)


async def read_history(alerts: AlertRecords, alert_id: int, limit: int) -> AlertHistory:
    """Return the history of one alert, at most `limit` of each part."""
    transitions, notifications, holds = await asyncio.gather(
        alerts.history(limit, None, alert_id),
        alerts.notifications(limit, alert_id=alert_id),
        alerts.holds(alert_id, limit),
    )
    return AlertHistory(transitions, notifications, holds)
