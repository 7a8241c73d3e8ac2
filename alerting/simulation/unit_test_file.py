"""The unit-test files of promtool, as pydantic models.

Source: Prometheus documentation, "Unit testing for rules".
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from alerting.rules.file_models import RuleFileModel
from model.documents import Place, parse_document, validate
from model.process.regular_files import read_regular_text
from model.quantities import DurationMs, TextMap, YamlBool
from promql.syntax.series_notation import Histogram, NotationError, parse_points

DEFAULT_INTERVAL_MS = 60_000
_NO_HISTOGRAMS = "native histograms are not supported: the store keeps floats only (docs/promql.md)"
_LATEST_MS = 253_402_300_799_999
_REPETITION = re.compile(r"x(\d{1,18})")
_NOT_FINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def _yaml_float(value: object) -> object:
    """Return a number as YAML writes it: 1e3, .inf, -.Inf, .nan, 1_000, 0x1F."""
    if not isinstance(value, str):
        return value
    match = _NOT_FINITE.fullmatch(value)
    if match is not None:
        return float(f"{match[1]}inf") if match[1] is not None else float("nan")
    plain = value.replace("_", "")
    try:
        return float(int(plain, 0)) if plain[:2].lower() in ("0x", "0o", "0b") else float(plain)
    except ValueError as exc:
        raise ValueError(f'"{value}" is not a number') from exc


def _start_ms(value: object) -> object:
    """Return a start time, RFC 3339 or Unix seconds, in Unix milliseconds."""
    if not isinstance(value, str):
        return value
    try:
        start_ms = round(float(value) * 1000)
    except (ValueError, OverflowError):
        pass
    else:
        if abs(start_ms) > _LATEST_MS:
            raise ValueError(f'"{value}" is beyond the year 9999')
        return start_ms
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError as exc:
        raise ValueError(f'"{value}" is neither a Unix time nor as 2026-01-31T12:00:00Z') from exc
    if moment.tzinfo is None:
        raise ValueError(f'"{value}" has no time zone: write 2026-01-31T12:00:00Z')
    return round(moment.timestamp() * 1000)


YamlFloat = Annotated[float, BeforeValidator(_yaml_float)]
StartMs = Annotated[int, BeforeValidator(_start_ms)]


class InputSeries(RuleFileModel):
    """A series with its samples, one for each interval of the test."""

    series: str = ""
    values: str = ""


class ExpectedAlert(RuleFileModel):
    """An alert that must fire; `alertname` is added to its labels."""

    exp_labels: TextMap = Field(default_factory=dict)
    exp_annotations: TextMap = Field(default_factory=dict)


class AlertTest(RuleFileModel):
    """The firing alerts of one name at one time."""

    eval_time: DurationMs = 0
    alertname: str = ""
    exp_alerts: tuple[ExpectedAlert | None, ...] = ()


class ExpectedSample(RuleFileModel):
    """A series of a result; `histogram` is a native histogram in the notation of series."""

    labels: str = ""
    value: YamlFloat = 0.0
    histogram: str = ""


class ExpressionTest(RuleFileModel):
    """The result of an expression at one time."""

    expr: str = ""
    eval_time: DurationMs = 0
    exp_samples: tuple[ExpectedSample | None, ...] = ()


class UnitTestGroup(RuleFileModel):
    """One test: series, and what rules and expressions must make of them.

    Attributes:
        interval: between two samples of a series; the file's interval if it is 0.
        start_timestamp: the time of the first samples, to which each `eval_time` is relative.
    """

    interval: DurationMs = 0
    input_series: tuple[InputSeries | None, ...] = ()
    alert_rule_test: tuple[AlertTest | None, ...] = ()
    promql_expr_test: tuple[ExpressionTest | None, ...] = ()
    external_labels: TextMap = Field(default_factory=dict)
    external_url: str = ""
    name: str = ""
    start_timestamp: StartMs = 0

    @property
    def alert_tests(self) -> tuple[AlertTest, ...]:
        """The tests of alerts; an empty one has no name and fails."""
        return tuple(test or AlertTest() for test in self.alert_rule_test)

    @property
    def expression_tests(self) -> tuple[ExpressionTest, ...]:
        """The tests of expressions."""
        return tuple(test or ExpressionTest() for test in self.promql_expr_test)

    @property
    def last_ms(self) -> int:
        """The latest time at which something is tested, relative to the start."""
        times = [test.eval_time for test in self.alert_tests]
        return max([*times, *(test.eval_time for test in self.expression_tests)], default=0)


class UnitTestFile(RuleFileModel):
    """A unit-test file.

    Attributes:
        group_eval_order: the groups that are evaluated in this order.
        fuzzy_compare: accept a value that is the next float to the expected one.
    """

    rule_files: tuple[str | None, ...] = ()
    evaluation_interval: DurationMs = 0
    group_eval_order: tuple[str, ...] = ()
    tests: tuple[UnitTestGroup | None, ...] = ()
    fuzzy_compare: YamlBool = False

    @property
    def interval_ms(self) -> int:
        """How often the rules are evaluated."""
        return self.evaluation_interval or DEFAULT_INTERVAL_MS

    @property
    def groups(self) -> tuple[UnitTestGroup, ...]:
        """The tests, in order."""
        return tuple(test or UnitTestGroup() for test in self.tests)

    @property
    def points(self) -> int:
        """At most so many samples that the series of the tests have, without reading them."""
        values = [series.values for test in self.groups for series in test.input_series if series]
        repeated = sum(int(count) for text in values for count in _REPETITION.findall(text))
        return repeated + sum(len(text.split()) for text in values)

    @property
    def evaluations(self) -> int:
        """How often the groups of rules are evaluated."""
        return sum(test.last_ms // self.interval_ms + 1 for test in self.groups)

    def repeated_group(self) -> str | None:
        """Return the first name that `group_eval_order` has twice, None if there is none."""
        order = self.group_eval_order
        return next((name for at, name in enumerate(order) if name in order[:at]), None)


@dataclass(frozen=True, slots=True)
class ReadUnitTests:
    """A unit-test file, and what Redshank cannot test, by the number of the test.

    Attributes:
        file: the file.
        refusals: a line for each native histogram of a test, with its place in the file.
    """

    file: UnitTestFile
    refusals: Mapping[int, Sequence[str]]


def read_unit_test_file(path: Path) -> ReadUnitTests:
    """Return a unit-test file; blocks.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read.
        DocumentError: it is not a unit-test file; lists every problem with its line.
    """
    return parse_unit_tests(read_regular_text(path), str(path))


def parse_unit_tests(text: str, path: str) -> ReadUnitTests:
    """Return the unit tests of a text; errors name `path`.

    Raises:
        DocumentError: they are malformed; lists every problem with its line.
    """
    document = parse_document(text, path, plain_text=True)
    if document.data is None:
        return ReadUnitTests(UnitTestFile(), {})
    file = validate(UnitTestFile, document)
    found: dict[int, list[str]] = {}
    for place in _histograms(file):
        name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
        line = f"{path}:{document.line(place)}: {name.removeprefix('.')}: {_NO_HISTOGRAMS}"
        found.setdefault(int(place[1]), []).append(line)
    return ReadUnitTests(file, found)


def _histograms(file: UnitTestFile) -> Iterator[Place]:
    """Yield the place of each native histogram: in the values of series, and in results."""
    for number, test in enumerate(file.groups):
        for at, series in enumerate(test.input_series):
            if series is not None and _has_histogram(series.values):
                yield ("tests", number, "input_series", at, "values")
        for at, expression in enumerate(test.expression_tests):
            for index, sample in enumerate(expression.exp_samples):
                if sample is not None and sample.histogram:
                    place: Place = ("tests", number, "promql_expr_test", at, "exp_samples", index)
                    yield (*place, "histogram")


def _has_histogram(values: str) -> bool:
    try:
        # Only the notation of histograms has braces.
        return "{{" in values and any(isinstance(each, Histogram) for each in parse_points(values))
    except NotationError:
        # The test fails with the error of the notation.
        return False
