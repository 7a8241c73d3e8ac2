"""Records of routing: silences, and the last notification of each receiver about a group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence.

    Attributes:
        id: a UUID.
        matchers: (label, operator, value) of each, as JSON.
        starts_ms: from when it mutes.
        ends_ms: until when.
        updated_ms: when it was last changed.
        created_by: who made it.
        comment: why.
        windows: the time intervals of a maintenance window as JSON, "[]" without.
        annotations: names and texts as JSON, "{}" without.
    """

    id: str
    matchers: str
    starts_ms: int
    ends_ms: int
    updated_ms: int
    created_by: str
    comment: str
    windows: str = "[]"
    annotations: str = "{}"


@dataclass(frozen=True, slots=True)
class NotificationLogRow:
    """The last notification of a group to an integration.

    Attributes:
        group_key: the group.
        integration: the receiver's entry, such as `ops/webhook[0]`.
        sent_ms: when it was sent.
        firing: when each firing alert was first sent, by fingerprint, as a JSON object; a list
            of fingerprints from earlier versions.
        resolved: fingerprints as a JSON list.
        alert_ids: ids of the firing alerts in the records, as a JSON list.
    """

    group_key: str
    integration: str
    sent_ms: int
    firing: str
    resolved: str
    alert_ids: str


@dataclass(frozen=True, slots=True)
class GroupNotification:
    """The notification of a group: its body, and the ids of its alerts that have one."""

    body: str
    alert_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertHold:
    """A silence or maintenance window that held a firing alert back.

    Attributes:
        alert_id: the alert.
        silence_id: the silence, which may be deleted meanwhile.
        is_maintenance: whether it is a maintenance window.
        matchers, created_by, comment: those of the silence, when it began to hold the alert.
        starts_ms: from when it held the alert back.
        ends_ms: until when, None while it does.
    """

    alert_id: int
    silence_id: str
    is_maintenance: bool
    matchers: str
    created_by: str
    comment: str
    starts_ms: int
    ends_ms: int | None = None


class RoutingRecords(Protocol):
    """Silences, the notification log, and what held alerts back."""

    async def silences(self) -> Sequence[SilenceRow]:
        """Return all silences, oldest first."""

    async def put_silences(self, silences: Sequence[SilenceRow]) -> None:
        """Store silences, each in place of an earlier one with its id."""

    async def delete_silences(self, ended_before_ms: int) -> int:
        """Delete the silences that ended before a time, and return their number."""

    async def notification_log(self) -> Sequence[NotificationLogRow]:
        """Return the whole notification log."""

    async def notify_groups(
        self,
        sent: Sequence[tuple[NotificationLogRow, GroupNotification | None]],
        now_ms: int,
    ) -> None:
        """Store entries of the log and put their notifications in the outbox, in one transaction.

        Args:
            sent: each entry with its notification; without one only the log changes.
            now_ms: the time of the notifications.
        """

    async def unnotified(self) -> Sequence[int]:
        """Return the ids of the firing alerts that have no notification of their own."""

    async def use_link(self, link_id: str, expires_ms: int, now_ms: int) -> bool:
        """Store that a link is used, and return whether it had not been used before.

        Used links that have expired are deleted.
        """

    async def open_holds(self) -> Sequence[AlertHold]:
        """Return the holds that have not ended; those of ended alerts end with their alerts."""

    async def change_holds(self, holds: Sequence[AlertHold]) -> None:
        """Store holds in one transaction, each in place of the one with its start.

        Holds of unknown alerts are left out.
        """

    async def holds(self, alert_id: int, limit: int) -> Sequence[AlertHold]:
        """Return what held an alert back, newest first."""

    async def delete_log(self, sent_before_ms: int) -> int:
        """Delete entries without firing alerts that were sent before a time."""
