"""Rules that read what other rules of their group write."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.rules.definitions import AlertingRule, RecordingRule, Rule
from alerting.rules.dependencies import independent_runs


def record(name: str, expression: str) -> RecordingRule:
    return RecordingRule(name, expression)


def alert(expression: str) -> AlertingRule:
    return AlertingRule("g/A", "A", expression)


def runs(*rules: Rule) -> list[list[int]]:
    return [list(run) for run in independent_runs(rules)]


def test_rules_that_read_only_what_others_write_are_one_run() -> None:
    assert runs(record("a", "x"), record("b", "x + y"), alert("x > 1"), alert("y > 1")) == [
        [0, 1, 2, 3]
    ]
    assert runs() == []


def test_a_rule_that_reads_a_recorded_series_begins_a_run() -> None:
    assert runs(record("a", "x"), record("b", "sum(rate(a[5m]))"), alert("b > 1")) == [
        [0],
        [1],
        [2],
    ]
    assert runs(record("a", "x"), alert("x > 1"), alert("a > 1"), alert("x > 2")) == [
        [0, 1],
        [2, 3],
    ]


def test_a_rule_reads_its_own_series_of_before() -> None:
    assert runs(record("a", "a + 1"), record("b", "x")) == [[0, 1]]


def test_alerts_are_series_too() -> None:
    assert runs(alert("x > 1"), alert("count(ALERTS) > 3")) == [[0], [1]]
    assert runs(alert("x > 1"), alert("ALERTS_FOR_STATE > 3")) == [[0], [1]]
    assert runs(record("a", "x"), alert("count(ALERTS) > 3")) == [[0, 1]]


def test_a_selector_that_may_match_any_metric_reads_all() -> None:
    for expression in (
        'count({job="node"})',
        'count({__name__=~"a.*"})',
        'count({__name__!="c", job="node"})',
        "info(x)",
        'max_over_time({job="node"}[5m:1m])',
    ):
        assert runs(record("ab", "x"), alert(expression)) == [[0], [1]], expression
    assert runs(record("ab", "x"), alert('count({__name__=~"b.*"})')) == [[0, 1]]


def test_a_rule_that_is_not_promql_reads_nothing() -> None:
    assert runs(record("a", "x"), alert("a >")) == [[0, 1]]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcxyz")), max_size=8))
def test_no_rule_reads_what_its_run_wrote_before_it(pairs: list[tuple[str, str]]) -> None:
    found = runs(*(record(name, f"rate({read}[1m])") for name, read in pairs))
    assert [position for run in found for position in run] == list(range(len(pairs)))
    for run in found:
        for place, position in enumerate(run):
            assert pairs[position][1] not in {pairs[before][0] for before in run[:place]}
