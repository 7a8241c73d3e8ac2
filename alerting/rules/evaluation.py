"""Evaluates a group of a rule file: its rules in order, all at one time."""

from alerting.book.book import AlertBook, AlertKey, Reading
from alerting.book.states import Sight, Standing
from alerting.errors import RuleEvaluationError
from alerting.health import HealthBoard
from alerting.queries import instant_vector
from alerting.rules.rules import AlertRule, RecordingRule, RuleGroup, by_labels
from alerting.rules.series import SeriesWriter, alert_series
from model.labels import Labels
from promql.api import QueryEngine
from storage.api.alerts import Alert
from storage.api.samples import SampleAppender

Result = dict[Labels, tuple[Labels, float]]
"""By the labels of the alert: the series of the result, and its value."""


def rule_name(group: RuleGroup, position: int) -> str:
    """Return the name under which a rule's health is kept."""
    return f"{group.file};{group.name};{position}"


def rule_file_key(alert: Alert) -> AlertKey:
    """Return the key of a stored alert: all its labels identify it, as in Prometheus."""
    return AlertKey(alert.rule, alert.labels)


class RuleGroupEvaluation:
    """One group and what it wrote last."""

    def __init__(
        self,
        group: RuleGroup,
        engine: QueryEngine,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
        external_url: str = "",
    ) -> None:
        self.group = group
        self._engine, self._book, self._board = engine, book, board
        self._external_url = external_url
        stream = f"rules/{group.file};{group.name}"
        # Recorded series and alerts are written at different moments of one evaluation,
        # and the vectors of a source must be in order: a source each.
        self._recorded = {
            position: SeriesWriter(appender, f"{stream};{position}")
            for position, rule in enumerate(group.rules)
            if isinstance(rule, RecordingRule)
        }
        self._alerts = SeriesWriter(appender, f"alerts/{group.file};{group.name}")

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every rule; one that fails changes nothing and shows in its health."""
        time_ms = now_ms - self.group.offset_ms
        for position, rule in enumerate(self.group.rules):
            with self._board.watching(rule_name(self.group, position)):
                if isinstance(rule, RecordingRule):
                    await self._record(rule, self._recorded[position], time_ms)
                else:
                    await self._alert(rule, time_ms, now_ms)
        with self._board.watching(f"{self.group.file};{self.group.name};ALERTS"):
            self._alerts.write(alert_series(self.open_alerts()), time_ms)

    def end(self, now_ms: int) -> None:
        """End every series that the group wrote, because it is no more."""
        with self._board.watching(f"{self.group.file};{self.group.name};ALERTS"):
            for writer in (*self._recorded.values(), self._alerts):
                writer.write({}, now_ms)

    def open_alerts(self) -> list[Alert]:
        """Return the open alerts of the group's rules."""
        identities = [rule.identity for rule in self.group.rules if isinstance(rule, AlertRule)]
        return [item.alert for name in identities for item in self._book.open_alerts(name)]

    async def _record(self, rule: RecordingRule, writer: SeriesWriter, time_ms: int) -> None:
        vector = await instant_vector(self._engine, rule.expression, time_ms)
        pairs = zip(vector.labels, vector.values.tolist(), strict=True)
        values = by_labels([(rule.labels_of(labels), value) for labels, value in pairs])
        self._check_limit(len(values), "series")
        writer.write(values, time_ms)

    async def _alert(self, rule: AlertRule, time_ms: int, now_ms: int) -> None:
        holds = await self._result(rule, rule.expression, time_ms)
        self._check_limit(len(holds), "alerts")
        readings = [
            Reading(
                key=AlertKey(rule.identity, labels),
                sight=Sight.HOLDS,
                timing=rule.timing,
                value=value,
                labels=labels,
                annotations=rule.annotations_of(sample, value, self._external_url),
                expression=rule.expression,
            )
            for labels, (sample, value) in holds.items()
        ]
        tracked = self._book.tracked(rule.identity)
        others = {key: at for key, at in tracked.items() if key.labels not in holds}
        if others:
            readings += await self._others(rule, others, time_ms)
        await self._book.apply(readings, now_ms)

    async def _others(
        self, rule: AlertRule, others: dict[AlertKey, Standing], time_ms: int
    ) -> list[Reading]:
        """Return readings of the alerts whose condition does not hold any more."""
        lingering: Result = {}
        known: Result = {}
        # Only what fired can linger: mostly there is nothing to ask.
        if rule.recovery and any(standing.fired_ms is not None for standing in others.values()):
            lingering = await self._result(rule, rule.recovery, time_ms)
        if rule.data:
            known = await self._result(rule, rule.data, time_ms)
        readings = []
        for key in others:
            found = lingering.get(key.labels) or known.get(key.labels)
            if key.labels in lingering:
                sight = Sight.LINGERS
            elif rule.data and found is None:
                sight = Sight.MISSING
            else:
                sight = Sight.CLEAR
            value = found[1] if found else None
            readings.append(Reading(key, sight, rule.timing, value, expression=rule.expression))
        return readings

    async def _result(self, rule: AlertRule, query: str, time_ms: int) -> Result:
        vector = await instant_vector(self._engine, query, time_ms)
        pairs = zip(vector.labels, vector.values.tolist(), strict=True)
        return by_labels(
            [
                (rule.labels_of(sample, value, self._external_url), (sample, value))
                for sample, value in pairs
            ]
        )

    def _check_limit(self, count: int, what: str) -> None:
        limit = self.group.limit
        if limit and count > limit:
            raise RuleEvaluationError(f"exceeded limit of {limit} with {count} {what}")
