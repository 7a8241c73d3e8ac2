from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import structlog

from alerting.book.alert_book import AlertBook
from alerting.evaluation.health import HealthBoard
from alerting.rules.files import parse_rule_file
from alerting.rules.group_evaluation import RuleGroupEvaluation, rule_file_key, rule_name
from model.labels import Labels
from promql.api import Answer, EvaluationError, QueryOptions, Scalar, String
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)
from tests.promql.scripted_engine import ScriptedEngine

MINUTE_MS = 60_000
SAMPLE = Labels.of(__name__="x", instance="a")

ALERT = """
groups:
- name: g
  limit: 2
  rules:
  - alert: High
    expr: x > 5
    for: 1m
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.instance }} at {{ $value }}"}
"""
HYSTERESIS = ALERT + "    recovery_expr: x > 4\n    data_expr: x\n    no_data_for: 2m\n"
RECORD = """
groups:
- name: g
  query_offset: 10s
  rules:
  - record: x:doubled
    expr: 2 * x
    labels: {team: ops}
  - record: answer
    expr: "42"
"""


class Bench:
    """One group over a canned engine."""

    def __init__(self, records: WatchedAlerts, text: str = ALERT) -> None:
        self.engine, self.appender = ScriptedEngine(), MemoryAppender()
        self.pipeline = RecordingPipeline()
        self.board = HealthBoard(SetClock())
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        [group] = parse_rule_file(text, Path("rules.yml"), lambda expression: None)
        self.group = replace(group, external_labels=Labels.of(replica="r1"))
        self.evaluation = RuleGroupEvaluation(
            self.group, self.engine, self.appender, self.book, self.board
        )

    @property
    def notified(self) -> list[str]:
        """Every notice so far: status and summary."""
        return [
            f"{item.status.value}: {item.alert.annotations.get('summary')}"
            for item in self.pipeline.notices
        ]

    async def at(self, minutes: float, **results: object) -> None:
        """Evaluate with these results: `holds`, `lingers`, `data`."""
        queries = {"holds": "x > 5", "lingers": "x > 4", "data": "x"}
        for name, result in results.items():
            self.engine.answers[queries[name]] = result  # type: ignore[assignment]
        await self.evaluation.evaluate(NOW_MS + round(minutes * MINUTE_MS))

    @property
    def states(self) -> list[str]:
        return [item.alert.state.value for item in self.book.open_alerts()]

    @property
    def error(self) -> str:
        return self.board[rule_name(self.group, 0)].error


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


async def test_alerting_rule_waits_fires_and_recovers(records: WatchedAlerts) -> None:
    bench = Bench(records)
    await bench.at(0, holds={SAMPLE: 7.0})
    assert bench.states == ["pending"]
    await bench.at(1, holds={SAMPLE: 8.5})
    assert bench.notified == ["firing: a at 8.5"]
    [item] = bench.book.open_alerts("g/High")
    assert item.alert.labels == Labels.of(alertname="High", instance="a", severity="warning")
    await bench.at(2, holds={})
    assert bench.notified[1:] == ["resolved: a at 8.5"]
    assert bench.states == []


async def test_templates_run_queries_at_the_time_of_the_evaluation_and_know_this_server(
    records: WatchedAlerts,
) -> None:
    text = ALERT.replace("  limit: 2", "  limit: 2\n  query_offset: 30s").replace(
        "{{ $labels.instance }} at", "{{ $externalLabels.replica }} {{ query `up` | len }} at"
    )
    bench = Bench(records, text)
    bench.engine.answers["up"] = {SAMPLE: 1.0}
    await bench.at(0, holds={SAMPLE: 7.0})
    [item] = bench.book.open_alerts("g/High")
    assert item.alert.annotations.get("summary") == "r1 1 at 7"
    # As in Prometheus, the offset is for the rule's own query only.
    times = {query: time_ms for query, time_ms, _, _ in bench.engine.asked}
    assert times == {"x > 5": NOW_MS - 30_000, "up": NOW_MS}


