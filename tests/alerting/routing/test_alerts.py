"""Reports of one alert are merged, and alerts ordered, as in Alertmanager."""

import functools

from hypothesis import given
from hypothesis import strategies as st

from alerting.routing.alerts import RoutedAlert, merged, order_key
from model.labels import Labels

LABELS = Labels.of(alertname="Down")


def report(starts: int, ends: int, updated: int, *, guess: bool = False) -> RoutedAlert:
    return RoutedAlert(LABELS, Labels(), starts, ends, updated, is_timeout=guess)


def test_end_without_a_start_keeps_the_start_of_the_alert() -> None:
    # API v2 gives such a report its end as its start.
    found = merged(report(100, 400, 100, guess=True), report(300, 300, 301))
    assert (found.starts_ms, found.ends_ms) == (100, 300)


def test_report_after_the_end_begins_a_new_alert() -> None:
    found = merged(report(100, 200, 200), report(300, 900, 300, guess=True))
    assert (found.starts_ms, found.ends_ms) == (300, 900)


def test_report_of_a_later_end_is_kept_unless_it_is_a_guess() -> None:
    newer = report(200, 500, 200, guess=True)
    assert merged(report(100, 900, 100), newer).ends_ms == 900
    assert merged(report(100, 900, 100, guess=True), newer).ends_ms == 500


NAMES = st.sampled_from(["a", "ab", "b", "instance", "job", "é"])
SETS = st.dictionaries(NAMES, st.sampled_from(["x", "y", "xx"]), max_size=4).map(Labels.of)


def compared(left: Labels, right: Labels) -> int:
    """Compare two sets the slow way: label by label of both."""
    for name in ("job", "instance"):
        mine, other = left.get(name), right.get(name)
        if mine != other:
            return 1 if not mine or (other and mine > other) else -1
    if len(left) != len(right):
        return len(left) - len(right)
    ours, theirs = dict(left), dict(right)
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            return -1
        if name not in theirs:
            return 1
        if ours[name] != theirs[name]:
            return -1 if ours[name] < theirs[name] else 1
    return 0


@given(st.lists(SETS, max_size=8))
def test_alerts_are_ordered_by_job_instance_size_and_labels(sets: list[Labels]) -> None:
    alerts = [RoutedAlert(labels, Labels(), 0) for labels in sets]
    expected = sorted(sets, key=functools.cmp_to_key(compared))
    assert [alert.labels for alert in sorted(alerts, key=order_key)] == expected
