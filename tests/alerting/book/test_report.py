"""Statistics of the alerts that fired."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.book.report import grouped, statistics_of
from model.labels import Labels
from storage.api.alerts import FiredAlert

NOW_MS = 1_000_000


def fired(
    name: str = "A", at: int = 0, acknowledged: int | None = None, resolved: int | None = None
) -> FiredAlert:
    return FiredAlert("g/a", Labels.of(alertname=name), at, acknowledged, resolved)


def name_of(alert: FiredAlert) -> str:
    return alert.labels.get("alertname")


def test_means_count_only_what_was_acknowledged_and_resolved() -> None:
    alerts = [fired(at=0, acknowledged=10, resolved=100), fired(at=100, resolved=400), fired()]
    found = statistics_of("", alerts, NOW_MS)
    assert (found.fired, found.open, found.acknowledged) == (3, 1, 1)
    assert (found.mtta_ms, found.mttr_ms) == (10, 200)
    assert found.firing_ms == 100 + 300 + NOW_MS
    empty = statistics_of("", [], NOW_MS)
    assert (empty.mtta_ms, empty.mttr_ms, empty.firing_ms) == (None, None, 0)


def test_noisiest_come_first_and_alerts_without_a_name_are_left_out() -> None:
    alerts = [fired("B"), fired("A"), fired("B"), fired("")]
    assert [(each.name, each.fired) for each in grouped(alerts, name_of, NOW_MS)] == [
        ("B", 2),
        ("A", 1),
    ]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 900), st.integers(0, 900))))
def test_groups_add_up_to_all(rows: list[tuple[str, int, int]]) -> None:
    alerts = [fired(name, at, None, at + length) for name, at, length in rows]
    total = statistics_of("", alerts, NOW_MS)
    groups = grouped(alerts, name_of, NOW_MS)
    assert sum(each.fired for each in groups) == total.fired
    assert sum(each.firing_ms for each in groups) == total.firing_ms
