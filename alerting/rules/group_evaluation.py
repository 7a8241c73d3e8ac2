"""Evaluates a group of a rule file."""

from collections.abc import Callable, Iterable

from alerting.book.alert_book import AlertBook
from alerting.book.lifecycle import Condition, Lifecycle, advance
from alerting.book.observation import AlertKey, Observation
from alerting.errors import RuleEvaluationError
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.queries import OPTIONS, instant_vector, vector_of
from alerting.evaluation.series import SeriesWriter, alert_series
from alerting.rules.definitions import AlertingRule, RecordingRule, RuleGroup, by_labels
from alerting.rules.dependencies import independent_runs
from alerting.rules.expansion import TemplateExpander
from alerting.rules.group_series import GroupSeries, end_series, identities_of
from alerting.rules.rule_limits import RuleLimits
from alerting.settings import RuleLimitSettings
from model.labels import Labels
from model.limits import Refusals
from promql.api import BatchOutcome, InstantVector, QueryEngine
from storage.api.alerts import Alert, AlertState, FiredAlert
from storage.api.samples import SampleAppender

Result = dict[Labels, tuple[Labels, float]]
"""Labels and value of each series of a result, by the labels of its alert."""


def rule_name(group: RuleGroup, position: int) -> str:
    """Return the name under which `HealthBoard` keeps a rule's health."""
    return f"{group.file};{group.name};{position}"


