import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.errors import BacktestTooLargeError
from alerting.rules.definitions import RuleGroup
from alerting.rules.files import parse_rule_file
from alerting.simulation import backtest as tested_module
from alerting.simulation.backtest import Backtest, BacktestRange, RuleBacktest
from alerting.simulation.memory_samples import MemorySamples
from alerting.simulation.simulated_groups import SimulatedGroups
from model.labels import Labels
from model.series import ABSENT
from promql.syntax.parser import parse
from tests.alerting.simulation.test_unit_tests import engine

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000 // MINUTE_MS * MINUTE_MS


def groups(text: str) -> list[RuleGroup]:
    return parse_rule_file(text, Path("rules.yml"), parse)


def rule(text: str) -> list[RuleGroup]:
    return groups(f"groups: [{{name: g, rules: [{text}]}}]")


def samples(**series: list[float]) -> MemorySamples:
    store = MemorySamples()
    rows = [(Labels.of(__name__="m", i=name), np.array(values)) for name, values in series.items()]
    store.load(rows, START_MS, MINUTE_MS)
    return store


def run(
    found: list[RuleGroup], store: MemorySamples, minutes: int = 20, **options: object
) -> list[RuleBacktest]:
    span = BacktestRange(START_MS, START_MS + minutes * MINUTE_MS, MINUTE_MS)
    return asyncio.run(Backtest(found, span, store, engine, **options).run())  # type: ignore[arg-type]


def fired(result: RuleBacktest) -> list[tuple[str, int, int | None, float]]:
    """Return instance, minutes of firing and end, and value of each alert."""
    return [
        (
            each.labels.get("i"),
            (each.fired_ms - START_MS) // MINUTE_MS,
            None if each.resolved_ms is None else (each.resolved_ms - START_MS) // MINUTE_MS,
            each.value,
        )
        for each in result.alerts
    ]


def test_alerts_fire_after_their_wait_and_end_with_their_labels_and_texts() -> None:
    text = """{alert: High, expr: m > 5, for: 2m, labels: {severity: page},
               annotations: {summary: '{{ $labels.i }} {{ $labels.severity }}at {{ $value }}'}}"""
    store = samples(a=[1, 6, 7, 8, 9, 1, 1, 6, 6, 6, 6], b=[6.0, 6.0, *([1.0] * 9)])
    (result,) = run(rule(text), store, 10)
    assert fired(result) == [("a", 3, 5, 8.0), ("a", 9, None, 6.0)]
    assert (result.fired, result.firing_ms, result.series) == (2, 3 * MINUTE_MS, 2)
    first = result.alerts[0]
    assert first.labels == Labels.of(alertname="High", i="a", severity="page")
    assert first.annotations == Labels.of(summary="a at 8")
    assert first.active_ms == START_MS + MINUTE_MS


def test_recording_rules_take_the_place_of_stored_series_and_end_with_their_input() -> None:
    store = samples(a=[1, 1, 4, 4, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT])
    store.load([(Labels.of(__name__="doubled", i="a"), np.full(10, 99.0))], START_MS, MINUTE_MS)
    found = rule("{record: doubled, expr: 2 * m}, {alert: High, expr: doubled > 5}")
    recorded, alert = run(found, store, 14)
    # The input is there for the five minutes of the lookback, the recorded series no longer.
    assert fired(alert) == [("a", 2, 8, 8.0)]
    assert (recorded.series, recorded.is_alerting) == (1, False)


def test_hysteresis_and_missing_data_hold_as_in_the_server() -> None:
    text = "{alert: High, expr: m > 5, recovery_expr: m > 3, data_expr: m, no_data_for: 2m}"
    (result,) = run(rule(text), samples(a=[6, 4, 4, 6, 1, 1]), 5)
    assert fired(result) == [("a", 0, 4, 6.0)]


def test_labels_that_depend_on_the_value_are_alerts_of_their_own() -> None:
    level = "{{ if gt $value 8.0 }}red{{ else }}amber{{ end }}"
    text = f"{{alert: High, expr: m > 5, labels: {{level: '{level}'}}}}"
    (result,) = run(rule(text), samples(a=[6, 9, 6]), 2)
    levels = [(each.labels.get("level"), each.resolved_ms is None) for each in result.alerts]
    assert levels == [("amber", False), ("red", False), ("amber", True)]


def test_rule_that_fails_says_why_and_does_not_stop_the_others() -> None:
    found = rule("{alert: A, expr: m + on() group_left m}, {alert: B, expr: m > 0}")
    failed, good = run(found, samples(a=[1], b=[1]), 3)
    assert "found duplicate series" in failed.problem
    assert good.fired == 2


def test_series_with_equal_labels_are_a_problem_of_the_rule() -> None:
    (result,) = run(rule("{alert: A, expr: m > 0, labels: {i: x}}"), samples(a=[1], b=[1]), 3)
    assert "several series with the same labels" in result.problem


def test_too_large_a_test_is_refused_with_a_way_out() -> None:
    month = BacktestRange(START_MS, START_MS + 30 * 86_400_000, 1_000)
    with pytest.raises(BacktestTooLargeError, match="2,592,001 evaluations of rules in 30d exceed"):
        Backtest(rule("{alert: A, expr: up}"), month, samples(a=[1]), engine)
    with pytest.raises(BacktestTooLargeError, match="out of time"):
        run(rule("{alert: A, expr: up}"), samples(a=[1]), stopping=lambda: "out of time")


def test_recorded_values_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested_module, "MAX_RECORDED", 10)
    with pytest.raises(BacktestTooLargeError, match="r records more than 10 values"):
        run(rule("{record: r, expr: m}"), samples(a=[1], b=[1]))


def test_listed_alerts_are_limited_and_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested_module, "MAX_LISTED", 2)
    (result,) = run(rule("{alert: A, expr: m > 0}"), samples(a=[1, 0, 1, 0, 1, 0]), 5)
    assert (result.fired, len(result.alerts)) == (3, 2)


VALUES = st.lists(st.sampled_from([1.0, 4.0, 7.0, ABSENT]), min_size=1, max_size=30)
WAITS = st.sampled_from(["0s", "1m", "150s"])


@settings(max_examples=40)
@given(VALUES, VALUES, WAITS, WAITS)
def test_backtest_agrees_with_evaluating_one_time_after_the_other(
    first: list[float], second: list[float], wait: str, keep: str
) -> None:
    found = rule(
        "{record: r, expr: avg without () (m) + 1},"
        f"{{alert: A, expr: r > 5, for: {wait}, keep_firing_for: {keep}, recovery_expr: m > 3}}"
    )
    tested_module._STEPS, steps = 7, tested_module._STEPS  # type: ignore[misc]
    try:
        _, result = run(found, samples(a=first, b=second), 36)
    finally:
        tested_module._STEPS = steps  # type: ignore[misc]
    assert {(i, at) for i, at, _, _ in fired(result)} == asyncio.run(
        _stepwise(found, samples(a=first, b=second))
    )


async def _stepwise(found: list[RuleGroup], store: MemorySamples) -> set[tuple[str, int]]:
    """Return instance and minute of each alert that fires, from the server's own evaluation."""
    simulated = SimulatedGroups(found, engine(store, MINUTE_MS), store, "")
    begun = set()
    for minute in range(37):
        assert await simulated.evaluate(START_MS + minute * MINUTE_MS) == []
        for _, alert in simulated.firing("A"):
            assert alert.fired_ms is not None
            begun.add((alert.labels.get("i"), (alert.fired_ms - START_MS) // MINUTE_MS))
    return begun
