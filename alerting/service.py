"""Alerting as the rest of Redshank sees it: one object, started and stopped."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from alerting.book.book import AlertBook, OpenAlert, Reading, Subscriber
from alerting.book.live_alerts import LiveAlerts
from alerting.book.states import Sight, Timing
from alerting.checks.checks import (
    CheckName,
    HostCheck,
    HostCheckRegistry,
    rule_identity,
    validate_override,
)
from alerting.checks.evaluation import HostChecksEvaluation, host_check_key
from alerting.checks.fleet import FleetWatch, Hosts
from alerting.checks.queries import condition, host_matchers
from alerting.errors import UnknownReceiverError
from alerting.evaluator import GroupRunner, Sleep
from alerting.health import HealthBoard
from alerting.notifications.delivery import Delivery
from alerting.notifications.notifications import Notifier, trial_body
from alerting.receivers.receivers import Receiver, build_receivers
from alerting.rules.evaluation import rule_file_key
from alerting.rules.groups import RuleGroups
from alerting.rules.rules import RuleGroup
from alerting.settings import AlertingSettings
from alerting.views import HOST_GROUP, GroupView, host_group_view
from model.clock import Clock
from promql.api import QueryEngine
from storage.api.alerts import Alert, AlertChange, AlertRecords, CheckOverride, Severity
from storage.api.errors import StorageError
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

_DAY_S = 86_400
_HOST_RULES = frozenset(map(rule_identity, CheckName))


def _delivery_to(receiver: str) -> str:
    """Return the name of the task that delivers to a receiver."""
    return f"deliver to {receiver}"


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of one host, and the PromQL conditions of its alerts."""

    check: HostCheck
    conditions: dict[Severity, str]


