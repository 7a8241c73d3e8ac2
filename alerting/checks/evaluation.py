"""Evaluates the host checks: one query a check for the whole fleet.

`up` decides first. A host that has not been scraped since the server started is
unknown, and one that is not up is spoken for: its other checks neither fire nor lose
their data, so that a dead host is one notification.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from alerting.book.book import AlertBook, AlertKey, Reading
from alerting.book.states import INACTIVE, Sight
from alerting.checks.checks import (
    ALERT_NAMES,
    CheckName,
    HostCheck,
    HostCheckRegistry,
    rule_identity,
)
from alerting.checks.fleet import Fleet, FleetWatch, HostKey, host_of
from alerting.checks.queries import condition, host_matchers, usage_expression
from alerting.checks.texts import annotations_of
from alerting.errors import RuleEvaluationError
from alerting.health import HealthBoard
from alerting.queries import instant_vector
from alerting.rules.series import SeriesWriter, alert_series
from model.labels import METRIC_NAME, Labels
from promql.api import InstantVector, QueryEngine
from storage.api.alerts import Alert, Severity
from storage.api.samples import SampleAppender

_IDENTITY = frozenset({"job", "instance", "mountpoint", "severity"})
_USAGE_CHECKS = (CheckName.CPU, CheckName.MEMORY, CheckName.DISK)


def host_check_key(alert: Alert) -> AlertKey:
    """Return the key of a stored alert: what identifies the host outlives other labels."""
    return AlertKey(alert.rule, alert.labels.keep(_IDENTITY))


def _key(check: CheckName, severity: Severity, target: Labels) -> AlertKey:
    own = Labels.of(severity=severity.value)
    return AlertKey(rule_identity(check), target.overlaid(own))


@dataclass(frozen=True, slots=True)
class _Usage:
    """What a usage query gave.

    Attributes:
        present: the hosts that have a value.
        found: the series that matter, by target: the host, and the filesystem if it is one.
    """

    present: frozenset[HostKey]
    found: Mapping[Labels, tuple[Labels, float]]


class HostChecksEvaluation:
    """The host checks of all hosts."""

    def __init__(
        self,
        registry: HostCheckRegistry,
        watch: FleetWatch,
        engine: QueryEngine,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
    ) -> None:
        self._registry, self._watch, self._engine = registry, watch, engine
        self._book, self._board = book, board
        self._seen: dict[CheckName, frozenset[HostKey]] = {}
        self._alerts = SeriesWriter(appender, "alerts/hosts")

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every check; one that fails changes nothing and shows in its health."""
        fleet: Fleet | None = None
        with self._board.watching(rule_identity(CheckName.DOWN)):
            fleet = await self._watch.look(now_ms)
            await self._book.apply(self._down(fleet), now_ms)
        for check in _USAGE_CHECKS:
            with self._board.watching(rule_identity(check)):
                if fleet is None:
                    raise RuleEvaluationError("it is not known which hosts are up")
                usage = await self._usage(check, fleet, now_ms)
                await self._book.apply(self._usage_readings(check, fleet, usage), now_ms)
        with self._board.watching("host/ALERTS"):
            self._alerts.write(alert_series(self.open_alerts()), now_ms)

    def open_alerts(self) -> list[Alert]:
        """Return the open alerts of host checks."""
        rules = map(rule_identity, CheckName)
        return [item.alert for rule in rules for item in self._book.open_alerts(rule)]

    def _down(self, fleet: Fleet) -> Iterator[Reading]:
        tracked = self._book.tracked(rule_identity(CheckName.DOWN))
        concerned = {host_of(key.labels) for key in tracked} & fleet.names.keys()
        concerned |= {host for host, up in fleet.up.items() if up == 0}
        for host in sorted(concerned):
            check = self._registry.check_of(host[1], CheckName.DOWN)
            if not check.enabled:
                continue
            target, up = Labels.of(job=host[0], instance=host[1]), fleet.up.get(host)
            sight = Sight.MISSING if up is None else Sight.HOLDS if up == 0 else Sight.CLEAR
            held_by = fleet.absence(host) if up is None else ""
            key = _key(CheckName.DOWN, Severity.CRITICAL, target)
            yield self._reading(
                key, sight, check, fleet, fleet.labels.get(host, target), up, held_by
            )
        yield from self._withdrawn(CheckName.DOWN, fleet)

    def _withdrawn(self, check: CheckName, fleet: Fleet) -> Iterator[Reading]:
        """Yield what ends the alerts of hosts and checks that are no more."""
        for key in self._book.tracked(rule_identity(check)):
            host = host_of(key.labels)
            applied = self._registry.check_of(host[1], check)
            if host not in fleet.names or key.labels.get("severity") not in applied.severities:
                yield Reading(key, Sight.WITHDRAWN, applied.timing)

    async def _usage(self, check: CheckName, fleet: Fleet, now_ms: int) -> _Usage:
        query = usage_expression(self._registry.settings, check)
        vector = await instant_vector(self._engine, query, now_ms)
        hosts = [host for host in fleet.names if not fleet.absence(host)]
        index = {host: number for number, host in enumerate(hosts)}
        at = np.fromiter(
            (index.get(host_of(labels), -1) for labels in vector.labels),
            np.intp,
            len(vector.labels),
        )
        known = (at >= 0) & ~np.isnan(vector.values)
        tracked = {host_of(key.labels) for key in self._book.tracked(rule_identity(check))}
        # A host with an alert is read whatever its value is, any other only above this.
        least = np.array(
            [-np.inf if host in tracked else self._least(host, check) for host in hosts]
        )
        matter = known.copy()
        matter[known] = vector.values[known] > least[at[known]]
        present = frozenset(hosts[number] for number in np.unique(at[known]).tolist())
        return _Usage(present, _by_target(vector, np.flatnonzero(matter).tolist()))

    def _least(self, host: HostKey, check: CheckName) -> float:
        applied = self._registry.check_of(host[1], check)
        thresholds = [applied.threshold(severity) for severity in applied.severities]
        return min((value for value in thresholds if value is not None), default=np.inf)

    def _usage_readings(self, check: CheckName, fleet: Fleet, usage: _Usage) -> Iterator[Reading]:
        tracked = self._book.tracked(rule_identity(check))
        # The worst first: the warning asks whether the critical alert fires.
        for severity in (Severity.CRITICAL, Severity.WARNING):
            for target, (labels, value) in usage.found.items():
                applied = self._registry.check_of(target.get("instance"), check)
                if severity not in applied.severities:
                    continue
                key = _key(check, severity, target)
                sight = _sight(applied, severity, value)
                if sight is Sight.HOLDS or key in tracked:
                    yield self._reading(key, sight, applied, fleet, labels, value)
            for key in tracked:
                target = key.labels.drop({"severity"})
                if key.labels.get("severity") == severity and target not in usage.found:
                    yield from self._missing(check, key, target, fleet)
        yield from self._vanished(check, fleet, usage)
        yield from self._withdrawn(check, fleet)

    def _missing(
        self, check: CheckName, key: AlertKey, target: Labels, fleet: Fleet
    ) -> Iterator[Reading]:
        host = host_of(target)
        applied = self._registry.check_of(host[1], check)
        if host in fleet.names and key.labels.get("severity") in applied.severities:
            absence = fleet.absence(host)
            sample = fleet.labels.get(host, target)
            yield self._reading(key, Sight.MISSING, applied, fleet, sample, None, absence)

    def _vanished(self, check: CheckName, fleet: Fleet, usage: _Usage) -> Iterator[Reading]:
        """Yield a missing value for hosts that are up and have lost the metrics they had.

        Not for disks: a filesystem may go without anything being wrong.
        """
        before = self._seen.get(check, frozenset())
        self._seen[check] = (before | usage.present) & fleet.names.keys()
        if check is CheckName.DISK:
            return
        for host in sorted(before - usage.present):
            applied = self._registry.check_of(host[1], check)
            if host not in fleet.names or fleet.absence(host) or not applied.severities:
                continue
            target = Labels.of(job=host[0], instance=host[1])
            key = _key(check, applied.severities[-1], target)
            # One that is in the book already is read with the others there.
            if self._book.standing(key) == INACTIVE:
                sample = fleet.labels.get(host, target)
                yield self._reading(key, Sight.MISSING, applied, fleet, sample, None)

    def _reading(
        self,
        key: AlertKey,
        sight: Sight,
        applied: HostCheck,
        fleet: Fleet,
        sample: Labels,
        value: float | None,
        held_by: str = "",
    ) -> Reading:
        host = host_of(key.labels)
        severity = Severity(key.labels.get("severity"))
        name = fleet.names[host]
        own = {"alertname": ALERT_NAMES[applied.check], "severity": severity.value, "host": name}
        target = key.labels.drop({"severity"})
        standing = self._book.standing(key)
        speaks = sight is Sight.HOLDS or (sight is Sight.MISSING and standing.fired_ms is None)
        return Reading(
            key=key,
            sight=sight,
            timing=applied.timing,
            value=value,
            labels=sample.drop({METRIC_NAME}).overlaid(Labels.of(own)),
            annotations=annotations_of(applied, severity, target, name, value) if speaks else None,
            expression=condition(self._registry.settings, applied, severity, host_matchers(*host)),
            held_by=held_by,
            yields_to=_speakers(applied.check, severity, target),
        )


def _by_target(vector: InstantVector, rows: Iterable[int]) -> dict[Labels, tuple[Labels, float]]:
    """Return rows by what they are about; of several about the same the highest."""
    found: dict[Labels, tuple[Labels, float]] = {}
    for row in rows:
        labels, value = vector.labels[row], float(vector.values[row])
        target = labels.keep(_IDENTITY)
        if target not in found or found[target][1] < value:
            found[target] = labels, value
    return found


def _sight(applied: HostCheck, severity: Severity, value: float) -> Sight:
    threshold = applied.threshold(severity)
    if threshold is not None and value > threshold:
        return Sight.HOLDS
    return Sight.LINGERS if value >= applied.recovery_of(severity) else Sight.CLEAR


def _speakers(check: CheckName, severity: Severity, target: Labels) -> tuple[AlertKey, ...]:
    """Return the alerts that speak for this one while they fire."""
    if check is CheckName.DOWN:
        return ()
    host = target.keep({"job", "instance"})
    down = _key(CheckName.DOWN, Severity.CRITICAL, host)
    if severity is Severity.CRITICAL:
        return (down,)
    return down, _key(check, Severity.CRITICAL, target)
