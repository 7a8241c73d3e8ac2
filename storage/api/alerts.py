"""Alerts, their transitions and notifications, and check overrides.

An *alert* is one rule for one label set (a host check of one host), from pending to
resolved. A *transition* is one change of its state. A *notification* waits in the
outbox until its receiver accepts it. All three are written in one transaction, so a
restart loses none and repeats none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from model.labels import Labels
from storage.api.routing import RoutingRecords


class AlertState(StrEnum):
    """The state of an alert. NO_DATA: the values of the rule are missing."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """The severity of an alert; the values are those of the label `severity`."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule for one label set, from the time its condition began to hold.

    Attributes:
        id: the id in the store, 0 before it is stored.
        rule: the rule's identity, such as `host/cpu` or `group/alertname`.
        labels: identify the alert to receivers: `alertname`, `severity`, `instance`, …
        annotations: `summary`, `description`.
        state: the current state.
        value: the expression's last value.
        active_ms: when the condition began to hold and the alert became pending.
        changed_ms: the time of the last transition.
        fired_ms, resolved_ms: when it fired and when it was resolved, None before that.
        acknowledged_by, acknowledged_ms: the user who works on it, and since when.
        acknowledged_comment, acknowledged_until_ms, acknowledged_sticky: see `Acknowledgement`.
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
    acknowledged_comment: str = ""
    acknowledged_until_ms: int | None = None
    acknowledged_sticky: bool = True

    @property
    def is_open(self) -> bool:
        """Whether the alert is pending, firing or without data."""
        return self.state not in (AlertState.INACTIVE, AlertState.RESOLVED)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The terms of an acknowledgement, which ends with its alert at the latest.

    Attributes:
        comment: what the user says.
        until_ms: when it ends, None for not before the alert.
        is_sticky: False if it ends with the next change of the alert's state.
    """

    comment: str = ""
    until_ms: int | None = None
    is_sticky: bool = True


PLAIN_ACKNOWLEDGEMENT = Acknowledgement()


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alert's state, or an acknowledgement, which keeps the state.

    The end of an acknowledgement before that of its alert has equal states and no actor.

    Attributes:
        actor: the user who acknowledged, None for a change of state.
        comment, expires_ms: the terms of the acknowledgement.
        ended_ms: when the next change of state came, None while there is none, and for
            acknowledgements.
    """

    id: int
    alert_id: int
    rule: str
    labels: Labels
    before: AlertState
    after: AlertState
    time_ms: int
    value: float
    actor: str | None = None
    comment: str = ""
    expires_ms: int | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FiredAlert:
    """An alert that fired, for statistics.

    Attributes:
        rule, labels: see `Alert`.
        fired_ms: when it fired.
        acknowledged_ms: when it was first acknowledged, also if that has ended; None for never.
        resolved_ms: when it ended, None before that.
    """

    rule: str
    labels: Labels
    fired_ms: int
    acknowledged_ms: int | None
    resolved_ms: int | None


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification for one receiver; `body` is its JSON, written at the state change."""

    receiver: str
    body: str


@dataclass(frozen=True, slots=True)
class Notification(NewNotification):
    """A notification in the outbox or the delivery log; `attempts` counts deliveries tried.

    The notification of a group has no `alert_id`.
    """

    id: int = 0
    alert_id: int | None = None
    created_ms: int = 0
    next_attempt_ms: int = 0
    attempts: int = 0
    delivered_ms: int | None = None
    abandoned_ms: int | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert after a change, its state before, and the notifications to send."""

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


class OutboxRecords(Protocol):
    """The outbox of notifications, and the delivery log."""

    async def waiting(self, receiver: str | None, limit: int) -> Sequence[Notification]:
        """Return the outbox of one receiver, or of all if None, oldest first.

        The oldest comes first even if its next attempt is not due yet: a recovery must
        not arrive before its alert.
        """

    async def delivered(self, notification_id: int, now_ms: int) -> None:
        """Move a notification from the outbox to the delivery log."""

    async def failed(
        self, notification_id: int, error: str, now_ms: int, next_attempt_ms: int | None
    ) -> None:
        """Store a failed attempt; without a next attempt the notification is abandoned."""

    async def notifications(
        self,
        limit: int,
        before_id: int | None = None,
        *,
        alert_id: int | None = None,
        receiver: str | None = None,
    ) -> Sequence[Notification]:
        """Return the delivery log and the outbox together, newest first.

        With `alert_id`, those about one alert, by itself or in a group; with `receiver`,
        those of one receiver.
        """


class CheckOverrideRecords(Protocol):
    """The check overrides of all hosts."""

    async def overrides(self) -> Sequence[CheckOverride]:
        """Return every override."""

    async def set_override(self, override: CheckOverride) -> None:
        """Store an override, in place of an earlier one for the same host and check."""

    async def remove_override(self, instance: str, check: str) -> None:
        """Delete an override; if there is none, nothing happens."""


class AlertStateRecords(Protocol):
    """The changes of alerts: what the book of open alerts stores."""

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        """Store changes, their transitions and notifications in one transaction.

        A pending alert that becomes INACTIVE is no longer open but keeps its history. A
        change whose states are equal stores no transition. An acknowledgement in the
        given alert is ignored; only `acknowledge` stores one.

        Returns:
            The alerts with their ids, in order.

        Raises:
            NotFoundError: an alert has an unknown id; no change is stored.
        """

    async def acknowledge(
        self,
        alert_id: int,
        user: str,
        now_ms: int,
        terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT,
    ) -> Alert:
        """Store that a user works on an open alert; only the first call has an effect.

        Raises:
            NotFoundError: no alert has this id, or it is not open.
        """

    async def unacknowledge(self, alert_id: int, now_ms: int) -> Alert:
        """Store that nobody works on an alert any more; without an acknowledgement no change.

        Raises:
            NotFoundError: no alert has this id.
        """


class AlertRecords(
    AlertStateRecords, OutboxRecords, CheckOverrideRecords, RoutingRecords, Protocol
):
    """Alerts and transitions, with the outbox and the overrides."""

    async def open_alerts(self) -> Sequence[Alert]:
        """Return the alerts that are pending, firing or without data, oldest first."""

    async def alert(self, alert_id: int) -> Alert:
        """Return one alert.

        Raises:
            NotFoundError: no alert has this id.
        """

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """Return resolved alerts, newest first, from the one before `before_id` on."""

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        """Return the transitions of one alert or of all, newest first."""

    async def fired_since(self, since_ms: int, limit: int = 100_000) -> Sequence[FiredAlert]:
        """Return the alerts that fired since a time, newest first."""

    async def delete_ended(self, before_ms: int, most: int) -> int:
        """Delete the alerts that ended before a time, and return their number.

        Their transitions, notifications and holds are deleted too. An alert with a
        notification in the outbox stays.

        Args:
            before_ms: alerts that ended earlier are deleted.
            most: of more ended alerts, those that ended first are deleted too.
        """