def rule_file_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of a stored alert: all its labels, as in Prometheus."""
    return AlertKey(alert.rule, alert.labels)


class RuleGroupEvaluation:
    """Evaluates one group, again and again.

    Attributes:
        group: the group.
        series: the series that it writes.
    """

    def __init__(
        self,
        group: RuleGroup,
        engine: QueryEngine,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
        external_url: str = "",
        refusals: Refusals | None = None,
        limits: Callable[[], RuleLimitSettings] = RuleLimitSettings,
        previous: "RuleGroupEvaluation | None" = None,
    ) -> None:
        """Prepare the evaluation of a group.

        Args:
            group: the group.
            engine: answers its queries.
            appender: stores its series.
            book: keeps its alerts.
            board: gets the health of its rules.
            external_url: the address under which people reach this server.
            refusals: counts what exceeds a limit.
            limits: returns the limits of all rules.
            previous: the group before it was changed; its series go on.
        """
        self.group = group
        self._engine, self._book, self._board = engine, book, board
        self._expander = TemplateExpander(engine, external_url, group.external_labels, refusals)
        self._limits = RuleLimits(limits, book, refusals or Refusals())
        earlier = None if previous is None else previous.series
        self.series: GroupSeries = GroupSeries(group, appender, earlier)
        self._runs = independent_runs(group.rules)

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every rule; one that fails leaves its alerts and series unchanged.

        A rule over the group's limit fails too: its alerts end, its series stay unchanged.
        """
        time_ms = now_ms - (self.group.offset_ms or 0)
        for run in self._runs:
            begin = run.start
            while left := run[begin - run.start :]:
                queries = [self.group.rules[position].expression for position in left]
                outcomes = await self._engine.instant_batch(queries, time_ms, OPTIONS)
                for position, outcome in zip(left, outcomes, strict=False):
                    await self._apply(position, outcome, time_ms, now_ms)
                begin += len(outcomes)

    async def _apply(self, position: int, outcome: BatchOutcome, time_ms: int, now_ms: int) -> None:
        """Record the result of a rule, or observe its alerts, and write them."""
        rule = self.group.rules[position]
        before_ms = round(outcome.duration_s * 1000)
        with self._board.watching(rule_name(self.group, position), before_ms):
            vector = vector_of(outcome.answer())
            if isinstance(rule, RecordingRule):
                self._record(rule, self.series.recorded(position), vector, time_ms)
            else:
                await self._alert(rule, vector, time_ms, now_ms)
        self._write_alerts(position, time_ms)

    def _write_alerts(self, position: int, time_ms: int) -> None:
        """Write the alerts that are written after the rule at this position."""
        found = self.series.alerts_after(position)
        if found is not None:
            writer, identities = found
            with self._board.watching(self._alerts_name):
                writer.write(alert_series(self._open_alerts_of(identities)), time_ms)

    @property
    def _alerts_name(self) -> str:
        return f"{self.group.file};{self.group.name};ALERTS"

    def end(self, now_ms: int, successor: "RuleGroupEvaluation | None" = None) -> None:
        """Write staleness markers for the series that end, and forget the health of the rules.

        Args:
            now_ms: the current time.
            successor: the group after its change; None if it has been removed.
        """
        with self._board.watching(self._alerts_name):
            if successor is None:
                self.series.end(now_ms)
            else:
                end_series(successor.series.left, now_ms)
        kept = () if successor is None else successor.group.rules
        for position, rule in enumerate(self.group.rules):
            if kept[position : position + 1] != (rule,):
                self._board.forget(rule_name(self.group, position))

    def open_alerts(self) -> list[Alert]:
        """Return the open alerts of the group's rules."""
        return self._open_alerts_of(identities_of(self.group))

    def _open_alerts_of(self, identities: Iterable[str]) -> list[Alert]:
        return [item.alert for name in identities for item in self._book.open_alerts(name)]

    def _record(
        self, rule: RecordingRule, writer: SeriesWriter, vector: InstantVector, time_ms: int
    ) -> None:
        self._limits.check_series(len(vector.labels))
        pairs = zip(vector.labels, vector.values.tolist(), strict=True)
        values = by_labels([(rule.labels_of(labels), value) for labels, value in pairs])
        self._check_limit(len(values), "series")
        writer.write(values, time_ms)

    async def _alert(
        self, rule: AlertingRule, vector: InstantVector, time_ms: int, now_ms: int
    ) -> None:
        self._limits.check_series(len(vector.labels))
        self._limits.check_alerts(rule.identity, len(vector.labels))
        holds = await self._alerts_of(rule, vector, now_ms)
        annotations = await self._expander.annotations(rule, list(holds.values()), now_ms)
        observations = [
            Observation(
                key=AlertKey(rule.identity, labels),
                condition=Condition.HOLDS,
                timing=rule.timing,
                value=value,
                labels=labels,
                annotations=texts,
                expression=rule.expression,
            )
            for (labels, (_, value)), texts in zip(holds.items(), annotations, strict=True)
        ]
        tracked = self._book.tracked(rule.identity)
        ended = {key: at for key, at in tracked.items() if key.labels not in holds}
        if ended:
            observations += await self._ended(rule, ended, time_ms, now_ms)
        count = self._active_count(observations, now_ms) if self.group.limit else 0
        if count > self.group.limit:
            # As in Prometheus, a rule over the limit has no alerts, instead of some.
            observations = [Observation(key, Condition.WITHDRAWN, rule.timing) for key in tracked]
        await self._book.apply(observations, now_ms)
        self._check_limit(count, "alerts")

    def _active_count(self, observations: Iterable[Observation], now_ms: int) -> int:
        """Return how many alerts would be pending or firing after these observations."""
        after = []
        for each in observations:
            before = self._book.lifecycle(each.key)
            after.append(advance(before, each.condition, each.timing, now_ms, suppressed=False))
        return sum(each.state in (AlertState.PENDING, AlertState.FIRING) for each in after)

    async def _ended(
        self, rule: AlertingRule, ended: dict[AlertKey, Lifecycle], time_ms: int, now_ms: int
    ) -> list[Observation]:
        """Return observations of the alerts whose condition no longer holds."""
        lingering: Result = {}
        known: Result = {}
        # Only an alert that has fired can linger. Mostly the query is not needed.
        if rule.recovery and any(lifecycle.fired_ms is not None for lifecycle in ended.values()):
            lingering = await self._result(rule, rule.recovery, time_ms, now_ms)
        if rule.data:
            known = await self._result(rule, rule.data, time_ms, now_ms)
        observations = []
        for key in ended:
            found = lingering.get(key.labels) or known.get(key.labels)
            if key.labels in lingering:
                condition = Condition.LINGERS
            elif rule.data and found is None:
                condition = Condition.MISSING
            else:
                condition = Condition.CLEAR
            value = found[1] if found else None
            observations.append(
                Observation(key, condition, rule.timing, value, expression=rule.expression)
            )
        return observations

    async def _result(self, rule: AlertingRule, query: str, time_ms: int, now_ms: int) -> Result:
        vector = await instant_vector(self._engine, query, time_ms)
        self._limits.check_series(len(vector.labels))
        return await self._alerts_of(rule, vector, now_ms)

    async def _alerts_of(self, rule: AlertingRule, vector: InstantVector, now_ms: int) -> Result:
        """Return the series of a result by the labels of their alerts."""
        samples = list(zip(vector.labels, vector.values.tolist(), strict=True))
        labels = await self._expander.alert_labels(rule, samples, now_ms)
        return by_labels(list(zip(labels, samples, strict=True)))

    def _check_limit(self, count: int, what: str) -> None:
        limit = self.group.limit
        if limit and count > limit:
            raise RuleEvaluationError(f"exceeded limit of {limit} with {count} {what}")
