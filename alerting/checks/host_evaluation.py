"""Evaluates the host checks: one query for each check and all hosts.

A check that costs much is evaluated less often (`CheckKind.period_ms`); between two
evaluations its alerts stay as they are.

`up` comes first. A host that has not been scraped since the server started is unknown,
and its alerts wait. While a host is not up, the alerts of its other checks neither fire
nor become *no data*: a dead host is one notification.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from alerting.book.alert_book import AlertBook
from alerting.book.identities import check_identity
from alerting.book.lifecycle import INACTIVE, Condition
from alerting.book.observation import AlertKey, Observation
from alerting.check_settings import CheckName
from alerting.checks.annotations import annotations_of
from alerting.checks.host_check import HostCheck
from alerting.checks.hosts import HostKey, HostSnapshot, HostWatcher, host_of
from alerting.checks.kinds import KINDS, CheckKind
from alerting.checks.queries import alert_expression, host_matchers, usage_expression
from alerting.checks.registry import HostCheckRegistry
from alerting.checks.top_processes import top_processes
from alerting.errors import RuleEvaluationError
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.queries import instant_vector
from alerting.evaluation.series import SeriesWriter, alert_series
from model.distinct import distinct
from model.labels import METRIC_NAME, Labels
from promql.api import InstantVector, QueryEngine
from storage.api.alerts import Alert, FiredAlert, Severity
from storage.api.samples import SampleAppender

_HOST = frozenset({"job", "instance"})
_MEASURED = tuple(kind for kind in KINDS.values() if kind.expression is not None)
_PARTS = {check_identity(kind.check): kind.parts for kind in KINDS.values()}
_EARLY_MS = 5_000
"""How much before its period ends a check may be evaluated: evaluations are not quite even."""


def host_check_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of a stored alert; its other labels may change."""
    identifying = _HOST | _PARTS[alert.rule] | {"severity"}
    return AlertKey(alert.rule, alert.labels.keep(identifying))


def _key(check: CheckName, severity: Severity, target: Labels) -> AlertKey:
    own = Labels.of(severity=severity.value)
    return AlertKey(check_identity(check), target.overlaid(own))


