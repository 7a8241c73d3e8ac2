"""The alerting service: evaluates, keeps alerts and sends notifications."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from alerting.book.alert_book import AlertBook, Subscriber
from alerting.book.flapping import FlapDetector
from alerting.book.identities import BUILT_IN_IDENTITIES
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.live_alerts import LiveAlerts
from alerting.book.observation import Observation, OpenAlert
from alerting.book.retention import trim_history
from alerting.built_in_groups import BuiltInGroups, CheckSources, restored_key
from alerting.check_overrides import CheckOverrides
from alerting.check_settings import CheckName
from alerting.checks.host_check import HostCheck
from alerting.errors import UnknownReceiverError
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.parts import EvaluationParts
from alerting.evaluation.runner import GroupRunner
from alerting.notifications.acknowledge_links import AcknowledgeLinks
from alerting.notifications.delivery import Delivery, delivery_task
from alerting.notifications.pipeline import NotificationPipeline
from alerting.notifications.router import AlertRouter
from alerting.notifications.stages import configured_stages
from alerting.notifications.trial import trial_body
from alerting.receiver_set import NotificationSenders, ReceiverSet
from alerting.rules.definitions import RuleGroup
from alerting.rules.groups import RuleGroups
from alerting.settings import AlertingSettings
from alerting.time_source import TimeSource
from alerting.views import CheckView, GroupView, rule_group_view
from alerting.watching.heartbeat import Heartbeat
from model.limits import Refusals
from promql.api import QueryEngine
from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
    AlertRecords,
    CheckOverride,
)
from storage.api.samples import SampleAppender

if TYPE_CHECKING:
    from alerting.routing.files.routing_file import RoutingFile

log = structlog.get_logger(__name__)

_HEARTBEAT = "heartbeat"
_MOST_LAG_MS = 60_000
_DELIVERY_PATIENCE_S = 60.0
"""A delivery that is so late with its next step, its time-out included, stands still."""


@dataclass(frozen=True, slots=True)
class AlertingConfiguration:
    """What is evaluated and who is notified; a reload replaces it as a whole.

    Attributes:
        settings: section `alerting` of the configuration.
        rule_groups: the groups of all rule files.
        routing: the `alertmanager.yml`, None for the receivers of `settings`.
    """

    settings: AlertingSettings
    rule_groups: tuple[RuleGroup, ...] = ()
    routing: "RoutingFile | None" = None


class AlertingService:
    """Evaluates host checks and rules, keeps their alerts and notifies receivers.

    Before `start` there are no alerts, and nothing is evaluated or sent.

    Attributes:
        alerts: the alerts for people to read.
        router: routes alerts; keeps silences.
        heartbeat: the dead man's switch.
        rule_groups: the running groups of rule files.
    """

    def __init__(
        self,
        configuration: AlertingConfiguration,
        records: AlertRecords,
        engine: QueryEngine,
        appender: SampleAppender,
        sources: CheckSources,
        senders: NotificationSenders,
        time: TimeSource,
        *,
        refusals: Refusals | None = None,
        sign: Callable[[str], str] | None = None,
    ) -> None:
        """Build the parts.

        Args:
            configuration: what to evaluate and whom to notify, until `reconfigure`.
            records: keep the alerts and the outbox.
            engine: answers the queries of rules and checks.
            appender: stores their series.
            sources: what the checks look at beside series.
            senders: send the notifications.
            time: schedules evaluations and deliveries.
            refusals: counts what exceeds a limit.
            sign: returns the authentication code of a text; None makes no links.
        """
        settings, clock = configuration.settings, time.clock
        self._settings, self._records = settings, records
        self._clock, self._sleep, self._senders = clock, time.sleep, senders
        self._initial_groups = configuration.rule_groups
        self._subscribers, self._board = list[Subscriber](), HealthBoard(clock)
        self._named = ReceiverSet(settings, configuration.routing, senders)
        self.router = self._build_router(AcknowledgeLinks(settings, records, sign, clock))
        stages = configured_stages(settings)
        self._pipeline = NotificationPipeline(stages, settings.external_url, self.router.takes)
        self._flaps = FlapDetector(lambda: self._settings.flapping)
        self._book = AlertBook(records, self._pipeline.run, self._publish, self._flaps)
        self.alerts = LiveAlerts(records, self._book)
        self._receivers = self._named.build(clock)
        self._delivery = Delivery(records, self._receivers, settings.delivery, time)
        self.heartbeat = Heartbeat(senders.session, self._silencing_problem, time.sleep)
        parts = EvaluationParts(engine, appender, self._book, self._board, time)
        self._built_in = BuiltInGroups(settings, parts, sources, lambda: self.evaluation_lag_s)
        self._checks = CheckOverrides(self._built_in.registry, records, sources.hosts)
        self.rule_groups = RuleGroups(settings, parts, refusals or Refusals())
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}

    def _build_router(self, links: AcknowledgeLinks) -> AlertRouter:
        return AlertRouter(
            self._named.tree(),
            self._records,
            self._clock,
            lambda names: self._delivery.wake(names),  # noqa: PLW0108
            lambda: [item.alert for item in self._book.open_alerts()],
            has_tree=self._named.has_tree,
            external_url=self._settings.external_url,
            links=links,
        )

    @property
    def evaluation_lag_s(self) -> float:
        """How late rules are evaluated (`GroupRunner.lag_s`); any thread may read it."""
        return max(runner.lag_s for runner in self._runners())

    @property
    def evaluation_stall_s(self) -> float:
        """For how long no group at all has been evaluated on time; any thread may read it."""
        return min(runner.lag_s for runner in self._runners())

    def _runners(self) -> list[GroupRunner]:
        return [*self._built_in.runners, *(runner for _, runner in self.rule_groups.running())]

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Load the open alerts, and evaluate and deliver in `tasks` until `stop`.

        Raises:
            StorageError: the records cannot be read or written.
        """
        self._tasks = tasks
        await self._checks.load()
        since_ms = self._clock() - self._settings.flapping.within_ms
        self._flaps.restore(await self._records.fired_since(since_ms), restored_key)
        opened = await self._records.open_alerts()
        self._book.restore((restored_key(alert), alert) for alert in opened)
        await self.router.start(opened)
        for group in self._initial_groups:
            self.rule_groups.start(group, tasks, self._settings.start_delay_ms)
        await self._withdraw_unknown()
        await self._delivery.abandon_orphans()
        self._built_in.start(tasks)
        self._deliver()
        self._beat()
        self._run(self.router.run(), "route alerts")
        history = trim_history(self._records, lambda: self._settings, self._clock, self._sleep)
        self._run(history, "delete old alerts")

    async def stop(self) -> None:
        """Stop evaluations and deliveries; finish a write in progress."""
        await self._built_in.stop()
        await self.rule_groups.stop()
        await self._cancel(*self._running)

    async def _cancel(self, *names: str) -> None:
        tasks = [self._running.pop(name) for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._running[name] = self._task_group.create_task(work, name=f"alerting: {name}")

    def _deliver(self) -> None:
        """Start the deliveries to all receivers that have none yet."""
        for name in self._receivers:
            if delivery_task(name) not in self._running:
                self._run(self._delivery.run(name), delivery_task(name))

    def _beat(self) -> None:
        """Start the dead man's switch, if there is one."""
        if self._settings.heartbeat is not None:
            self._run(self.heartbeat.run(self._settings.heartbeat), _HEARTBEAT)

    def _silencing_problem(self) -> str:
        """Return why alerts do not arrive, "" if nothing is wrong; wakes every delivery."""
        settings = self._settings
        lag_s = self.evaluation_lag_s
        if lag_s * 1000 > max(2 * settings.evaluation_interval_ms, _MOST_LAG_MS):
            return f"host checks or rules are evaluated {lag_s:.0f} s late"
        problem = self._delivery.progress.problem(self._named.routed(), _DELIVERY_PATIENCE_S)
        # Each must have looked at the outbox at the next beat.
        self._delivery.wake(self._receivers)
        return problem

    @property
    def _task_group(self) -> asyncio.TaskGroup:
        if self._tasks is None:
            raise RuntimeError("alerting is not started")
        return self._tasks

    async def reconfigure(self, configuration: AlertingConfiguration) -> None:
        """Use another configuration from now on; unchanged parts keep running.

        Raises:
            StorageError: alerts of removed rules or notifications of removed receivers
                could not be ended.
        """
        settings = configuration.settings
        before, self._settings = self._receivers, settings
        self.router.links.reconfigure(settings)
        self._pipeline.reconfigure(configured_stages(settings), settings.external_url)
        self._named = ReceiverSet(settings, configuration.routing, self._senders)
        self.router.reconfigure(
            self._named.tree(), has_tree=self._named.has_tree, external_url=settings.external_url
        )
        self._receivers = self._named.build(self._clock)
        self._delivery.reconfigure(self._receivers, settings.delivery)
        await self._cancel(*map(delivery_task, before.keys() - self._receivers.keys()))
        await self._delivery.abandon_orphans()
        self._deliver()
        if _HEARTBEAT in self._running:
            await self._cancel(_HEARTBEAT)
        self._beat()
        await self._built_in.reconfigure(settings, self._task_group)
        self.rule_groups.settings = settings
        await self.replace_rules(configuration.rule_groups)

    # Rule files

    async def replace_rules(self, groups: Iterable[RuleGroup]) -> None:
        """Evaluate these groups and no others; unchanged groups keep running.

        Alerts of removed rules are resolved.

        Raises:
            StorageError: the alerts of removed rules could not be resolved.
        """
        await self.rule_groups.replace(groups, self._task_group)
        await self._withdraw_unknown()

    async def _withdraw_unknown(self) -> None:
        """Resolve the alerts of rules that no longer exist."""
        known = self.rule_groups.identities() | BUILT_IN_IDENTITIES
        gone = [
            key
            for identity in self._book.rules()
            if identity not in known
            for key in self._book.tracked(identity)
        ]
        observations = [Observation(key, Condition.WITHDRAWN, RuleTiming()) for key in gone]
        await self._book.apply(observations, self._clock())

    def rules(self) -> tuple[GroupView, ...]:
        """Return every group with its rules, their health and their open alerts."""
        running = self.rule_groups.running()
        groups = [rule_group_view(*each, self._book, self._board) for each in running]
        host, server = self._built_in.views()
        return (host, *groups, server)

    # Alerts

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Return the open alerts, oldest first, each with what suppresses it."""
        return tuple(sorted(self._book.open_alerts(), key=lambda item: item.alert.id))

    async def acknowledge(
        self, alert_id: int, user: str, terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT
    ) -> Alert:
        """Record that a user works on an open alert, and return the alert.

        Raises:
            NotFoundError: no open alert has this id.
        """
        return await self._book.acknowledge(alert_id, user, self._clock(), terms)

    async def unacknowledge(self, alert_id: int) -> Alert:
        """See `AlertBook.unacknowledge`."""
        return await self._book.unacknowledge(alert_id, self._clock())

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each batch of stored changes; return a function that ends it.

        An acknowledgement is a change whose states are equal.
        """
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def _publish(self, changes: Sequence[AlertChange]) -> None:
        self.router.observe(changes)
        notified = {item.receiver for change in changes for item in change.notifications}
        self._delivery.wake(notified)
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(changes)
            except Exception:
                # A failing subscriber must not stop the evaluation.
                log.exception("alert_subscriber_failed")

    # Host checks

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """See `CheckOverrides.check_of`."""
        return self._checks.check_of(instance, check)

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        """See `CheckOverrides.of_host`."""
        return self._checks.of_host(instance)

    async def set_override(self, override: CheckOverride) -> None:
        """See `CheckOverrides.put`."""
        await self._checks.put(override)

    async def remove_override(self, instance: str, check: str) -> None:
        """See `CheckOverrides.remove`."""
        await self._checks.remove(instance, check)

    # Receivers

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each configured receiver."""
        return self._named.names()

    async def test_receiver(self, name: str) -> None:
        """Send a test notification directly, without the outbox.

        Raises:
            UnknownReceiverError: no receiver has this name.
            DeliveryError: the receiver did not accept it; the message says why.
        """
        receiver = self._receivers.get(name)
        if receiver is None:
            raise UnknownReceiverError(name)
        await receiver.send(trial_body(name, self._settings.external_url, self._clock()))