async def test_alerts_are_written_as_series_that_end_with_them(records: WatchedAlerts) -> None:
    bench = Bench(records)
    stream = "alerts/rules.yml;g"
    await bench.at(0, holds={SAMPLE: 7.0})
    labels = Labels.of(alertname="High", instance="a", severity="warning")
    pending = labels.overlaid(Labels.of(__name__="ALERTS", alertstate="pending"))
    since = labels.overlaid(Labels.of(__name__="ALERTS_FOR_STATE"))
    assert bench.appender.last[stream] == {pending: 1.0, since: NOW_MS / 1000}
    await bench.at(1)
    assert {key.get("alertstate") for key in bench.appender.last[stream]} == {"firing", ""}
    await bench.at(2, holds={})
    assert bench.appender.last[stream] == {}


async def test_without_hysteresis_only_the_condition_is_queried(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    await bench.at(0, holds={SAMPLE: 7.0})
    await bench.at(1)
    await bench.at(2, holds={})
    assert {query for query, *_ in bench.engine.asked} == {"x > 5"}


async def test_alert_keeps_firing_while_the_recovery_expression_holds(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records, HYSTERESIS)
    await bench.at(0, holds={SAMPLE: 7.0}, data={SAMPLE: 7.0})
    await bench.at(1)
    await bench.at(2, holds={}, lingers={SAMPLE: 4.5}, data={SAMPLE: 4.5})
    [item] = bench.book.open_alerts()
    assert (item.alert.state, item.alert.value) == ("firing", 4.5)
    await bench.at(3, lingers={}, data={SAMPLE: 3.0})
    assert len(bench.notified) == 2
    assert (await records.resolved(1))[0].value == 3.0


async def test_pending_alert_does_not_linger(records: WatchedAlerts) -> None:
    bench = Bench(records, HYSTERESIS)
    await bench.at(0, holds={SAMPLE: 7.0})
    await bench.at(0.5, holds={}, lingers={SAMPLE: 4.5}, data={SAMPLE: 4.5})
    assert bench.states == []
    assert "x > 4" not in {query for query, *_ in bench.engine.asked}


async def test_missing_series_is_no_data_and_returns_without_a_notification(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records, HYSTERESIS)
    await bench.at(0, holds={SAMPLE: 7.0}, data={SAMPLE: 7.0})
    await bench.at(1)
    for minutes in (2, 3):
        await bench.at(minutes, holds={}, data={})
        assert bench.states == ["firing"]
    await bench.at(4)
    assert bench.states == ["no_data"]
    await bench.at(5, holds={SAMPLE: 7.0}, data={SAMPLE: 7.0})
    assert bench.states == ["firing"]
    assert len(bench.notified) == 1


async def test_failing_evaluation_changes_nothing_and_is_logged_once(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    await bench.at(0, holds={SAMPLE: 7.0})
    await bench.at(1)
    with structlog.testing.capture_logs() as lines:
        for minutes in (2, 3):
            await bench.at(minutes, holds=EvaluationError("many-to-many matching"))
        assert (bench.states, bench.error) == (["firing"], "many-to-many matching")
        await bench.at(4, holds={SAMPLE: 7.0})
    assert [line["event"] for line in lines] == [
        "rule_evaluation_failed",
        "rule_evaluation_recovered",
    ]
    assert bench.board[rule_name(bench.group, 0)].word == "ok"
    assert len(bench.notified) == 1


async def test_unexpected_exception_affects_its_rule_only(records: WatchedAlerts) -> None:
    bench = Bench(records)
    with structlog.testing.capture_logs() as lines:
        await bench.at(0, holds=ZeroDivisionError("oops"))
    assert bench.error == "ZeroDivisionError: oops"
    assert [line["event"] for line in lines] == [
        "rule_evaluation_crashed",
        "rule_evaluation_failed",
    ]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({Labels.of(n=str(n)): 1.0 for n in range(3)}, "exceeded limit of 2 with 3 alerts"),
        ({Labels.of(a="1"): 1.0, Labels.of(a="1", __name__="y"): 1.0}, "the same labels"),
        (Answer(String(NOW_MS, "text")), "neither a vector nor a scalar"),
    ],
)
async def test_unusable_result_is_an_error(
    records: WatchedAlerts, result: object, error: str
) -> None:
    bench = Bench(records)
    await bench.at(0, holds=result)
    assert error in bench.error
    assert bench.states == []