@dataclass(frozen=True, slots=True)
class _Measured:
    """The result of a check's query.

    Attributes:
        present: the hosts that have a value.
        found: labels and value of the series to observe, by target: the labels that
            identify the host, and the part of it that the check is about.
        bounds: the bounds of values by name and target, see `CheckKind.bounds`.
        processes: by host, a sentence about its top processes.
    """

    present: frozenset[HostKey]
    found: Mapping[Labels, tuple[Labels, float]]
    bounds: Mapping[str, Mapping[Labels, float]]
    processes: Mapping[HostKey, str]

    def bounds_of(self, target: Labels) -> dict[str, float]:
        """Return the bounds of one target's value by name."""
        return {name: of[target] for name, of in self.bounds.items() if target in of}


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
        self._evaluated_ms: dict[CheckName, int] = {}
        self._alerts = SeriesWriter(appender, "alerts/hosts")

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every check; one that fails leaves its alerts unchanged."""
        hosts: HostSnapshot | None = None
        with self._board.watching(check_identity(CheckName.DOWN)):
            hosts = await self._watcher.snapshot(now_ms)
            self._registry.observe(hosts.labels.values())
            await self._book.apply(self._down(hosts), now_ms)
        for kind in _MEASURED:
            with self._board.watching(check_identity(kind.check)):
                if hosts is None:
                    raise RuleEvaluationError("it is not known which hosts are up")
                await self._book.apply(await self._observe(kind, hosts, now_ms), now_ms)
        with self._board.watching("host/ALERTS"):
            self._alerts.write(alert_series(self.open_alerts()), now_ms)

    async def _observe(
        self, kind: CheckKind, hosts: HostSnapshot, now_ms: int
    ) -> Iterable[Observation]:
        """Return what one check finds; one that is not due or off for all hosts asks nothing."""
        evaluated_ms = self._evaluated_ms.get(kind.check)
        if not self._registry.is_used(kind.check):
            return self._withdrawn(kind.check, hosts)
        if evaluated_ms is not None and 0 <= now_ms - evaluated_ms < kind.period_ms - _EARLY_MS:
            return self._withdrawn(kind.check, hosts)
        measured = await self._measure(kind, hosts, now_ms)
        self._evaluated_ms[kind.check] = now_ms
        return self._observations(kind, hosts, measured)

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

    async def _measure(self, kind: CheckKind, hosts: HostSnapshot, now_ms: int) -> _Measured:
        settings, check = self._registry.settings, kind.check
        vector = await instant_vector(self._engine, usage_expression(settings, check), now_ms)
        judged = [host for host in hosts.names if not hosts.absence(host)]
        index = {host: number for number, host in enumerate(judged)}
        at = np.fromiter(
            (index.get(host_of(labels), -1) for labels in vector.labels),
            np.intp,
            len(vector.labels),
        )
        known = (at >= 0) & ~np.isnan(vector.values)
        tracked = {host_of(key.labels) for key in self._book.tracked(check_identity(check))}
        # Every value of a host with an alert is observed, of other hosts only those for
        # which some condition holds.
        least = np.array(
            [
                -np.inf if host in tracked else self._registry.check_of(host[1], check).least()
                for host in judged
            ]
        )
        observed = known.copy()
        observed[known] = kind.sign * vector.values[known] > least[at[known]]
        present = frozenset(judged[number] for number in distinct(at[known]).tolist())
        found = _by_target(kind, vector, np.flatnonzero(observed).tolist())
        # Aggregating expressions return no other target labels than `job` and `instance`.
        of_target = {
            target: (hosts.labels[host_of(target)].overlaid(labels), value)
            for target, (labels, value) in found.items()
        }
        bounds = await self._bounds(kind, now_ms) if of_target else {}
        processes = await top_processes(self._engine, check, now_ms) if of_target else {}
        return _Measured(present, of_target, bounds, processes)

    async def _bounds(self, kind: CheckKind, now_ms: int) -> dict[str, dict[Labels, float]]:
        """Return the bounds of all values by name and target; empty for most checks."""
        if kind.bounds is None:
            return {}
        found = {}
        for name, query in kind.bounds(self._registry.settings, "").items():
            vector = await instant_vector(self._engine, query, now_ms)
            rows = np.flatnonzero(~np.isnan(vector.values)).tolist()
            by_target = _by_target(kind, vector, rows)
            found[name] = {target: value for target, (_, value) in by_target.items()}
        return found

    def _observations(
        self, kind: CheckKind, hosts: HostSnapshot, measured: _Measured
    ) -> Iterator[Observation]:
        check = kind.check
        tracked = self._book.tracked(check_identity(check))
        # Critical first: it inhibits the warning in the same batch.
        for severity in (Severity.CRITICAL, Severity.WARNING):
            for target, (labels, value) in measured.found.items():
                applied = self._registry.check_of(target.get("instance"), check)
                if severity not in applied.severities:
                    continue
                key = _key(check, severity, target)
                condition = applied.condition(severity, value)
                if condition is Condition.HOLDS or key in tracked:
                    yield self._observation(
                        key,
                        condition,
                        applied,
                        hosts,
                        labels,
                        value,
                        bounds=measured.bounds_of(target),
                        processes=measured.processes.get(host_of(target), ""),
                    )
            for key in tracked:
                target = key.labels.drop({"severity"})
                if key.labels.get("severity") == severity and target not in measured.found:
                    yield from self._missing(check, key, target, hosts)
        yield from self._vanished(kind, hosts, measured)
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
        self, kind: CheckKind, hosts: HostSnapshot, measured: _Measured
    ) -> Iterator[Observation]:
        """Yield MISSING for hosts that are up and have lost metrics that they had."""
        if not kind.always_there:
            return
        check = kind.check
        before = self._seen.get(check, frozenset())
        self._seen[check] = (before | measured.present) & hosts.names.keys()
        for host in sorted(before - measured.present):
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
        bounds: Mapping[str, float] = MappingProxyType({}),
        processes: str = "",
    ) -> Observation:
        host = host_of(key.labels)
        severity = Severity(key.labels.get("severity"))
        name = hosts.names[host]
        own = {"alertname": applied.kind.alert, "severity": severity.value, "host": name}
        target = key.labels.drop({"severity"})
        # After firing, the annotations keep the last value for which the condition held.
        missing = condition is Condition.MISSING
        describes = missing and self._book.lifecycle(key).fired_ms is None
        annotations = None
        if condition is Condition.HOLDS or describes:
            annotations = annotations_of(applied, severity, target, name, value, bounds, processes)
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


def _by_target(
    kind: CheckKind, vector: InstantVector, rows: Iterable[int]
) -> dict[Labels, tuple[Labels, float]]:
    """Return labels and value of some rows by target; the worst of several for one target."""
    found: dict[Labels, tuple[Labels, float]] = {}
    identifying, sign = _HOST | kind.parts, kind.sign
    for row in rows:
        labels, value = vector.labels[row], float(vector.values[row])
        target = labels.keep(identifying)
        if target not in found or sign * found[target][1] < sign * value:
            found[target] = labels, value
    return found


def _inhibitors(check: CheckName, severity: Severity, target: Labels) -> tuple[AlertKey, ...]:
    """Return the alerts that suppress this one while they fire."""
    if check is CheckName.DOWN:
        return ()
    host = target.keep(_HOST)
    down = _key(CheckName.DOWN, Severity.CRITICAL, host)
    if severity is Severity.CRITICAL:
        return (down,)
    return down, _key(check, Severity.CRITICAL, target)
