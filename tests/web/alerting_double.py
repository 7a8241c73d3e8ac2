"""Alerting over real settings and records, which evaluates nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import aiohttp

from alerting.book.alert_book import AlertBook
from alerting.book.observation import OpenAlert
from alerting.built_in_groups import CheckSources
from alerting.check_settings import CheckName
from alerting.checks.host_check import HostCheck
from alerting.errors import UnknownReceiverError
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.runner import GroupRunner
from alerting.notifications.router import AlertRouter
from alerting.receiver_set import NotificationSenders
from alerting.rules.definitions import RuleGroup
from alerting.service import AlertingConfiguration, AlertingService
from alerting.settings import AlertingSettings
from alerting.time_source import TimeSource
from alerting.views import CheckView, GroupView, rule_group_view
from model.clock import Clock
from model.conditions import Conditions
from model.labels import Labels
from promql.api import QueryEngine
from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
    AlertRecords,
    AlertState,
    CheckOverride,
    NewNotification,
)
from storage.api.samples import Layout, Source, Vector
from storage.records.store import Records
from tests.web.service_doubles import NOW_MS


class AlertingDouble:
    """`web.services.Alerting` over real settings and records; nothing is evaluated.

    Attributes:
        held: the reason why an alert is held back, by its id.
        failure: raised by a test notification; None accepts it.
    """

    def __init__(self, service: AlertingService, records: AlertRecords, clock: Clock) -> None:
        self._service, self._records, self._clock = service, records, clock
        self._open: dict[int, Alert] = {}
        self.groups: tuple[GroupView, ...] = ()
        self.held: dict[int, str] = {}
        self.named: tuple[tuple[str, str], ...] = (("phone", "webhook"),)
        self.tested: list[str] = []
        self.failure: Exception | None = None
        self.subscribers: list[Callable[[Sequence[AlertChange]], None]] = []

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        return self.named

    @property
    def router(self) -> AlertRouter:
        return self._service.router

    def rules(self) -> tuple[GroupView, ...]:
        return (*self._service.rules(), *self.groups)

    async def show(self, groups: Iterable[RuleGroup]) -> None:
        """List these groups, as if they were evaluated."""

        async def never(now_ms: int) -> None:
            raise AssertionError(now_ms)

        book, board = (
            AlertBook(self._records, lambda _: (), lambda _: None),
            HealthBoard(self._clock),
        )
        self.groups = tuple(
            rule_group_view(
                group, GroupRunner(group.name, 60_000, never, TimeSource(self._clock)), book, board
            )
            for group in groups
        )

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        return tuple(OpenAlert(alert, self.held.get(alert.id, "")) for alert in self._open.values())

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        return self._service.check_of(instance, check)

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        return self._service.check_settings(instance)

    async def put(
        self,
        alert: Alert,
        before: AlertState = AlertState.INACTIVE,
        body: str = '{"secret": "s"}',
    ) -> Alert:
        """Store an alert as if a rule evaluation had produced it; the store assigns its id."""
        notifications = (NewNotification("phone", body),)
        changed = AlertChange(alert, before, notifications)
        (stored,) = await self._records.record([changed], alert.changed_ms)
        self._open.pop(stored.id, None)
        if stored.is_open:
            self._open[stored.id] = stored
        self._publish(AlertChange(stored, before))
        return stored

    def measure(self, alert_id: int, value: float, summary: str) -> None:
        """Give an open alert another value, as an evaluation without a change of state does."""
        annotations = Labels.of(summary=summary)
        self._open[alert_id] = replace(self._open[alert_id], value=value, annotations=annotations)

    def _publish(self, change: AlertChange) -> None:
        for subscriber in self.subscribers:
            subscriber([change])

    def subscribe(self, subscriber: Callable[[Sequence[AlertChange]], None]) -> Callable[[], None]:
        self.subscribers.append(subscriber)
        return lambda: self.subscribers.remove(subscriber)

    async def acknowledge(
        self, alert_id: int, user: str, terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT
    ) -> Alert:
        alert = await self._records.acknowledge(alert_id, user, self._clock(), terms)
        self._open[alert_id] = alert
        self._publish(AlertChange(alert, alert.state))
        return alert

    async def unacknowledge(self, alert_id: int) -> Alert:
        alert = await self._records.unacknowledge(alert_id, self._clock())
        self._open[alert_id] = alert
        self._publish(AlertChange(alert, alert.state))
        return alert

    async def set_override(self, override: CheckOverride) -> None:
        await self._service.set_override(override)

    async def remove_override(self, instance: str, check: str) -> None:
        await self._service.remove_override(instance, check)

    async def test_receiver(self, name: str) -> None:
        if name not in dict(self.receivers):
            raise UnknownReceiverError(name)
        if self.failure is not None:
            raise self.failure
        self.tested.append(name)


def an_alert(
    state: AlertState = AlertState.FIRING,
    *,
    name: str = "HighCpu",
    instance: str = "a:9100",
    severity: str = "critical",
    summary: str = "CPU at 97.5 %",
    value: float = 97.5,
    now_ms: int = NOW_MS,
) -> Alert:
    """Return an alert that is not stored yet."""
    return Alert(
        id=0,
        rule="host/cpu",
        labels=Labels.of(alertname=name, instance=instance, severity=severity, job="node"),
        annotations=Labels.of(summary=summary),
        state=state,
        value=value,
        active_ms=now_ms,
        changed_ms=now_ms,
        fired_ms=None if state is AlertState.PENDING else now_ms,
        resolved_ms=now_ms if state is AlertState.RESOLVED else None,
    )


class NoAppender:
    """Accepts nothing: alerting is not started."""

    def source(self, labels: Labels, stream: str = "") -> Source:
        raise AssertionError("nothing is evaluated here")

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        raise AssertionError("nothing is evaluated here")

    def append(self, source: Source, vector: Vector) -> None:
        raise AssertionError("nothing is evaluated here")

    async def commit(self) -> None:
        raise AssertionError("nothing is evaluated here")


def alerting_over(
    records: Records, engine: QueryEngine, session: aiohttp.ClientSession, clock: Clock
) -> AlertingDouble:
    """Return alerting over real records, not started."""
    service = AlertingService(
        AlertingConfiguration(AlertingSettings()),
        records.alerts,
        engine,
        NoAppender(),
        CheckSources(hosts=lambda: (), conditions=Conditions(clock)),
        NotificationSenders(session),
        TimeSource(clock),
    )
    return AlertingDouble(service, records.alerts, clock)
