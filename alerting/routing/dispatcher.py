"""The dispatcher: alerts in, due notifications out; time is an argument.

Source: Alertmanager, dispatch/dispatch.go and notify/notify.go.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alerting.routing.alerts import RoutedAlert, merged
from alerting.routing.configuration import Integration, RoutingConfiguration
from alerting.routing.escalation import Escalation, chain_of, escalation_times
from alerting.routing.groups import AlertGroup
from alerting.routing.inhibition import Inhibitor
from alerting.routing.muting import Muting, mutings_of
from alerting.routing.notification_log import (
    LogEntry,
    NotificationLog,
    NotificationReason,
    notification_reason,
)
from alerting.routing.silences import Silences
from alerting.routing.tree import AlertRoute
from model.labels import Labels

_MAINTENANCE_MS = 30_000
_KEPT_RESOLVED_MS = 30 * 60_000


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A notification to send, and the log entry to store with it.

    Attributes:
        integration: where it goes.
        group_key, group_labels: the group.
        alerts: in order; empty if only the log changes.
        reason: why it is sent.
        entry: the new entry of the notification log.
        now_ms: the time of the decision; an alert that ends later is firing.
    """

    integration: Integration
    group_key: str
    group_labels: Labels
    alerts: tuple[RoutedAlert, ...]
    reason: NotificationReason
    entry: LogEntry
    now_ms: int


