"""Alerts: their states, every transition once, what people did, and the outbox.

One *alert* is one rule on one label set (a host check on one host), from pending to
resolved. A *transition* is one change of its state; *notifications* wait in the
outbox until their receiver took them. All three are written in one transaction, so
that a restart neither forgets nor repeats anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from model.labels import Labels


class AlertState(StrEnum):
    """Where an alert stands. NO_DATA: the rule's series vanished while it was active."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How bad it is; the values are the `severity` label."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one label set, from the moment its condition first held.

    Attributes:
        id: the store's number, 0 while not stored.
        rule: the rule's identity, such as `host/cpu` or `group/alertname`.
        labels: what identifies it to receivers: `alertname`, `severity`, `instance`, …
        annotations: `summary`, `description`.
        state: where it stands now.
        value: the expression's last value.
        active_ms: when the condition first held (pending began).
        changed_ms: the last transition.
        fired_ms, resolved_ms: when it fired and was resolved, None if not (yet).
        acknowledged_by, acknowledged_ms: who said "I am on it"; ends with the alert.
    """

    id: int
    rule: str
    labels: Labels
    annotations: Labels
    state: AlertState
    value: float
    active_ms: int
    changed_ms: int
    fired_ms: int | None = None
    resolved_ms: int | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still wants attention: pending, firing or without data."""
        return self.state not in (AlertState.INACTIVE, AlertState.RESOLVED)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alert's state; `actor` is the user of an acknowledgement."""

    id: int
    alert_id: int
    rule: str
    labels: Labels
    before: AlertState
    after: AlertState
    time_ms: int
    value: float
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class NewNotification:
    """What to tell one receiver: `body` is its JSON document, made when it happened."""

    receiver: str
    body: str


@dataclass(frozen=True, slots=True)
class Notification(NewNotification):
    """A notification in the outbox or in the delivery log."""

    id: int = 0
    alert_id: int = 0
    created_ms: int = 0
    next_attempt_ms: int = 0
    attempts: int = 0
    delivered_ms: int | None = None
    abandoned_ms: int | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert as it now stands, the state it came from, and whom to tell."""

    alert: Alert
    before: AlertState
    notifications: tuple[NewNotification, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CheckOverride:
    """One host's own settings for one host check; None keeps the default.

    Attributes:
        instance: the host's `instance` label.
        check: `down`, `cpu`, `memory` or `disk`.
        enabled: False switches the check off for this host.
        warning, critical, recovery: thresholds in the check's unit.
        for_s: how long the condition must hold before the alert fires.
    """

    instance: str
    check: str
    enabled: bool = True
    warning: float | None = None
    critical: float | None = None
    recovery: float | None = None
    for_s: float | None = None


class AlertRecords(Protocol):
    """Alerts, transitions, outbox and check overrides."""

    async def open_alerts(self) -> Sequence[Alert]:
        """Return the alerts that are pending, firing or without data, oldest first."""

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        """Store changes, their transitions and notifications in one transaction.

        Returns the alerts with their ids, in order. An alert whose state returned to
        INACTIVE (it was only pending) keeps its history and is no longer open. A
        change whose states are equal stores the alert without a transition. What
        `acknowledge` stored is kept, whatever the given alert says.

        Raises:
            NotFoundError: an alert has an id that is not stored; nothing is.
        """

    async def alert(self, alert_id: int) -> Alert:
        """Return one alert.

        Raises:
            NotFoundError: no alert has this id.
        """

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """Return resolved alerts, newest first; `before_id` pages on."""

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        """Return transitions, newest first, of all alerts or of one."""

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        """Mark an open alert as being worked on; a repeated call changes nothing.

        Raises:
            NotFoundError: no alert has this id, or it is not open.
        """

    async def waiting(self, receiver: str | None, limit: int) -> Sequence[Notification]:
        """Return the outbox of one receiver, of all if None, oldest first.

        Each says when its next attempt is due. The oldest comes first even if it is
        not, so that nobody hears of a recovery before the alert.
        """

    async def delivered(self, notification_id: int, now_ms: int) -> None:
        """Take a notification out of the outbox into the delivery log."""

    async def failed(
        self, notification_id: int, error: str, now_ms: int, next_attempt_ms: int | None
    ) -> None:
        """Count an attempt; None as the next one gives the notification up."""

    async def notifications(
        self, limit: int, before_id: int | None = None
    ) -> Sequence[Notification]:
        """Return the delivery log with what still waits, newest first."""

    async def forget(self, before_ms: int) -> int:
        """Drop alerts that ended before a time, with all that belongs to them.

        One with a notification still in the outbox stays. Returns how many went.
        """

    async def overrides(self) -> Sequence[CheckOverride]:
        """Return every host's own check settings."""

    async def set_override(self, override: CheckOverride) -> None:
        """Store one host's settings for one check, replacing earlier ones."""

    async def remove_override(self, instance: str, check: str) -> None:
        """Return a host's check to the default; nothing happens if it was there."""
