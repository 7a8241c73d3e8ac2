"""Routes alerts to the outbox: our own where a tree or a silence decides, and those of peers.

With an `alertmanager.yml` every alert goes through its tree. Without one, an alert of ours
is put in the outbox together with its change of state; only one that a silence holds back
comes here, as do the alerts of peers, and takes the default tree.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import structlog

from alerting.notifications.acknowledge_links import AcknowledgeLinks
from alerting.notifications.held_alerts import HeldAlerts
from alerting.notifications.notice import Notice
from alerting.notifications.stored import log_entry, log_row, silence_of, silence_row
from alerting.receivers.group_body import group_body
from alerting.receivers.webhook_body import NotificationStatus, graph_url
from alerting.routing.alerts import RoutedAlert
from alerting.routing.configuration import RoutingConfiguration
from alerting.routing.dispatcher import AlertDispatcher, DueNotification
from alerting.routing.matcher_syntax import matcher_text
from alerting.routing.notification_log import NotificationLog, NotificationReason
from alerting.routing.silences import Silence, Silences
from alerting.routing.tree import AlertRoute
from model.clock import Clock
from model.durations import format_duration
from model.labels import fingerprint
from storage.api.alerts import Alert, AlertChange, AlertRecords, AlertState
from storage.api.errors import NotFoundError, StorageError
from storage.api.routing import GroupNotification

log = structlog.get_logger(__name__)

_RETRY_S = 5.0
_LONGEST_WAIT_S = 30.0
_KEPT_MS = 120 * 3_600_000
"""Expired silences and resolved log entries are deleted after Alertmanager's 120 hours."""


