"""Back-tests rules: when each would have fired on stored samples.

A month is evaluated in stretches: one range query for each expression and stretch, and then
each alert is taken through its states (`condition_runs`). Recording rules of the same groups
are evaluated first, and rules read what they would have recorded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.book.lifecycle import INACTIVE, Lifecycle
from alerting.errors import BacktestTooLargeError, RuleEvaluationError
from alerting.rules.definitions import AlertingRule, RecordingRule, RuleGroup
from alerting.rules.expansion import TemplateExpander
from alerting.simulation.condition_runs import CLEAR, HOLDS, LINGERS, MISSING, is_tracked, walk
from alerting.simulation.memory_samples import MemorySamples
from alerting.simulation.recorded_series import RecordedOverStored, RecordedRule
from alerting.simulation.simulated_groups import MakeEngine
from model.durations import format_duration
from model.labels import Labels
from model.series import AlignedSeries, Values, absent_vector, is_absent
from promql.api import PromQLError, QueryEngine
from storage.api.alerts import AlertState
from storage.api.samples import SampleReader

MAX_EVALUATIONS: Final = 2_000_000
"""Evaluations of all rules together: 40 rules a minute for a month."""
MAX_LISTED: Final = 1_000
"""Alerts that are listed for each rule; all are counted."""
MAX_RECORDED: Final = 20_000_000
"""Values that recording rules keep in memory, 8 bytes each."""
MAX_EXPANSIONS: Final = 200_000
"""Expansions of label templates that depend on the value."""
_STEPS: Final = 1_000

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FiredInTest:
    """An alert that would have fired.

    Attributes:
        active_ms: when its condition began to hold.
        resolved_ms: when it would have ended, None if not before the end of the test.
        value: of the expression when it fired.
    """

    labels: Labels
    annotations: Labels
    active_ms: int
    fired_ms: int
    value: float
    resolved_ms: int | None = None


@dataclass(slots=True)
class RuleBacktest:
    """The result of one rule.

    Attributes:
        name: of the alert or the recorded metric.
        fired: how many alerts would have fired.
        firing_ms: how long they would have fired in all.
        alerts: the first of them, oldest first.
        series: how many series had a result at some time.
        problem: why evaluations failed, "" if none did.
    """

    group: str
    name: str
    is_alerting: bool
    fired: int = 0
    firing_ms: int = 0
    alerts: list[FiredInTest] = field(default_factory=list)
    series: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BacktestRange:
    """The tested time, both ends included, and the interval of groups without one."""

    start_ms: int
    end_ms: int
    interval_ms: int


class Backtest:
    """One back-test of some groups.

    Args:
        reader: the stored samples.
        make_engine: returns an engine over samples; nothing else uses it.
        external_url: for templates.
        stopping: returns why the back-test must stop now, "" to go on.

    Raises:
        BacktestTooLargeError: it would take too long; the message says how to make it smaller.
    """

    def __init__(
        self,
        groups: Sequence[RuleGroup],
        tested: BacktestRange,
        reader: SampleReader,
        make_engine: MakeEngine,
        external_url: str = "",
        stopping: Callable[[], str] = lambda: "",
    ) -> None:
        self._tested, self._stopping = tested, stopping
        _check_size(groups, tested)
        self._recorded = MemorySamples()
        rules = [rule for group in groups for rule in group.rules]
        metrics = {rule.name for rule in rules if isinstance(rule, RecordingRule)}
        samples = RecordedOverStored(reader, self._recorded, metrics) if metrics else reader
        self._engine = make_engine(samples, tested.interval_ms)
        self._groups = [
            _TestedGroup(group, tested, self._engine, self._recorded, external_url)
            for group in groups
        ]

    async def run(self) -> list[RuleBacktest]:
        """Evaluate everything.

        Raises:
            BacktestTooLargeError: the rules record too much.
        """
        intervals = [group.interval_ms for group in self._groups]
        stretch_ms = max([_STEPS * min(intervals, default=0), *intervals])
        start_ms = self._tested.start_ms
        try:
            while start_ms <= self._tested.end_ms and self._groups:
                end_ms = min(start_ms + stretch_ms - 1, self._tested.end_ms)
                for group in self._groups:
                    reason = self._stopping()
                    if reason:
                        raise BacktestTooLargeError(reason)
                    await group.evaluate(start_ms, end_ms)
                start_ms = end_ms + 1
            return [result for group in self._groups for result in group.results()]
        finally:
            await self._engine.close()


def _check_size(groups: Sequence[RuleGroup], tested: BacktestRange) -> None:
    length_ms = tested.end_ms - tested.start_ms
    count = sum(
        len(group.rules) * (length_ms // (group.interval_ms or tested.interval_ms) + 1)
        for group in groups
    )
    if count > MAX_EVALUATIONS:
        raise BacktestTooLargeError(
            f"{count:,} evaluations of rules in {format_duration(length_ms)} exceed the limit of"
            f" {MAX_EVALUATIONS:,}: test a shorter time, fewer rules, or a longer interval"
        )


class _TestedGroup:
    """One group while it is tested."""

    def __init__(
        self,
        group: RuleGroup,
        tested: BacktestRange,
        engine: QueryEngine,
        recorded: MemorySamples,
        external_url: str,
    ) -> None:
        self.interval_ms = group.interval_ms or tested.interval_ms
        expander = TemplateExpander(engine, external_url, group.external_labels)
        self._offset_ms = group.offset_ms or 0
        self._rules = [
            _TestedRecording(group, rule, engine, recorded)
            if isinstance(rule, RecordingRule)
            else _TestedAlert(group, rule, engine, expander)
            for rule in group.rules
        ]

    async def evaluate(self, start_ms: int, end_ms: int) -> None:
        """Evaluate every rule at the times of the group in a stretch."""
        first_ms = start_ms + -start_ms % self.interval_ms
        times = np.arange(first_ms, end_ms + 1, self.interval_ms, dtype=np.int64)
        if not len(times):
            return
        for rule in self._rules:
            if rule.result.problem:
                continue
            try:
                await rule.evaluate(_Stretch(times, self.interval_ms, self._offset_ms))
            except (PromQLError, RuleEvaluationError) as exc:
                rule.result.problem = str(exc)

    def results(self) -> list[RuleBacktest]:
        """Return the results, in the order of the rules."""
        return [rule.finished() for rule in self._rules]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some evaluations of one group."""

    times_ms: Times
    interval_ms: int
    offset_ms: int

    async def rows(self, engine: QueryEngine, query: str) -> dict[Labels, Values]:
        """Return the values of each series at the evaluations, ABSENT where it has none."""
        start_ms, end_ms = int(self.times_ms[0]), int(self.times_ms[-1])
        start_ms, end_ms = start_ms - self.offset_ms, end_ms - self.offset_ms
        value = (await engine.range(query, start_ms, end_ms, self.interval_ms)).value
        if not isinstance(value, AlignedSeries):
            raise RuleEvaluationError("the expression gives neither a vector nor a scalar")
        found = {}
        for row, labels in enumerate(value.labels):
            values = absent_vector(len(self.times_ms))
            places = (value.times_ms[value.rows[row]] - start_ms) // self.interval_ms
            inside = places < len(values)
            values[places[inside]] = value.values[row][inside]
            found[labels] = values
        return found