class AlertDispatcher:
    """Groups alerts by the tree of routes, and returns what is due."""

    def __init__(
        self, configuration: RoutingConfiguration, silences: Silences, log: NotificationLog
    ) -> None:
        self.silences, self.log = silences, log
        self._alerts: dict[str, RoutedAlert] = {}
        self._maintained_ms = 0
        # When alerts were last looked at for escalation.
        self._looked_ms = 0
        self._holding: frozenset[str] = frozenset()
        self._start(configuration)

    def _start(self, configuration: RoutingConfiguration) -> None:
        self.configuration = configuration
        self._inhibitor = Inhibitor(configuration.inhibit_rules)
        self._groups: dict[tuple[str, Labels], AlertGroup] = {}
        # (next look, sequence, group key); an entry may be outdated.
        self._due: list[tuple[int, int, tuple[str, Labels]]] = []
        self._sequence = 0

    def reconfigure(self, configuration: RoutingConfiguration, now_ms: int) -> None:
        """Route all alerts anew; what was sent already is in the log."""
        self._start(configuration)
        for alert in tuple(self._alerts.values()):
            self._route(alert, now_ms)

    @property
    def alerts(self) -> Iterable[RoutedAlert]:
        """The alerts that are known, resolved ones for a while too."""
        return self._alerts.values()

    @property
    def groups(self) -> Iterable[AlertGroup]:
        """The groups that have alerts."""
        return [group for group in self._groups.values() if group.alerts]

    def group(self, route: AlertRoute, labels: Labels) -> AlertGroup | None:
        """Return the group that an alert with these labels joins on a route, None for none."""
        group = self._groups.get((route.id, route.group_labels(labels)))
        return group if group is not None and group.alerts else None

    def alert(self, fingerprint: str) -> RoutedAlert | None:
        """Return the alert with a fingerprint, None if it is not known."""
        return self._alerts.get(fingerprint)

    def insert(self, alert: RoutedAlert, now_ms: int) -> None:
        """Take a report of an alert."""
        known = self._alerts.get(alert.fingerprint)
        if known is not None and alert.alert_id is None:
            alert = merged(known, alert)
        self._alerts[alert.fingerprint] = alert
        self._route(alert, now_ms)

    def _route(self, alert: RoutedAlert, now_ms: int) -> None:
        if alert.is_resolved(now_ms):
            self._inhibitor.remove(alert.fingerprint, alert.labels)
        else:
            self._inhibitor.add(alert.fingerprint, alert.labels)
        for route in self.configuration.route.matching(alert.labels):
            labels = route.group_labels(alert.labels)
            key = (route.id, labels)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = AlertGroup(route, labels)
            group.insert(alert, now_ms)
            self._schedule(key, group)

    def _schedule(self, key: tuple[str, Labels], group: AlertGroup) -> None:
        if group.next_ms is not None:
            self._sequence += 1
            heapq.heappush(self._due, (group.next_ms, self._sequence, key))

    def look_again(self, now_ms: int) -> None:
        """Look at the groups without an interval: what held their alerts may have ended."""
        for key, group in self._groups.items():
            if group.alerts and group.has_flushed and not group.route.group_interval_ms:
                group.next_ms = now_ms
                self._schedule(key, group)

    def end_silences(self, now_ms: int) -> None:
        """Look again at groups without an interval when a silence or a window has changed."""
        active = frozenset(silence.id for silence in self.silences.all() if silence.holds(now_ms))
        if self._holding - active:
            self.look_again(now_ms)
        self._holding = active

    def next_ms(self) -> int | None:
        """Return when `due` has work, None while there is no group."""
        times = (self._next_flush_ms(), self._next_escalation_ms())
        return min((each for each in times if each is not None), default=None)

    def _next_escalation_ms(self) -> int | None:
        """Return when an alert is escalated that was not due at the last look."""
        if not self.configuration.escalations:
            return None
        looked_ms = self._looked_ms
        return min(
            (
                at_ms
                for group in self.groups
                for step in self._chain(group)
                for at_ms in self.escalations(group, step, looked_ms).values()
                if at_ms > looked_ms
            ),
            default=None,
        )

    def _chain(self, group: AlertGroup) -> Iterable[Escalation]:
        return chain_of(self.configuration.escalations, group.route.receiver)

    def escalations(self, group: AlertGroup, step: Escalation, now_ms: int) -> Mapping[str, int]:
        """Return when alerts of a group are escalated, by fingerprint."""
        integrations = self.configuration.integrations.get(step.receiver, ())
        entries = (self.log.get(group.key, each.name) for each in integrations)
        found = [each for each in entries if each is not None]
        return escalation_times(step, group.alerts.values(), found, now_ms)

    def _next_flush_ms(self) -> int | None:
        while self._due:
            time_ms, _, key = self._due[0]
            group = self._groups.get(key)
            if group is not None and group.next_ms == time_ms:
                return time_ms
            heapq.heappop(self._due)
        return None

    def due(self, now_ms: int) -> Iterator[DueNotification]:
        """Yield the notifications that are due.

        Each is final when the caller stores its entry with `commit`; without that the
        group's next look decides again.
        """
        flushed: set[tuple[str, Labels]] = set()
        while (time_ms := self._next_flush_ms()) is not None and time_ms <= now_ms:
            _, _, key = heapq.heappop(self._due)
            group = self._groups[key]
            yield from self._flush(group, now_ms)
            group.flushed(now_ms)
            self._schedule(key, group)
            flushed.add(key)
        for key, group in self._groups.items() if self.configuration.escalations else ():
            if key not in flushed:
                # An escalation does not wait for group_interval; other changes do.
                steps = self._escalated(group, now_ms)
                new = [each for each in steps if self._is_new(group, *each)]
                yield from self._notifications(group, new, now_ms)
        self._looked_ms = now_ms
        self._maintain(now_ms)

    def commit(self, notification: DueNotification) -> None:
        """Note that a notification is stored."""
        self.log.put(notification.entry)

    def _flush(self, group: AlertGroup, now_ms: int) -> Iterator[DueNotification]:
        receivers = [(group.route.receiver, None), *self._escalated(group, now_ms)]
        owed: set[str] = set()
        yield from self._notifications(group, receivers, now_ms, owed)
        for alert in group.ordered():
            if alert.is_resolved(now_ms) and alert.fingerprint not in owed:
                group.alerts.pop(alert.fingerprint, None)

    def _is_new(self, group: AlertGroup, receiver: str, allowed: frozenset[str]) -> bool:
        """Return whether a receiver has not been sent one of these alerts yet."""
        integrations = self.configuration.integrations.get(receiver, ())
        entries = (self.log.get(group.key, each.name) for each in integrations)
        return any(allowed - (each.firing if each is not None else set()) for each in entries)

    def _escalated(self, group: AlertGroup, now_ms: int) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield each next receiver of a group, with the alerts that are escalated to it."""
        for step in self._chain(group):
            times = self.escalations(group, step, now_ms)
            yield step.to, frozenset(each for each, at_ms in times.items() if at_ms <= now_ms)

    def _notifications(
        self,
        group: AlertGroup,
        receivers: Sequence[tuple[str, frozenset[str] | None]],
        now_ms: int,
        owed: set[str] | None = None,
    ) -> Iterator[DueNotification]:
        """Yield what receivers are sent about a group.

        Args:
            group: the group.
            receivers: each with the alerts that it may be sent first, None for all.
            now_ms: the current time.
            owed: gets the alerts whose end a receiver is owed but not sent now.
        """
        ordered = group.ordered()
        mutings = {each.fingerprint: self.muting(each, group.route, now_ms) for each in ordered}
        for receiver, allowed in receivers if ordered else ():
            for integration in self.configuration.integrations.get(receiver, ()):
                entry = self.log.get(group.key, integration.name)
                known = entry.firing if entry is not None else frozenset[str]()
                visible: list[RoutedAlert] = []
                for alert in ordered:
                    key, muting = alert.fingerprint, mutings[alert.fingerprint]
                    if allowed is not None and key not in allowed | known:
                        continue
                    resolves = alert.is_resolved(now_ms) and key in known
                    if muting is None or (resolves and not muting.by_time):
                        # Who was told of the alert is told of its end, even during a silence.
                        visible.append(alert)
                    elif resolves and owed is not None:
                        owed.add(key)
                if visible:
                    yield from self._notification(group, integration, entry, visible, now_ms)

    def _notification(
        self,
        group: AlertGroup,
        integration: Integration,
        entry: LogEntry | None,
        visible: list[RoutedAlert],
        now_ms: int,
    ) -> Iterator[DueNotification]:
        firing = [alert for alert in visible if not alert.is_resolved(now_ms)]
        resolved = [alert for alert in visible if alert.is_resolved(now_ms)]
        fires = frozenset(alert.fingerprint for alert in firing)
        ends = frozenset(alert.fingerprint for alert in resolved)
        reason = notification_reason(
            entry,
            fires,
            ends,
            group.route.repeat_interval_ms,
            now_ms,
            send_resolved=integration.send_resolved,
        )
        if reason is None or _is_worked_on(reason, firing):
            return
        ids = frozenset(alert.alert_id for alert in firing if alert.alert_id is not None)
        before = entry.since if entry is not None else {}
        since = {each: before.get(each, now_ms) for each in fires}
        new = LogEntry(group.key, integration.name, now_ms, fires, ends, ids, since)
        sent = visible if integration.send_resolved else firing
        shown = tuple(
            alert if alert.is_resolved(now_ms) else replace(alert, ends_ms=None) for alert in sent
        )
        yield DueNotification(integration, group.key, group.labels, shown, reason, new, now_ms)

    def muting(self, alert: RoutedAlert, route: AlertRoute, now_ms: int) -> Muting | None:
        """Return what holds an alert back on a route, None for nothing."""
        return next(self.mutings(alert, route, now_ms), None)

    def mutings(self, alert: RoutedAlert, route: AlertRoute, now_ms: int) -> Iterator[Muting]:
        """Yield each reason why a route does not send an alert now, such as a silence."""
        return mutings_of(
            alert,
            route,
            self._inhibitor,
            self.silences,
            self.configuration.time_intervals,
            now_ms,
            self._fires(now_ms),
        )

    def _fires(self, now_ms: int) -> "_Fires":
        return _Fires(self._alerts, now_ms)

    def _maintain(self, now_ms: int) -> None:
        """Drop empty groups and alerts that ended long ago, now and then."""
        empty = [
            key
            for key, group in self._groups.items()
            if not group.alerts
            and (
                not group.route.group_interval_ms or now_ms - self._maintained_ms >= _MAINTENANCE_MS
            )
        ]
        for key in empty:
            del self._groups[key]
        if now_ms - self._maintained_ms < _MAINTENANCE_MS:
            return
        self._maintained_ms = now_ms
        for alert in tuple(self._alerts.values()):
            if alert.ends_ms is not None and alert.ends_ms < now_ms - _KEPT_RESOLVED_MS:
                del self._alerts[alert.fingerprint]
                self._inhibitor.remove(alert.fingerprint, alert.labels)


class _Fires:
    """Returns whether the alert with a fingerprint fires at a time."""

    def __init__(self, alerts: dict[str, RoutedAlert], now_ms: int) -> None:
        self._alerts, self._now_ms = alerts, now_ms

    def __call__(self, fingerprint: str) -> bool:
        alert = self._alerts.get(fingerprint)
        return alert is not None and not alert.is_resolved(self._now_ms)


def _is_worked_on(reason: NotificationReason, firing: list[RoutedAlert]) -> bool:
    """Return whether somebody works on every alert, so that no repetition is needed."""
    return reason is NotificationReason.REPEAT and all(each.acknowledged_by for each in firing)