class AlertRouter:
    """Feeds the dispatcher, and stores what is due.

    Attributes:
        dispatcher: groups, mutes and deduplicates.
        links: make and read links that acknowledge alerts.
    """

    def __init__(
        self,
        configuration: RoutingConfiguration,
        records: AlertRecords,
        clock: Clock,
        wake: Callable[[Iterable[str]], None],
        opened: Callable[[], Iterable[Alert]] = tuple,
        *,
        has_tree: bool,
        external_url: str,
        links: AcknowledgeLinks,
    ) -> None:
        """Start without alerts.

        Args:
            configuration: the tree.
            records: keep silences, the log and the outbox.
            clock: returns the current time.
            wake: called with the receivers whose outbox has something new.
            opened: returns the open alerts of ours.
            has_tree: whether the tree is that of an `alertmanager.yml`.
            external_url: this server's URL for people.
            links: make and read links that acknowledge alerts.
        """
        self.links = links
        self.dispatcher = AlertDispatcher(configuration, Silences(), NotificationLog())
        self._records, self._clock, self._wake = records, clock, wake
        self._open = opened
        self._held = HeldAlerts(records, self.dispatcher.silences, opened)
        self._has_tree, self._external_url = has_tree, external_url
        # The expressions of the alerts of ours that were taken over, by fingerprint.
        self._expressions: dict[str, str] = {}
        self._arrival = asyncio.Event()
        self._cleaned_ms = 0

    async def start(self, opened: Iterable[Alert]) -> None:
        """Load silences and the log, and take the alerts that are owed a notification.

        Raises:
            StorageError: the records cannot be read.
        """
        now_ms = self._clock()
        dispatcher = self.dispatcher
        rows = await self._records.silences()
        # In a thread: the time zones of maintenance windows are read from files.
        for silence in await asyncio.to_thread(lambda: list(map(silence_of, rows))):
            dispatcher.silences.put(silence)
        await self._held.start()
        logged: set[int] = set()
        for entry in map(log_entry, await self._records.notification_log()):
            dispatcher.log.put(entry)
            logged |= entry.alert_ids
        ours = set(logged if self._has_tree else (*logged, *await self._records.unnotified()))
        known = set()
        for alert in opened:
            known.add(alert.id)
            if alert.fired_ms is not None and (self._has_tree or alert.id in ours):
                self._take(alert, "")
                dispatcher.insert(self.routed(alert), now_ms)
        for alert_id in logged - known:
            try:
                alert = await self._records.alert(alert_id)
            except NotFoundError:
                continue
            if alert.state is AlertState.RESOLVED:
                # It was resolved, and the process ended before that was sent.
                dispatcher.insert(self.routed(alert), now_ms)

    def reconfigure(
        self, configuration: RoutingConfiguration, *, has_tree: bool, external_url: str
    ) -> None:
        """Use another tree from now on."""
        self._has_tree, self._external_url = has_tree, external_url
        self.dispatcher.reconfigure(configuration, self._clock())
        self._arrival.set()

    # Alerts of ours

    def takes(self, notice: Notice) -> bool:
        """Return whether a notice goes through the tree instead of directly to the outbox."""
        alert = notice.alert
        key = fingerprint(alert.labels)
        silenced = (
            notice.status is NotificationStatus.FIRING
            and not notice.is_known
            and bool(self.dispatcher.silences.muting(alert.labels, self._clock()))
        )
        # An alert that goes to the outbox with its first change has no id for a link yet.
        escalates = bool(self.dispatcher.configuration.escalations or self.links.is_on)
        # A receiver that was notified directly is notified of the end directly.
        escalates &= notice.status is NotificationStatus.FIRING and not notice.is_known
        known = key in self._expressions
        if not (self._has_tree or known or silenced or escalates):
            return False
        self._take(alert, notice.expression)
        return True

    def _take(self, alert: Alert, expression: str) -> None:
        key = fingerprint(alert.labels)
        self._expressions[key] = expression or self._expressions.get(key, "")

    def observe(self, changes: Sequence[AlertChange]) -> None:
        """Take stored changes of alerts of ours."""
        now_ms = self._clock()
        self._held.alerts_changed()
        for change in changes:
            alert = change.alert
            key = fingerprint(alert.labels)
            if key not in self._expressions or alert.fired_ms is None:
                continue
            self.dispatcher.insert(self.routed(alert), now_ms)
            if alert.state is AlertState.RESOLVED:
                del self._expressions[key]
        self._arrival.set()

    def routed(self, alert: Alert) -> RoutedAlert:
        """Return an alert of ours as receivers see it."""
        expression = self._expressions.get(fingerprint(alert.labels), "")
        return RoutedAlert(
            labels=alert.labels,
            annotations=alert.annotations,
            starts_ms=alert.fired_ms or alert.active_ms,
            ends_ms=alert.resolved_ms if alert.state is AlertState.RESOLVED else None,
            updated_ms=alert.changed_ms,
            generator_url=graph_url(self._external_url, expression),
            alert_id=alert.id,
            acknowledged_by=alert.acknowledged_by or "",
        )

    @property
    def has_tree(self) -> bool:
        """Whether the tree is that of an `alertmanager.yml`."""
        return self._has_tree

    # Alerts of peers

    def report(self, alerts: Iterable[RoutedAlert]) -> None:
        """Take alerts that a peer reports."""
        now_ms = self._clock()
        guess_ms = now_ms + self.dispatcher.configuration.resolve_timeout_ms
        for alert in alerts:
            if alert.ends_ms is None:
                self.dispatcher.insert(replace(alert, ends_ms=guess_ms, is_timeout=True), now_ms)
            else:
                self.dispatcher.insert(alert, now_ms)
        self._arrival.set()

    def firing(self) -> Sequence[RoutedAlert]:
        """Return every alert that fires: ours, and those that peers report."""
        now_ms = self._clock()
        ours = [self.routed(alert) for alert in self._open() if alert.fired_ms is not None]
        known = {alert.fingerprint for alert in ours}
        theirs = [
            alert
            for alert in self.dispatcher.alerts
            if alert.fingerprint not in known and not alert.is_resolved(now_ms)
        ]
        return [*ours, *theirs]

    def outline(self) -> str:
        """Return the tree of routes as YAML, without the receivers' secrets."""
        lines = ["route:", *_outline(self.dispatcher.configuration.route, "  "), "receivers:"]
        names = self.dispatcher.configuration.integrations
        return "\n".join([*lines, *(f"- name: {json.dumps(name)}" for name in names), ""])

    # Silences

    async def put_silences(self, silences: Sequence[Silence]) -> None:
        """Store silences; they hold from the next notification on.

        Raises:
            StorageError: they could not be stored.
        """
        await self._records.put_silences([silence_row(each) for each in silences])
        for silence in silences:
            self.dispatcher.silences.put(silence)
        self._look_again()

    def _look_again(self) -> None:
        """Look at the groups without an interval again: a silence may have ended early."""
        now_ms = self._clock()
        self.dispatcher.look_again(now_ms)
        self._arrival.set()

    # The loop

    async def run(self) -> None:
        """Store what is due until cancelled."""
        while True:
            now_ms = self._clock()
            next_ms = self.dispatcher.next_ms()
            if next_ms is None or next_ms > now_ms:
                self._arrival.clear()
                wait_s = _LONGEST_WAIT_S
                if next_ms is not None:
                    wait_s = min((next_ms - now_ms) / 1000, wait_s)
                try:
                    async with asyncio.timeout(wait_s):
                        await self._arrival.wait()
                except TimeoutError:
                    pass
            await self.flush()
            await self._clean()

    async def flush(self) -> None:
        """Store everything that is due now, and what holds alerts back."""
        now_ms = self._clock()
        await self._store_due(now_ms)
        await self._held.update(now_ms)

    async def _store_due(self, now_ms: int) -> None:
        self.dispatcher.end_silences(now_ms)
        due = list(self.dispatcher.due(now_ms))
        if not due:
            return
        rows = [(log_row(each.entry), await self._notification(each)) for each in due]
        while True:
            try:
                await self._records.notify_groups(rows, now_ms)
                break
            except StorageError as exc:
                log.warning("notifications_not_stored", error=str(exc), count=len(rows))
                await asyncio.sleep(_RETRY_S)
        for each in due:
            self.dispatcher.commit(each)
        self._wake({each.integration.name for each in due})

    async def _notification(self, notification: DueNotification) -> GroupNotification | None:
        """Return what to put in the outbox, None if only the log changes."""
        if not notification.alerts or await self._is_waiting(notification):
            return None
        most = int(getattr(notification.integration.section, "max_alerts", 0) or 0)
        body = group_body(notification, self._external_url, most)
        if self.links.is_on:
            shown = notification.alerts[: len(body.alerts)]
            body = self.links.added(body, tuple(alert.alert_id for alert in shown))
        ids = (alert.alert_id for alert in notification.alerts)
        return GroupNotification(body.to_json(), tuple(each for each in ids if each is not None))

    async def _is_waiting(self, notification: DueNotification) -> bool:
        """Return whether a repetition would follow its original, which is not delivered yet.

        A receiver that was down for a day gets one notification of each group, not six.
        """
        if notification.reason is not NotificationReason.REPEAT:
            return False
        name = notification.integration.name
        before = self.dispatcher.log.get(notification.group_key, name)
        try:
            waiting = await self._records.waiting(name, 1)
        except StorageError:
            return False
        # A receiver gets its notifications in order: with the oldest, all later ones wait.
        return before is not None and any(each.created_ms <= before.sent_ms for each in waiting)

    async def _clean(self) -> None:
        now_ms = self._clock()
        if now_ms - self._cleaned_ms < 3_600_000:
            return
        self._cleaned_ms = now_ms
        before_ms = now_ms - _KEPT_MS
        try:
            await self._records.delete_silences(before_ms)
            await self._records.delete_log(before_ms)
        except StorageError as exc:
            log.warning("routing_records_not_trimmed", error=str(exc))
            return
        for silence in self.dispatcher.silences.all():
            if silence.ends_ms < before_ms:
                self.dispatcher.silences.forget(silence.id)
        for entry in tuple(self.dispatcher.log.entries.values()):
            if not entry.firing and entry.sent_ms < before_ms:
                self.dispatcher.log.forget(entry)


def _outline(route: AlertRoute, indent: str) -> Iterator[str]:
    yield f"{indent}receiver: {json.dumps(route.receiver)}"
    if route.matchers:
        yield f"{indent}matchers: {json.dumps([matcher_text(each) for each in route.matchers])}"
    group_by = ["..."] if route.group_by is None else list(route.group_by)
    yield f"{indent}group_by: {json.dumps(group_by)}"
    yield f"{indent}continue: {json.dumps(route.proceeds)}"
    for name, length_ms in (
        ("group_wait", route.group_wait_ms),
        ("group_interval", route.group_interval_ms),
        ("repeat_interval", route.repeat_interval_ms),
    ):
        yield f"{indent}{name}: {format_duration(length_ms)}"
    if route.routes:
        yield f"{indent}routes:"
    for inner in route.routes:
        first, *rest = _outline(inner, f"{indent}  ")
        yield f"{indent}- {first.strip()}"
        yield from rest