class _TestedRecording:
    """A recording rule while it is tested."""

    def __init__(
        self, group: RuleGroup, rule: RecordingRule, engine: QueryEngine, samples: MemorySamples
    ) -> None:
        self.result = RuleBacktest(group.name, rule.name, is_alerting=False)
        self._rule, self._engine, self._samples = rule, engine, samples
        self._recorded = RecordedRule()
        self._seen: set[Labels] = set()

    async def evaluate(self, stretch: _Stretch) -> None:
        """Record the results of a stretch."""
        rows = await stretch.rows(self._engine, self._rule.expression)
        named = {self._rule.labels_of(labels): values for labels, values in rows.items()}
        if len(named) < len(rows):
            raise RuleEvaluationError("the result has several series with the same labels")
        self._seen |= named.keys()
        series = self._recorded.series(named, len(stretch.times_ms))
        if self._recorded.samples > MAX_RECORDED:
            raise BacktestTooLargeError(
                f"{self._rule.name} records more than {MAX_RECORDED:,} values:"
                " test a shorter time, or aggregate the expression"
            )
        start_ms = int(stretch.times_ms[0]) - stretch.offset_ms
        self._samples.load(series, start_ms, stretch.interval_ms)

    def finished(self) -> RuleBacktest:
        """Return the result."""
        self.result.series = len(self._seen)
        return self.result


