"""The limits of all rules: too large a result fails its rule and changes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.evaluation.health import HealthBoard
from alerting.rules.files import parse_rule_file
from alerting.rules.group_evaluation import RuleGroupEvaluation, rule_name
from alerting.settings import RuleLimitSettings
from model.labels import Labels
from model.limits import LimitName, Refusals
from promql.syntax.parser import parse
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)
from tests.promql.scripted_engine import ScriptedEngine

RULES = """
groups:
- name: g
  rules:
  - {alert: Many, expr: x > 5}
  - {alert: Others, expr: y > 5}
  - {record: x:doubled, expr: 2 * x}
"""


class Bench:
    def __init__(self, records: WatchedAlerts) -> None:
        self.engine, self.appender = ScriptedEngine(), MemoryAppender()
        self.refusals = Refusals()
        self.settings = RuleLimitSettings(series_per_rule=5, alerts_per_rule=3, alerts=4)
        self.board = HealthBoard(SetClock())
        self.book = AlertBook(records, RecordingPipeline().run, lambda changes: None)
        [self.group] = parse_rule_file(RULES, Path("rules.yml"), parse)
        self.evaluation = RuleGroupEvaluation(
            self.group,
            self.engine,
            self.appender,
            self.book,
            self.board,
            refusals=self.refusals,
            limits=lambda: self.settings,
        )
        self.now_ms = NOW_MS

    async def with_results(self, many: int = 0, others: int = 0, series: int = 1) -> list[str]:
        """Evaluate with results of these sizes; return the errors of the three rules."""
        sizes = {"x > 5": many, "y > 5": others, "2 * x": series}
        for query, size in sizes.items():
            self.engine.answers[query] = {Labels.of(n=str(n)): 9.0 for n in range(size)}
        self.now_ms += 15_000
        await self.evaluation.evaluate(self.now_ms)
        return [self.board[rule_name(self.group, position)].error for position in range(3)]

    def refused(self) -> dict[str, int]:
        return {name.value: count for name, count in self.refusals.totals().items() if count}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_records(tmp_path / "records.db") as records:
        yield Bench(records)


async def test_rule_with_too_many_alerts_fails_and_keeps_those_it_has(bench: Bench) -> None:
    assert await bench.with_results(many=3) == ["", "", ""]
    error, *_ = await bench.with_results(many=4)
    assert error == (
        "4 alerts exceed the limit of 3 (alerting.limits.alerts_per_rule):"
        " aggregate the expression, or raise the limit"
    )
    assert bench.book.count("g/Many") == 3
    assert bench.refused() == {LimitName.RULE_ALERTS: 1}
    assert await bench.with_results(many=1) == ["", "", ""]
    assert bench.book.count("g/Many") == 1


async def test_one_rule_cannot_take_the_alerts_of_all(bench: Bench) -> None:
    assert await bench.with_results(many=3, others=1) == ["", "", ""]
    _, error, _ = await bench.with_results(many=3, others=2)
    assert error.startswith("5 alerts in all exceed the limit of 4 (alerting.limits.alerts)")
    assert bench.refused() == {LimitName.ALERTS: 1}
    # Over the limit, rules that add nothing go on.
    bench.settings = RuleLimitSettings(series_per_rule=5, alerts_per_rule=3, alerts=1)
    assert await bench.with_results(many=3, others=0) == ["", "", ""]


async def test_recording_rule_with_too_many_series_fails(bench: Bench) -> None:
    await bench.with_results(series=5)
    before = bench.appender.last["rules/rules.yml;g;2"]
    *_, error = await bench.with_results(series=6)
    assert error.startswith("6 series exceed the limit of 5 (alerting.limits.series_per_rule)")
    assert bench.appender.last["rules/rules.yml;g;2"] == before
    assert bench.refused() == {LimitName.RULE_SERIES: 1}