def samples(count: int) -> dict[Labels, float]:
    return {Labels.of(__name__="x", instance=str(number)): 7.0 for number in range(count)}


async def test_rule_over_its_limit_loses_all_its_alerts(records: WatchedAlerts) -> None:
    bench = Bench(records)
    await bench.at(0, holds=samples(2))
    await bench.at(1)
    assert bench.states == ["firing", "firing"]
    await bench.at(2, holds=samples(3))
    assert bench.states == []
    assert bench.error == "exceeded limit of 2 with 3 alerts"
    assert bench.notified[2:] == ["resolved: 0 at 7", "resolved: 1 at 7"]
    assert bench.appender.last["alerts/rules.yml;g"] == {}
    await bench.at(3, holds=samples(2))
    assert bench.states == ["pending", "pending"]
    assert bench.error == ""


async def test_alerts_that_are_kept_firing_count_for_the_limit(records: WatchedAlerts) -> None:
    bench = Bench(records, ALERT + "    keep_firing_for: 5m\n")
    await bench.at(0, holds=samples(2))
    await bench.at(1)
    await bench.at(2, holds={SAMPLE: 7.0})
    assert bench.error == "exceeded limit of 2 with 3 alerts"
    assert bench.states == []


async def test_restored_alert_belongs_to_its_rule_again(records: WatchedAlerts) -> None:
    before = Bench(records)
    await before.at(0, holds={SAMPLE: 7.0})
    await before.at(1)
    after = Bench(records)
    stored = await records.open_alerts()
    after.book.restore((rule_file_key(alert), alert) for alert in stored)
    await after.at(2, holds={SAMPLE: 7.0})
    await after.at(3, holds={})
    assert after.notified == ["resolved: a at 7"]


async def test_recording_rule_stores_its_result_under_its_name(records: WatchedAlerts) -> None:
    bench = Bench(records, RECORD)
    bench.engine.answers["2 * x"] = {SAMPLE: 14.0, Labels.of(instance="b"): 2.0}
    bench.engine.answers["42"] = Answer(Scalar(NOW_MS, 42.0))
    await bench.at(0)
    doubled = Labels.of(__name__="x:doubled", team="ops")
    assert bench.appender.last["rules/rules.yml;g;0"] == {
        doubled.overlaid(Labels.of(instance="a")): 14.0,
        doubled.overlaid(Labels.of(instance="b")): 2.0,
    }
    assert bench.appender.last["rules/rules.yml;g;1"] == {Labels.of(__name__="answer"): 42.0}
    [(_, vector), _] = bench.appender.vectors
    assert vector.time_ms == NOW_MS - 10_000
    assert np.isfinite(vector.values).all()
    assert {at_ms for _, at_ms, *_ in bench.engine.asked} == {NOW_MS - 10_000}


async def test_rules_see_what_the_rules_before_them_recorded(records: WatchedAlerts) -> None:
    text = "groups:\n- name: g\n  rules:\n" + "".join(
        f"  - record: {name}\n    expr: {expression}\n"
        for name, expression in (("a", "x"), ("b", "y"), ("c", "z"), ("d", "a + b"), ("e", "d"))
    )
    bench = Bench(records, text)
    bench.engine.answers = {name: {Labels(): 1.0} for name in ("x", "y", "z", "a + b", "d")}
    written_before: dict[str, set[str]] = {}
    instant = bench.engine.instant

    async def watched(query: str, time_ms: int, options: QueryOptions | None = None) -> Answer:
        written_before[query] = {stream[-1] for stream in bench.appender.last}
        return await instant(query, time_ms, options)

    bench.engine.instant = watched  # type: ignore[method-assign]
    await bench.at(0)
    assert list(written_before) == ["x", "y", "z", "a + b", "d"]
    assert {"0", "1", "2"} <= written_before["a + b"]
    assert written_before["d"] == {"0", "1", "2", "3"}
    assert {stream[-1] for stream in bench.appender.last} == set("01234")


async def test_a_rule_that_fails_leaves_no_reference_cycle(records: WatchedAlerts) -> None:
    bench = Bench(records)
    error = EvaluationError("broken")
    await bench.at(0, holds=error)
    assert bench.error == "broken"
    assert error.__traceback__ is None