class _TestedAlert:
    """An alerting rule while it is tested."""

    def __init__(
        self,
        group: RuleGroup,
        rule: AlertingRule,
        engine: QueryEngine,
        expander: TemplateExpander,
    ) -> None:
        self.result = RuleBacktest(group.name, rule.name, is_alerting=True)
        self._rule, self._engine, self._expander = rule, engine, expander
        self._lifecycles: dict[Labels, Lifecycle] = {}
        self._open: dict[Labels, FiredInTest] = {}
        # The series behind each alert: annotations know its labels, not those of the alert.
        self._series: dict[Labels, Labels] = {}
        self._last_ms = 0
        self._expansions_left = MAX_EXPANSIONS
        self._varies = any(_depends_on_value(text.source) for text in rule.labels.values())

    async def evaluate(self, stretch: _Stretch) -> None:
        """Take every alert of the rule through a stretch."""
        times, count = stretch.times_ms, len(stretch.times_ms)
        holds = await self._alerts(stretch, self._rule.expression)
        lingers: dict[Labels, Values] = {}
        known: dict[Labels, Values] = {}
        if self._rule.recovery:
            lingers = await self._alerts(stretch, self._rule.recovery)
        if self._rule.data:
            known = await self._alerts(stretch, self._rule.data)
        for labels in sorted(holds.keys() | self._lifecycles.keys()):
            codes = np.full(count, MISSING if self._rule.data else CLEAR, dtype=np.int8)
            for rows, code in ((known, CLEAR), (lingers, LINGERS), (holds, HOLDS)):
                if labels in rows:
                    codes[~is_absent(rows[labels])] = code
            before = self._lifecycles.pop(labels, INACTIVE)
            after, changes = walk(before, codes, times, self._rule.timing)
            if is_tracked(after):
                self._lifecycles[labels] = after
            for change in changes:
                now_ms = int(times[change.step])
                # Not every change to FIRING: a *no data* alert that fires on has fired before.
                if change.lifecycle.fired_ms is not None and labels not in self._open:
                    value = float(holds[labels][change.step])
                    await self._fire(labels, change.lifecycle.active_ms, now_ms, value)
                elif change.lifecycle.state is AlertState.RESOLVED:
                    self._resolve(labels, now_ms)
        self._last_ms = int(times[-1])

    async def _fire(self, labels: Labels, active_ms: int, now_ms: int, value: float) -> None:
        annotations = Labels()
        if self.result.fired < MAX_LISTED:
            sample = [(self._series[labels], value)]
            (annotations,) = await self._expander.annotations(self._rule, sample, now_ms)
        self.result.fired += 1
        self._open[labels] = FiredInTest(labels, annotations, active_ms, now_ms, value)

    def _resolve(self, labels: Labels, now_ms: int | None) -> None:
        fired = self._open.pop(labels)
        self.result.firing_ms += (self._last_ms if now_ms is None else now_ms) - fired.fired_ms
        if len(self.result.alerts) < MAX_LISTED:
            self.result.alerts.append(replace(fired, resolved_ms=now_ms))

    def finished(self) -> RuleBacktest:
        """Return the result, with the alerts that still fire."""
        for labels in list(self._open):
            self._resolve(labels, None)
        self.result.alerts.sort(key=lambda each: (each.fired_ms, each.labels))
        self.result.series = len(self._series)
        return self.result

    async def _alerts(self, stretch: _Stretch, query: str) -> dict[Labels, Values]:
        """Return the values of the alerts that the series of a result are."""
        rows = await stretch.rows(self._engine, query)
        found: dict[Labels, Values] = {}
        for series, values in rows.items():
            for labels, own in await self._labelled(series, values, stretch.times_ms):
                if query == self._rule.expression:
                    self._series[labels] = series
                before = found.get(labels)
                if before is None:
                    found[labels] = own
                    continue
                if (~is_absent(before) & ~is_absent(own)).any():
                    raise RuleEvaluationError(
                        "the result has several series with the same labels after applying the"
                        f" rule's labels: {labels}"
                    )
                found[labels] = np.where(is_absent(before), own, before)
        return found

    async def _labelled(
        self, series: Labels, values: Values, times: Times
    ) -> list[tuple[Labels, Values]]:
        """Return the alerts that one series is: several if its labels depend on its value."""
        present = np.flatnonzero(~is_absent(values))
        if not len(present):
            return []
        if not self._varies:
            sample = [(series, float(values[present[0]]))]
            now_ms = int(times[present[0]])
            (labels,) = await self._expander.alert_labels(self._rule, sample, now_ms)
            return [(labels, values)]
        self._expansions_left -= len(present)
        if self._expansions_left < 0:
            raise BacktestTooLargeError(
                f"{self._rule.name}: its labels depend on the value, and more than"
                f" {MAX_EXPANSIONS:,} values make too many labels: test a shorter time"
            )
        found: dict[Labels, Values] = {}
        samples = [(series, value) for value in values[present].tolist()]
        expanded = await self._expander.alert_labels(self._rule, samples, int(times[present[0]]))
        for place, labels in zip(present.tolist(), expanded, strict=True):
            found.setdefault(labels, absent_vector(len(values)))[place] = values[place]
        return list(found.items())


def _depends_on_value(template: str) -> bool:
    """Return whether a label may differ between two samples of one series."""
    words = ("alue", "query", "args", "now", "Time")
    return "{{" in template and any(word in template for word in words)
