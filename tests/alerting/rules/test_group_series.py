from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from alerting.rules.definitions import RuleGroup
from alerting.rules.files import parse_rule_group
from alerting.rules.group_series import GroupSeries, end_series
from model.labels import Labels
from tests.alerting.alerting_doubles import MemoryAppender

STEP_MS = 60_000


def group(names: Sequence[str]) -> RuleGroup:
    """Return a group that records a series under each name."""
    rules = [{"record": name, "expr": "1"} for name in names]
    return parse_rule_group({"name": "g", "rules": rules}, Path("f"), lambda expression: None)


def alive(appender: MemoryAppender) -> list[str]:
    return sorted(labels.metric for series in appender.last.values() for labels in series)


# A name may stand in a group twice, as rules that write different series.
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=2, max_size=8))
def test_series_of_remaining_rules_have_no_gap_and_others_end(forms: list[list[str]]) -> None:
    appender, series, before = MemoryAppender(), None, list[str]()
    for number, names in enumerate(forms):
        at_ms = (number + 1) * STEP_MS
        series = GroupSeries(group(names), appender, series)
        end_series(series.left, at_ms)
        # After a change, what goes on is there, and nothing else.
        counts = {name: min(before.count(name), names.count(name)) for name in set(before)}
        assert alive(appender) == sorted("".join(name * count for name, count in counts.items()))
        for position, name in enumerate(names):
            own = Labels.of(__name__=name, number=str(names[:position].count(name)))
            series.recorded(position).write({own: 1.0}, at_ms + STEP_MS // 2)
        assert alive(appender) == sorted(names)
        before = names


def alerting(*expressions: str) -> RuleGroup:
    rules = [{"alert": f"A{number}", "expr": each} for number, each in enumerate(expressions)]
    return parse_rule_group({"name": "g", "rules": rules}, Path("f"), lambda expression: None)


def test_alerts_of_a_changed_group_go_on_in_their_source() -> None:
    appender = MemoryAppender()
    series = GroupSeries(alerting("x", "y"), appender)
    writer, identities = series.alerts_after(1) or (None, ())
    assert identities == ("g/A0", "g/A1")
    again = GroupSeries(alerting("x > 2"), appender, series)
    assert again.alerts_after(0) == (writer, ("g/A0",))
    assert again.left == []


def test_alerts_end_when_their_group_has_no_rules_left() -> None:
    series = GroupSeries(alerting("x"), MemoryAppender())
    found = series.alerts_after(0)
    assert found is not None
    assert GroupSeries(alerting(), MemoryAppender(), series).left == [found[0]]
