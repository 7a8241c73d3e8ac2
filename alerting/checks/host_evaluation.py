"""Evaluates the host checks: one query for each check and all hosts.

`up` comes first. A host that has not been scraped since the server started is unknown,
and its alerts wait. While a host is not up, the alerts of its other checks neither fire
nor become *no data*: a dead host is one notification.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from alerting.book.alert_book import AlertBook
from alerting.book.identities import check_identity
from alerting.book.lifecycle import INACTIVE, Condition
from alerting.book.observation import AlertKey, Observation
from alerting.check_settings import CheckName
from alerting.checks.annotations import annotations_of
from alerting.checks.host_check import ALERT_NAMES, HostCheck
from alerting.checks.hosts import HostKey, HostSnapshot, HostWatcher, host_of
from alerting.checks.queries import alert_expression, host_matchers, usage_expression
from alerting.checks.registry import HostCheckRegistry
from alerting.errors import RuleEvaluationError
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.queries import instant_vector
from alerting.evaluation.series import SeriesWriter, alert_series
from model.labels import METRIC_NAME, Labels
from promql.api import InstantVector, QueryEngine
from storage.api.alerts import Alert, Severity
from storage.api.samples import SampleAppender

_IDENTIFYING = frozenset({"job", "instance", "mountpoint", "severity"})
_USAGE_CHECKS = (CheckName.CPU, CheckName.MEMORY, CheckName.DISK)


def host_check_key(alert: Alert) -> AlertKey:
    """Return the key of a stored alert; its other labels may change."""
    return AlertKey(alert.rule, alert.labels.keep(_IDENTIFYING))


def _key(check: CheckName, severity: Severity, target: Labels) -> AlertKey:
    own = Labels.of(severity=severity.value)
    return AlertKey(check_identity(check), target.overlaid(own))


@dataclass(frozen=True, slots=True)
class _Usage:
    """The result of a usage query.

    Attributes:
        present: the hosts that have a value.
        found: labels and value of the series to observe, by target: the labels that
            identify the host, and its filesystem if the check is about one.
    """

    present: frozenset[HostKey]
    found: Mapping[Labels, tuple[Labels, float]]


class HostChecksEvaluation:
    """Evaluates the checks of all hosts, again and again."""

    def __init__(
        self,
        registry: HostCheckRegistry,
        watcher: HostWatcher,
        engine: QueryEngine,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
    ) -> None:
        self._registry, self._watcher, self._engine = registry, watcher, engine
        self._book, self._board = book, board
        self._seen: dict[CheckName, frozenset[HostKey]] = {}
        self._alerts = SeriesWriter(appender, "alerts/hosts")

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every check; one that fails leaves its alerts unchanged."""
        hosts: HostSnapshot | None = None
        with self._board.watching(check_identity(CheckName.DOWN)):
            hosts = await self._watcher.snapshot(now_ms)
            await self._book.apply(self._down(hosts), now_ms)
        for check in _USAGE_CHECKS:
            with self._board.watching(check_identity(check)):
                if hosts is None:
                    raise RuleEvaluationError("it is not known which hosts are up")
                usage = await self._usage(check, hosts, now_ms)
                await self._book.apply(self._usage_observations(check, hosts, usage), now_ms)
        with self._board.watching("host/ALERTS"):
            self._alerts.write(alert_series(self.open_alerts()), now_ms)

    def open_alerts(self) -> list[Alert]:
        """Return the open alerts of host checks."""
        rules = map(check_identity, CheckName)
        return [item.alert for rule in rules for item in self._book.open_alerts(rule)]

    def _down(self, hosts: HostSnapshot) -> Iterator[Observation]:
        tracked = self._book.tracked(check_identity(CheckName.DOWN))
        concerned = {host_of(key.labels) for key in tracked} & hosts.names.keys()
        concerned |= {host for host, up in hosts.up.items() if up == 0}
        for host in sorted(concerned):
            check = self._registry.check_of(host[1], CheckName.DOWN)
            if not check.enabled:
                continue
            target, up = Labels.of(job=host[0], instance=host[1]), hosts.up.get(host)
            if up is None:
                condition, suppressed_by = Condition.MISSING, hosts.absence(host)
            else:
                condition, suppressed_by = Condition.HOLDS if up == 0 else Condition.CLEAR, ""
            key = _key(CheckName.DOWN, Severity.CRITICAL, target)
            sample = hosts.labels.get(host, target)
            yield self._observation(key, condition, check, hosts, sample, up, suppressed_by)
        yield from self._withdrawn(CheckName.DOWN, hosts)

    def _withdrawn(self, check: CheckName, hosts: HostSnapshot) -> Iterator[Observation]:
        """Yield WITHDRAWN for the alerts of removed hosts and disabled checks."""
        for key in self._book.tracked(check_identity(check)):
            host = host_of(key.labels)
            applied = self._registry.check_of(host[1], check)
            if host not in hosts.names or key.labels.get("severity") not in applied.severities:
                yield Observation(key, Condition.WITHDRAWN, applied.timing)

    async def _usage(self, check: CheckName, hosts: HostSnapshot, now_ms: int) -> _Usage:
        query = usage_expression(self._registry.settings, check)
        vector = await instant_vector(self._engine, query, now_ms)
        judged = [host for host in hosts.names if not hosts.absence(host)]
        index = {host: number for number, host in enumerate(judged)}
        at = np.fromiter(
            (index.get(host_of(labels), -1) for labels in vector.labels),
            np.intp,
            len(vector.labels),
        )
        known = (at >= 0) & ~np.isnan(vector.values)
        tracked = {host_of(key.labels) for key in self._book.tracked(check_identity(check))}
        # Every value of a host with an alert is observed, of other hosts only those above
        # the lowest threshold.
        least = np.array(
            [-np.inf if host in tracked else self._lowest_threshold(host, check) for host in judged]
        )
        observed = known.copy()
        observed[known] = vector.values[known] > least[at[known]]
        present = frozenset(judged[number] for number in np.unique(at[known]).tolist())
        found = _by_target(vector, np.flatnonzero(observed).tolist())
        # The query of the CPU check returns no other target labels than `job` and `instance`.
        of_target = {
            target: (hosts.labels[host_of(target)].overlaid(labels), value)
            for target, (labels, value) in found.items()
        }
        return _Usage(present, of_target)

    def _lowest_threshold(self, host: HostKey, check: CheckName) -> float:
        applied = self._registry.check_of(host[1], check)
        thresholds = [applied.threshold(severity) for severity in applied.severities]
        return min((value for value in thresholds if value is not None), default=np.inf)

    def _usage_observations(
        self, check: CheckName, hosts: HostSnapshot, usage: _Usage
    ) -> Iterator[Observation]:
        tracked = self._book.tracked(check_identity(check))
        # Critical first: it inhibits the warning in the same batch.
        for severity in (Severity.CRITICAL, Severity.WARNING):
            for target, (labels, value) in usage.found.items():
                applied = self._registry.check_of(target.get("instance"), check)
                if severity not in applied.severities:
                    continue
                key = _key(check, severity, target)
                condition = _condition(applied, severity, value)
                if condition is Condition.HOLDS or key in tracked:
                    yield self._observation(key, condition, applied, hosts, labels, value)
            for key in tracked:
                target = key.labels.drop({"severity"})
                if key.labels.get("severity") == severity and target not in usage.found:
                    yield from self._missing(check, key, target, hosts)
        yield from self._vanished(check, hosts, usage)
        yield from self._withdrawn(check, hosts)

    def _missing(
        self, check: CheckName, key: AlertKey, target: Labels, hosts: HostSnapshot
    ) -> Iterator[Observation]:
        host = host_of(target)
        applied = self._registry.check_of(host[1], check)
        if host in hosts.names and key.labels.get("severity") in applied.severities:
            absence = hosts.absence(host)
            sample = hosts.labels.get(host, target)
            yield self._observation(key, Condition.MISSING, applied, hosts, sample, None, absence)

    def _vanished(
        self, check: CheckName, hosts: HostSnapshot, usage: _Usage
    ) -> Iterator[Observation]:
        """Yield MISSING for hosts that are up and have lost metrics that they had.

        Disks are left out: unmounting a filesystem is no failure.
        """
        before = self._seen.get(check, frozenset())
        self._seen[check] = (before | usage.present) & hosts.names.keys()
        if check is CheckName.DISK:
            return
        for host in sorted(before - usage.present):
            applied = self._registry.check_of(host[1], check)
            if host not in hosts.names or hosts.absence(host) or not applied.severities:
                continue
            target = Labels.of(job=host[0], instance=host[1])
            key = _key(check, applied.severities[-1], target)
            # `_missing` observes those that the book tracks already.
            if self._book.lifecycle(key) == INACTIVE:
                sample = hosts.labels.get(host, target)
                yield self._observation(key, Condition.MISSING, applied, hosts, sample, None)

    def _observation(
        self,
        key: AlertKey,
        condition: Condition,
        applied: HostCheck,
        hosts: HostSnapshot,
        sample: Labels,
        value: float | None,
        suppressed_by: str = "",
    ) -> Observation:
        host = host_of(key.labels)
        severity = Severity(key.labels.get("severity"))
        name = hosts.names[host]
        own = {"alertname": ALERT_NAMES[applied.check], "severity": severity.value, "host": name}
        target = key.labels.drop({"severity"})
        # After firing, the annotations keep the last value for which the condition held.
        missing = condition is Condition.MISSING
        describes = missing and self._book.lifecycle(key).fired_ms is None
        annotations = None
        if condition is Condition.HOLDS or describes:
            annotations = annotations_of(applied, severity, target, name, value)
        settings = self._registry.settings
        return Observation(
            key=key,
            condition=condition,
            timing=applied.timing,
            value=value,
            labels=sample.drop({METRIC_NAME}).overlaid(Labels.of(own)),
            annotations=annotations,
            expression=alert_expression(settings, applied, severity, host_matchers(*host)),
            suppressed_by=suppressed_by,
            inhibitors=_inhibitors(applied.check, severity, target),
        )


def _by_target(vector: InstantVector, rows: Iterable[int]) -> dict[Labels, tuple[Labels, float]]:
    """Return labels and value of some rows by target; the highest of several for one target."""
    found: dict[Labels, tuple[Labels, float]] = {}
    for row in rows:
        labels, value = vector.labels[row], float(vector.values[row])
        target = labels.keep(_IDENTIFYING)
        if target not in found or found[target][1] < value:
            found[target] = labels, value
    return found


def _condition(applied: HostCheck, severity: Severity, value: float) -> Condition:
    threshold = applied.threshold(severity)
    if threshold is not None and value > threshold:
        return Condition.HOLDS
    return Condition.LINGERS if value >= applied.recovery_of(severity) else Condition.CLEAR


def _inhibitors(check: CheckName, severity: Severity, target: Labels) -> tuple[AlertKey, ...]:
    """Return the alerts that suppress this one while they fire."""
    if check is CheckName.DOWN:
        return ()
    host = target.keep({"job", "instance"})
    down = _key(CheckName.DOWN, Severity.CRITICAL, host)
    if severity is Severity.CRITICAL:
        return (down,)
    return down, _key(check, Severity.CRITICAL, target)
