"""The groups that are not in a rule file: the host checks, and the checks of the server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from alerting.book.identities import (
    CHECK_IDENTITIES,
    PROBE_IDENTITY,
    SELF_CHECK_IDENTITIES,
    SERVER_IDENTITY,
)
from alerting.book.observation import AlertKey
from alerting.check_settings import SelfCheckName
from alerting.checks.host_evaluation import HostChecksEvaluation, host_check_key
from alerting.checks.hosts import HostWatcher, ListHosts
from alerting.checks.probe_failures import (
    ListProbes,
    ProbeFailuresEvaluation,
    probe_alert_key,
)
from alerting.checks.registry import HostCheckRegistry
from alerting.checks.server_conditions import ServerConditionsEvaluation, server_alert_key
from alerting.evaluation.parts import EvaluationParts
from alerting.evaluation.runner import GroupRunner
from alerting.rules.group_evaluation import rule_file_key
from alerting.settings import AlertingSettings
from alerting.views import (
    HOST_GROUP,
    SERVER_GROUP,
    GroupView,
    host_group_view,
    server_group_view,
)
from alerting.watching.self_evaluation import SelfChecksEvaluation, self_check_key
from model.conditions import Conditions
from storage.api.alerts import Alert, FiredAlert


def restored_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of an alert that was open when the server stopped."""
    if alert.rule in CHECK_IDENTITIES:
        return host_check_key(alert)
    if alert.rule == SERVER_IDENTITY:
        return server_alert_key(alert)
    if alert.rule == PROBE_IDENTITY:
        return probe_alert_key(alert)
    if alert.rule in SELF_CHECK_IDENTITIES:
        return self_check_key(alert)
    return rule_file_key(alert)


@dataclass(frozen=True, slots=True)
class CheckSources:
    """What the checks look at beside series.

    Attributes:
        hosts: returns all registered hosts: alerts of others are resolved at the start.
        conditions: what is wrong with the server.
        probes: returns the probes that run.
        loop_lag_s: returns how late the event loop runs.
    """

    hosts: ListHosts
    conditions: Conditions
    probes: ListProbes = tuple
    loop_lag_s: Callable[[], float] = lambda: 0.0


class BuiltInGroups:
    """Evaluates the host checks and the checks of the server, each in a task of its own.

    Attributes:
        registry: the checks of all hosts.
    """

    def __init__(
        self,
        settings: AlertingSettings,
        parts: EvaluationParts,
        sources: CheckSources,
        evaluation_lag_s: Callable[[], float],
    ) -> None:
        """Begin without evaluations; `evaluation_lag_s` returns how late all groups run."""
        self.registry = HostCheckRegistry(settings.checks)
        self._settings, self._parts, self._sources = settings, parts, sources
        self._lags = {
            SelfCheckName.EVALUATION: evaluation_lag_s,
            SelfCheckName.LOOP: sources.loop_lag_s,
        }
        self._server_evaluation: ServerConditionsEvaluation | None = None
        self._self_evaluation: SelfChecksEvaluation | None = None
        self._probe_evaluation: ProbeFailuresEvaluation | None = None
        self._host_evaluation: HostChecksEvaluation | None = None
        self._runners = self._new_runners()
        self._running: list[asyncio.Task[None]] = []

    def _new_runners(self) -> dict[str, GroupRunner]:
        parts, interval_ms = self._parts, self._settings.evaluation_interval_ms
        evaluations = {HOST_GROUP: self._evaluate_hosts, SERVER_GROUP: self._evaluate_server}
        return {
            name: GroupRunner(name, interval_ms, evaluate, parts.time)
            for name, evaluate in evaluations.items()
        }

    async def _evaluate_hosts(self, now_ms: int) -> None:
        if self._host_evaluation is not None:
            await self._host_evaluation.evaluate(now_ms)

    async def _evaluate_server(self, now_ms: int) -> None:
        if self._server_evaluation is not None:
            await self._server_evaluation.evaluate(self._settings.checks.server, now_ms)
        if self._self_evaluation is not None:
            await self._self_evaluation.evaluate(now_ms)
        if self._probe_evaluation is not None:
            await self._probe_evaluation.evaluate(self._settings.checks.probes, now_ms)

    @property
    def runners(self) -> list[GroupRunner]:
        """The schedules of both groups."""
        return list(self._runners.values())

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to evaluate; only scrapes from now on count."""
        parts, sources = self._parts, self._sources
        watcher = HostWatcher(parts.engine, sources.hosts, parts.time.clock())
        self._host_evaluation = HostChecksEvaluation(
            self.registry, watcher, parts.engine, parts.appender, parts.book, parts.board
        )
        self._server_evaluation = ServerConditionsEvaluation(
            sources.conditions, parts.appender, parts.book, parts.board
        )
        self._self_evaluation = SelfChecksEvaluation(
            self._settings.checks, self._lags, parts.appender, parts.book, parts.board
        )
        self._probe_evaluation = ProbeFailuresEvaluation(
            sources.probes, parts.appender, parts.book, parts.board
        )
        self._run(tasks)

    def _run(self, tasks: asyncio.TaskGroup) -> None:
        self._running = [
            tasks.create_task(runner.run(), name=f"alerting: {runner.name}")
            for runner in self._runners.values()
        ]

    async def stop(self) -> None:
        """Stop the evaluations; finish a write in progress."""
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def reconfigure(self, settings: AlertingSettings, tasks: asyncio.TaskGroup) -> None:
        """Use other settings from now on; with the same interval the schedule stays."""
        interval_ms, self._settings = self._settings.evaluation_interval_ms, settings
        self.registry.reconfigure(settings.checks)
        if self._self_evaluation is not None:
            self._self_evaluation.settings = settings.checks
        if settings.evaluation_interval_ms != interval_ms:
            await self.stop()
            self._runners = self._new_runners()
            self._run(tasks)

    def views(self) -> tuple[GroupView, ...]:
        """Return both groups with their rules, their health and their open alerts."""
        book, board = self._parts.book, self._parts.board
        return (
            host_group_view(self.registry, self._runners[HOST_GROUP], book, board),
            server_group_view(self._settings.checks, self._runners[SERVER_GROUP], book, board),
        )
