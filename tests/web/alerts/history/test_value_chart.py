"""The chart of an alert shows what its rule compares, around the time of the alert."""

from dataclasses import replace

import pytest

from alerting.evaluation.health import RuleHealth
from alerting.views import RuleKind, RuleView
from promql.syntax.parser import parse
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from web.alerts.history.value_chart import compared, value_chart

MINUTE_MS = 60_000
NOW_MS = 100_000 * MINUTE_MS


def rule(query: str) -> RuleView:
    return RuleView(RuleKind.ALERTING, "High", query, RuleHealth(), {})


@pytest.mark.parametrize(
    ("condition", "value", "threshold"),
    [
        ("up == 0", "up", 0.0),
        ("(100 * rate(a[5m]) > 85)", "100 * rate(a[5m])", 85.0),
        ("5 < node_load1", "node_load1", 5.0),
        ("a > b", "a > b", None),
        ("absent(up)", "absent(up)", None),
        ("a > 1 and b > 2", "a > 1 and b > 2", None),
    ],
)
def test_condition_is_split_at_its_threshold(
    condition: str, value: str, threshold: float | None
) -> None:
    assert compared(parse(condition)) == (value, threshold)


def test_range_begins_before_the_alert_and_ends_now_while_it_is_open() -> None:
    alert = an_alert(AlertState.FIRING, now_ms=NOW_MS - 10 * MINUTE_MS)
    chart = value_chart(rule("up == 0"), alert, NOW_MS)
    assert chart is not None
    assert chart.start_s <= alert.active_ms / 1000 - 1800
    assert chart.end_s == NOW_MS / 1000
    assert chart.labels == dict(alert.labels)


def test_range_of_a_resolved_alert_ends_soon_after_it_and_marks_its_moments() -> None:
    began_ms = NOW_MS - 5000 * MINUTE_MS
    fired_ms, resolved_ms = began_ms + MINUTE_MS, began_ms + 30 * MINUTE_MS
    alert = replace(
        an_alert(AlertState.RESOLVED, now_ms=began_ms), fired_ms=fired_ms, resolved_ms=resolved_ms
    )
    chart = value_chart(rule("up == 0"), alert, NOW_MS)
    assert chart is not None
    assert chart.end_s == resolved_ms / 1000 + 900
    assert chart.marks_s == (fired_ms / 1000, resolved_ms / 1000)


def test_long_range_has_a_bounded_number_of_points() -> None:
    alert = an_alert(AlertState.FIRING, now_ms=0)
    chart = value_chart(rule("up == 0"), alert, NOW_MS)
    assert chart is not None
    assert (chart.end_s - chart.start_s) / chart.step_s <= 301


def test_alert_whose_rule_is_gone_has_no_chart() -> None:
    assert value_chart(None, an_alert(AlertState.FIRING, now_ms=NOW_MS), NOW_MS) is None
