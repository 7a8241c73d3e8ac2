"""The last notification of each receiver about each group; decides whether it gets another.

Source: Alertmanager, notify/dedup_stage.go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NotificationReason(StrEnum):
    """Why a notification is sent; the values are Alertmanager's."""

    FIRST = "first notification"
    NEW_ALERTS = "new alerts added"
    NEW_RESOLVED = "some alerts resolved"
    ALL_RESOLVED = "all alerts resolved"
    REPEAT = "repeat interval elapsed"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """The last notification of a group to an integration.

    Attributes:
        group_key: the group.
        integration: see `Integration.name`.
        sent_ms: when it was sent.
        firing, resolved: fingerprints of the alerts in it.
        alert_ids: the ids of the firing alerts that the records know.
        since: when the integration was first sent each firing alert, by fingerprint.
    """

    group_key: str
    integration: str
    sent_ms: int
    firing: frozenset[str]
    resolved: frozenset[str]
    alert_ids: frozenset[int] = frozenset()
    since: Mapping[str, int] = field(default_factory=dict)


class NotificationLog:
    """The entries in memory, in agreement with the records."""

    def __init__(self, entries: Iterable[LogEntry] = ()) -> None:
        self._entries = {(entry.group_key, entry.integration): entry for entry in entries}

    def get(self, group_key: str, integration: str) -> LogEntry | None:
        """Return the last notification, None if there is none."""
        return self._entries.get((group_key, integration))

    def put(self, entry: LogEntry) -> None:
        """Note a notification."""
        self._entries[entry.group_key, entry.integration] = entry

    def forget(self, entry: LogEntry) -> None:
        """Remove an entry."""
        self._entries.pop((entry.group_key, entry.integration), None)

    @property
    def entries(self) -> Mapping[tuple[str, str], LogEntry]:
        """All entries by group and integration."""
        return self._entries


def notification_reason(
    entry: LogEntry | None,
    firing: frozenset[str],
    resolved: frozenset[str],
    repeat_interval_ms: int,
    now_ms: int,
    *,
    send_resolved: bool,
) -> NotificationReason | None:
    """Return why a group must be sent now, None if it need not.

    Args:
        entry: the last notification.
        firing: fingerprints of the firing alerts that nothing mutes.
        resolved: fingerprints of the resolved alerts that nothing mutes.
        repeat_interval_ms: 0 for never.
        now_ms: the time of the decision.
        send_resolved: whether the integration gets resolved alerts.
    """
    if entry is None:
        return NotificationReason.FIRST if firing else None
    if not firing <= entry.firing:
        return NotificationReason.NEW_ALERTS if entry.firing else NotificationReason.FIRST
    if not firing:
        # Also without `send_resolved`: the entry must forget that they fire.
        return NotificationReason.ALL_RESOLVED if entry.firing else None
    if send_resolved and not resolved <= entry.resolved:
        return NotificationReason.NEW_RESOLVED
    if repeat_interval_ms and entry.sent_ms < now_ms - repeat_interval_ms:
        return NotificationReason.REPEAT
    return None
