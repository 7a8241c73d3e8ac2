"""Runs unit tests of rules, as `promtool test rules` does.

Time is simulated: the groups are evaluated at each interval from the start on, the samples
up to that time are there, and alerts are compared at the evaluation before their time.

Source: Prometheus documentation, "Unit testing for rules".
"""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alerting.errors import RuleEvaluationError, RuleFileError
from alerting.evaluation.queries import instant_vector
from alerting.rules.definitions import ALERT_NAME, RuleGroup
from alerting.rules.files import ParseExpression, load_rule_files, parse_rule_file
from alerting.simulation.differences import (
    AlertTexts,
    ResultSample,
    alerts_text,
    go_duration,
    same_samples,
    samples_text,
    sorted_alerts,
    sorted_samples,
)
from alerting.simulation.memory_samples import MemorySamples
from alerting.simulation.outcomes import FileOutcome, UnitTestOutcome
from alerting.simulation.simulated_groups import MakeEngine, SimulatedGroups
from alerting.simulation.unit_test_file import (
    AlertTest,
    ExpectedAlert,
    ExpectedSample,
    ExpressionTest,
    ReadUnitTests,
    UnitTestFile,
    UnitTestGroup,
    read_unit_test_file,
)
from model.documents import DocumentError
from model.durations import format_duration
from model.labels import Labels
from model.series import Values, absent_vector, is_absent
from promql.api import PromQLError, QueryEngine
from promql.syntax.printer import quoted
from promql.syntax.series_notation import (
    Histogram,
    NotationError,
    Point,
    parse_metric,
    parse_points,
)


class RuleUnitTests:
    """Runs unit-test files.

    Args:
        parse: parses a PromQL expression.
        make_engine: returns an engine over the samples of a test.
        only: run only tests whose names match one of these expressions; none runs all.
        ignore_unknown: accept unknown keys in rule files.
        stopping: returns why the tests are to stop, "" while they are not.
    """

    def __init__(
        self,
        parse: ParseExpression,
        make_engine: MakeEngine,
        only: Sequence[re.Pattern[str]] = (),
        *,
        ignore_unknown: bool = False,
        stopping: Callable[[], str] = lambda: "",
    ) -> None:
        self._parse, self._make_engine, self._only = parse, make_engine, only
        self._ignore_unknown, self._stopping = ignore_unknown, stopping

    def load(self, path: Path) -> "LoadedUnitTests":
        """Read a file and the rule files that it names; blocks."""
        try:
            read = read_unit_test_file(path)
        except (OSError, UnicodeDecodeError, DocumentError) as exc:
            return LoadedUnitTests(FileOutcome(path, problem=str(exc)))
        file = read.file
        rule_files, missing = _rule_files(path, file)

        def groups() -> tuple[RuleGroup, ...]:
            return load_rule_files(rule_files, self._parse, ignore_unknown=self._ignore_unknown)

        return self._loaded(FileOutcome(path, missing=missing), read, groups)

    def of_texts(self, tests: ReadUnitTests, rules: str) -> "LoadedUnitTests":
        """Return the tests of a text with the rules of another; reads no files."""

        def groups() -> tuple[RuleGroup, ...]:
            return tuple(parse_rule_file(rules, Path("rules"), self._parse))

        return self._loaded(FileOutcome(Path("tests")), tests, groups)

    def _loaded(
        self, outcome: FileOutcome, read: ReadUnitTests, load: Callable[[], tuple[RuleGroup, ...]]
    ) -> "LoadedUnitTests":
        file = read.file
        repeated = file.repeated_group()
        if repeated is not None:
            problem = f"group name repeated in evaluation order: {repeated}"
            return LoadedUnitTests(replace(outcome, problem=problem))
        groups: tuple[RuleGroup, ...] = ()
        refusal = ""
        try:
            groups = load()
        except RuleFileError as exc:
            refusal = str(exc)
        chosen = [
            (
                test.name or f"unnamed#{number}",
                _RunningTest(
                    test,
                    file,
                    groups,
                    self._make_engine,
                    read.refusals.get(number, ()),
                    self._stopping,
                ),
            )
            for number, test in enumerate(file.groups)
            if not self._only or any(pattern.search(test.name) for pattern in self._only)
        ]
        return LoadedUnitTests(outcome, tuple(chosen), refusal)