class AlertingService:
    """Evaluates host checks and rules, keeps their alerts, tells receivers.

    Not started, it evaluates and tells nothing; what it answers is empty.

    Attributes:
        alerts: what people read of alerts, the open ones as they are now.
    """

    def __init__(
        self,
        *,
        settings: AlertingSettings,
        records: AlertRecords,
        engine: QueryEngine,
        appender: SampleAppender,
        hosts: Hosts,
        session: aiohttp.ClientSession,
        clock: Clock,
        rule_groups: Iterable[RuleGroup] = (),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Wire the parts.

        Args:
            settings: alerting's part of the configuration.
            records: alerts and overrides.
            engine: answers rules' queries.
            appender: takes what rules record, and `ALERTS`.
            hosts: returns name, job and instance of every host; it must know them all
                when `start` is called, because a host that is gone ends its alerts.
            session: for webhooks.
            clock: the current time.
            rule_groups: from rule files, see `load_rule_files`.
            sleep: for tests.
        """
        self._settings, self._records, self._engine = settings, records, engine
        self._appender, self._hosts, self._clock, self._sleep = appender, hosts, clock, sleep
        self._first_groups = tuple(rule_groups)
        self._subscribers: list[Subscriber] = []
        self._board = HealthBoard(clock)
        self._session = session
        self._notifier = Notifier(settings.routed, settings.external_url)
        self._book = AlertBook(records, self._notifier.compose, self._publish)
        self.alerts = LiveAlerts(records, self._book)
        self._receivers = self._build_receivers()
        self._delivery = Delivery(records, self._receivers, settings.delivery, clock, sleep)
        self._registry = HostCheckRegistry(settings.checks)
        self._host_runner = self._new_host_runner()
        self._host_evaluation: HostChecksEvaluation | None = None
        self._groups = RuleGroups(settings, engine, appender, self._book, self._board, clock, sleep)
        self._tasks: asyncio.TaskGroup | None = None
        self._own: dict[str, asyncio.Task[None]] = {}

    def _build_receivers(self) -> Mapping[str, Receiver]:
        timeout_s = self._settings.delivery.timeout_ms / 1000
        return build_receivers(self._settings.receivers, self._session, timeout_s)

    def _new_host_runner(self) -> GroupRunner:
        interval_ms = self._settings.evaluation_interval_ms
        return GroupRunner(HOST_GROUP, interval_ms, self._evaluate_hosts, self._clock, self._sleep)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Take up the open alerts and run in `tasks` until `stop`.

        Raises:
            StorageError: the records cannot be read or written.
        """
        self._tasks = tasks
        for override in await self._records.overrides():
            self._take_override(override)
        watch = FleetWatch(self._engine, self._hosts, self._clock())
        self._host_evaluation = HostChecksEvaluation(
            self._registry, watch, self._engine, self._appender, self._book, self._board
        )
        self._book.restore(
            (host_check_key(alert) if alert.rule in _HOST_RULES else rule_file_key(alert), alert)
            for alert in await self._records.open_alerts()
        )
        for group in self._first_groups:
            self._groups.start(group, tasks, self._settings.start_delay_ms)
        await self._withdraw_unknown()
        await self._delivery.abandon_orphans()
        self._run(self._host_runner.run(), HOST_GROUP)
        self._deliver()
        self._run(self._forget(), "forget ended alerts")

    async def stop(self) -> None:
        """End what `start` began; a write that is under way is finished."""
        await self._groups.stop()
        await self._end(*self._own)

    async def _end(self, *names: str) -> None:
        tasks = [self._own.pop(name) for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._own[name] = self._running_in.create_task(work, name=f"alerting: {name}")

    def _deliver(self) -> None:
        """Deliver to every receiver that is not served yet."""
        for name in self._receivers:
            if _delivery_to(name) not in self._own:
                self._run(self._delivery.run(name), _delivery_to(name))

    @property
    def _running_in(self) -> asyncio.TaskGroup:
        if self._tasks is None:
            raise RuntimeError("alerting is not started")
        return self._tasks

    async def _evaluate_hosts(self, now_ms: int) -> None:
        if self._host_evaluation is not None:
            await self._host_evaluation.evaluate(now_ms)

    async def _forget(self) -> None:
        while True:
            try:
                await self._records.forget(self._clock() - self._settings.history_ms)
            except StorageError as exc:
                log.warning("alert_history_not_trimmed", error=str(exc))
            await self._sleep(_DAY_S)

    async def reconfigure(self, settings: AlertingSettings, groups: Iterable[RuleGroup]) -> None:
        """Go by other settings and rules from now on; what did not change runs on.

        Raises:
            StorageError: what is no more could not be ended in the records.
        """
        before, self._settings = self._receivers, settings
        self._registry.reconfigure(settings.checks)
        self._notifier.reconfigure(settings.routed, settings.external_url)
        self._receivers = self._build_receivers()
        self._delivery.reconfigure(self._receivers, settings.delivery)
        await self._end(*map(_delivery_to, before.keys() - self._receivers.keys()))
        await self._delivery.abandon_orphans()
        self._deliver()
        if self._host_runner.interval_ms != settings.evaluation_interval_ms:
            await self._end(HOST_GROUP)
            self._host_runner = self._new_host_runner()
            self._run(self._host_runner.run(), HOST_GROUP)
        self._groups.settings = settings
        await self.replace_rules(groups)

    # Rule files

    async def replace_rules(self, groups: Iterable[RuleGroup]) -> None:
        """Evaluate these groups from now on; those that did not change run on.

        Alerts of rules that are no more are resolved.

        Raises:
            StorageError: the alerts of rules that are no more could not be ended.
        """
        await self._groups.replace(groups, self._running_in)
        await self._withdraw_unknown()

    async def _withdraw_unknown(self) -> None:
        """End the alerts of rules that are no more."""
        known = self._groups.identities() | _HOST_RULES
        gone = [
            key
            for identity in self._book.rules()
            if identity not in known
            for key in self._book.tracked(identity)
        ]
        readings = [Reading(key, Sight.WITHDRAWN, Timing()) for key in gone]
        await self._book.apply(readings, self._clock())

    def rules(self) -> tuple[GroupView, ...]:
        """Return every group with its rules, their health and their open alerts."""
        host = host_group_view(self._registry, self._host_runner, self._book, self._board)
        return (host, *self._groups.views())

    # Alerts

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Return the alerts that are open, oldest first, and what keeps each silent."""
        return tuple(sorted(self._book.open_alerts(), key=lambda item: item.alert.id))

    async def acknowledge(self, alert_id: int, user: str) -> Alert:
        """Mark an open alert as being worked on by a user.

        Raises:
            NotFoundError: no open alert has this id.
        """
        return await self._book.acknowledge(alert_id, user, self._clock())

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each batch of stored changes; return what ends that.

        An acknowledgement is a change too, from a state to the same state.
        """
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def _publish(self, changes: Sequence[AlertChange]) -> None:
        told = {item.receiver for change in changes for item in change.notifications}
        self._delivery.wake(told)
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(changes)
            except Exception:
                # A page that cannot be updated must not stop the evaluation.
                log.exception("alert_subscriber_failed")

    # Host checks

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        """Return every check as it applies to the host with this `instance` label."""
        jobs = {job for _, job, known in self._hosts() if known == instance}
        matchers = host_matchers(min(jobs, default="node"), instance)
        views = []
        for name in CheckName:
            check = self._registry.check_of(instance, name)
            conditions = {
                severity: condition(self._registry.settings, check, severity, matchers)
                for severity in check.severities
            }
            views.append(CheckView(check, conditions))
        return tuple(views)

    def _take_override(self, override: CheckOverride) -> None:
        try:
            CheckName(override.check)
        except ValueError:
            log.warning("unknown_check_ignored", check=override.check, instance=override.instance)
        else:
            self._registry.set_override(override)

    async def set_override(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check, from the next evaluation on.

        Raises:
            BadOverrideError: they make no sense; it names the field.
            StorageError: they could not be stored.
        """
        validate_override(self._settings.checks, override)
        await self._records.set_override(override)
        self._registry.set_override(override)

    async def remove_override(self, instance: str, check: str) -> None:
        """Return a host's check to the defaults; nothing happens if it was there.

        Raises:
            BadOverrideError: there is no such check.
            StorageError: it could not be stored.
        """
        name = validate_override(self._settings.checks, CheckOverride(instance, check))
        await self._records.remove_override(instance, check)
        self._registry.remove_override(instance, name)

    # Receivers

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each configured receiver."""
        return tuple((item.name, item.type) for item in self._settings.receivers)

    async def test_receiver(self, name: str) -> None:
        """Send a notification that says it is a test, at once and past the outbox.

        Raises:
            UnknownReceiverError: no receiver has this name.
            DeliveryError: it was not taken; the message says why.
        """
        receiver = self._receivers.get(name)
        if receiver is None:
            raise UnknownReceiverError(name)
        await receiver.send(trial_body(name, self._settings.external_url, self._clock()))