@dataclass(frozen=True, slots=True)
class LoadedUnitTests:
    """A unit-test file that has been read.

    Attributes:
        outcome: what is known before the tests run.
        tests: the tests by name.
        refusal: why the rule files are invalid, "" if they are not; each test fails with it.
    """

    outcome: FileOutcome
    tests: "tuple[tuple[str, _RunningTest], ...]" = ()
    refusal: str = ""

    async def run(self) -> FileOutcome:
        """Run the tests."""
        outcomes = []
        for name, test in self.tests:
            failures = [self.refusal] if self.refusal else await test.failures()
            outcomes.append(UnitTestOutcome(name, tuple(failures)))
        return replace(self.outcome, tests=tuple(outcomes))


def _rule_files(path: Path, file: UnitTestFile) -> tuple[list[Path], tuple[str, ...]]:
    """Return the rule files of a unit-test file, and the patterns that match none."""
    found: list[Path] = []
    missing = []
    for pattern in file.rule_files:
        absolute = str(path.parent / pattern) if pattern else ""
        paths = sorted(glob.glob(absolute))  # noqa: PTH207 - a pattern may be absolute
        found += map(Path, paths)
        if not paths:
            missing.append(absolute)
    return found, tuple(missing)


def _ordered(groups: Sequence[RuleGroup], file: UnitTestFile) -> list[RuleGroup]:
    """Return groups in their order of evaluation; those without a place come first."""
    places = {name: place for place, name in enumerate(file.group_eval_order)}
    return sorted(groups, key=lambda group: places.get(group.name, 0))


class _RunningTest:
    """One test while it runs."""

    def __init__(
        self,
        test: UnitTestGroup,
        file: UnitTestFile,
        groups: Sequence[RuleGroup],
        make_engine: MakeEngine,
        refusals: Sequence[str],
        stopping: Callable[[], str],
    ) -> None:
        self._test, self._make_engine, self._fuzzy = test, make_engine, file.fuzzy_compare
        self._refusals, self._stopping = refusals, stopping
        self._interval_ms, self._step_ms = file.interval_ms, test.interval or file.interval_ms
        external = Labels.of(test.external_labels)
        ordered = _ordered(groups, file)
        self._groups = [replace(group, external_labels=external) for group in ordered]
        self._start_ms = test.start_timestamp

    async def failures(self) -> list[str]:
        """Run the test and return its failures; what cannot be tested fails with its place."""
        if self._refusals:
            return list(self._refusals)
        samples = MemorySamples()
        try:
            samples.load(_input_series(self._test), self._start_ms, self._step_ms)
        except NotationError as exc:
            return [str(exc)]
        named = f" (in TestGroup {self._test.name})" if self._test.name else ""
        for test in self._test.alert_tests:
            if not test.alertname:
                missing = (
                    "an item under alert_rule_test misses required attribute alertname at"
                    f" eval_time {format_duration(test.eval_time)}{named}"
                )
                return [missing]
        engine = self._make_engine(samples, self._interval_ms)
        try:
            return await self._run(samples, engine)
        finally:
            await engine.close()

    async def _run(self, samples: MemorySamples, engine: QueryEngine) -> list[str]:
        simulated = SimulatedGroups(self._groups, engine, samples, self._test.external_url)
        failures: list[str] = []
        waiting = sorted(self._test.alert_tests, key=lambda test: test.eval_time)
        for since_ms in range(0, self._test.last_ms + 1, self._interval_ms):
            if reason := self._stopping():
                return [*failures, reason]
            samples.visible_until_ms = self._start_ms + since_ms
            failed = await simulated.evaluate(self._start_ms + since_ms)
            if failed:
                return failures + [
                    f"    rule: {name}, time: {go_duration(since_ms)}, err: {error}"
                    for name, error in failed
                ]
            while waiting and waiting[0].eval_time < since_ms + self._interval_ms:
                failures += self._alert_failures(waiting.pop(0), simulated)
        samples.visible_until_ms = None
        for test in self._test.expression_tests:
            if reason := self._stopping():
                return [*failures, reason]
            failures += await self._expression_failures(test, engine)
        return failures

    def _alert_failures(self, test: AlertTest, simulated: SimulatedGroups) -> Iterator[str]:
        """Yield the difference between the alerts that fire and those that must."""
        got = sorted_alerts(
            [
                AlertTexts(
                    dict(alert.labels),
                    # Prometheus keeps annotations without text, and a test names them.
                    {name: alert.annotations.get(name) for name in rule.annotations},
                )
                for rule, alert in simulated.firing(test.alertname)
            ]
        )
        expected = sorted_alerts(
            [
                AlertTexts({**each.exp_labels, ALERT_NAME: test.alertname}, each.exp_annotations)
                for each in (alert or ExpectedAlert() for alert in test.exp_alerts)
            ]
        )
        if expected != got:
            name = f"    name: {self._test.name},\n" if self._test.name else ""
            yield (
                f"{name}    alertname: {test.alertname}, time: {format_duration(test.eval_time)}, "
                f"\n        exp:{alerts_text(expected)}, \n        got:{alerts_text(got)}"
            )

    async def _expression_failures(self, test: ExpressionTest, engine: QueryEngine) -> list[str]:
        """Return the difference between the result of an expression and the expected one."""
        title = f"    expr: {quoted(test.expr)}, time: {format_duration(test.eval_time)}"
        try:
            vector = await instant_vector(engine, test.expr, self._start_ms + test.eval_time)
            expected = sorted_samples([_expected(each) for each in test.exp_samples])
        except RuleEvaluationError:
            return [f"{title}, err: rule result is not a vector or scalar"]
        except (PromQLError, NotationError) as exc:
            return [f"{title}, err: {exc}"]
        pairs = zip(vector.labels, vector.values.tolist(), strict=True)
        got = sorted_samples([ResultSample(dict(labels), value) for labels, value in pairs])
        if same_samples(expected, got, fuzzy=self._fuzzy):
            return []
        difference = f"exp: {samples_text(expected)}\n        got: {samples_text(got)}"
        return [f"{title},\n        {difference}"]


def _expected(sample: ExpectedSample | None) -> ResultSample:
    if sample is None:
        return ResultSample({}, 0.0)
    try:
        labels = parse_metric(sample.labels)
    except NotationError as exc:
        raise NotationError(f"labels {quoted(sample.labels)}: {exc}") from exc
    return ResultSample(dict(labels), sample.value)


def _input_series(test: UnitTestGroup) -> list[tuple[Labels, Values]]:
    """Return the series of a test; of a series that stands twice, the later samples count.

    Raises:
        NotationError: a series is malformed.
    """
    found: dict[Labels, Values] = {}
    for given in test.input_series:
        if given is None:
            continue
        title = f"input series {quoted(given.series)}"
        try:
            labels = parse_metric(given.series)
            values = _values(parse_points(given.values))
        except NotationError as exc:
            raise NotationError(f"{title}: {exc}") from exc
        before = found.get(labels)
        found[labels] = values if before is None else _overlaid(before, values)
    return list(found.items())


def _values(points: Sequence[Point]) -> Values:
    values = absent_vector(len(points))
    for place, point in enumerate(points):
        # A test with native histograms is refused before it runs.
        if point is not None and not isinstance(point, Histogram):
            values[place] = point
    return values


def _overlaid(lower: Values, upper: Values) -> Values:
    """Return the values of `upper`, and those of `lower` where it has none."""
    merged = absent_vector(max(len(lower), len(upper)))
    merged[: len(lower)] = lower
    known = np.flatnonzero(~is_absent(upper))
    merged[known] = upper[known]
    return merged
