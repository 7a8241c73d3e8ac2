import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerting.evaluation.series import SeriesWriter, alert_series
from model.labels import Labels
from model.series import STALE_BITS
from storage.api.alerts import Alert, AlertState
from tests.alerting.alerting_doubles import NOW_MS, MemoryAppender

A, B = Labels.of(__name__="x", a="1"), Labels.of(__name__="x", a="2")


def test_only_what_changed_is_appended() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "rules/g")
    writer.write({A: 1.0, B: 2.0}, NOW_MS)
    writer.write({A: 1.0, B: 3.0}, NOW_MS + 1)
    assert appender.last["rules/g"] == {A: 1.0, B: 3.0}
    columns = appender.vectors[-1][1].columns
    assert columns is not None
    assert columns.tolist() == [1]


def test_series_that_is_no_longer_produced_ends() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "rules/g")
    writer.write({A: 1.0, B: 2.0}, NOW_MS)
    writer.write({B: 2.0}, NOW_MS + 1)
    assert appender.last["rules/g"] == {B: 2.0}
    assert appender.vectors[-1][1].values.view(np.uint64).tolist() == [STALE_BITS]
    writer.write({A: 5.0}, NOW_MS + 2)
    assert appender.last["rules/g"] == {A: 5.0}


def test_nothing_is_written_without_series_or_newer_time() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "rules/g")
    writer.write({}, NOW_MS)
    assert appender.vectors == []
    writer.write({A: 1.0}, NOW_MS)
    writer.write({A: 2.0}, NOW_MS)
    writer.write({A: 2.0}, NOW_MS - 1)
    assert appender.last["rules/g"] == {A: 1.0}


def test_layout_stays_small_when_series_come_and_go() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "rules/g")
    for number in range(1000):
        writer.write({Labels.of(__name__="x", n=str(number)): 1.0}, NOW_MS + number)
    assert max(len(vector.layout.series) for _, vector in appender.vectors) < 100


SERIES = st.sampled_from([Labels.of(__name__="x", n=str(number)) for number in range(200)])


@given(st.lists(st.dictionaries(SERIES, st.floats(allow_nan=False), max_size=150), max_size=12))
def test_readers_see_exactly_what_was_written(vectors: list[dict[Labels, float]]) -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "s")
    for number, values in enumerate(vectors):
        writer.write(values, NOW_MS + number)
        assert appender.last.get("s", {}) == values


def alert(state: AlertState) -> Alert:
    labels = Labels.of(alertname="A", instance="web-1")
    return Alert(1, "r", labels, Labels(), state, 1.0, NOW_MS + 500, NOW_MS)


def test_alerts_are_series_as_in_prometheus() -> None:
    series = alert_series([alert(AlertState.FIRING)])
    assert {str(labels): value for labels, value in series.items()} == {
        'ALERTS{alertname="A",alertstate="firing",instance="web-1"}': 1.0,
        'ALERTS_FOR_STATE{alertname="A",instance="web-1"}': 1_700_000_000.0,
    }


def test_no_data_alert_has_its_own_state_and_ended_alerts_have_no_series() -> None:
    [labels] = alert_series([alert(AlertState.NO_DATA), alert(AlertState.RESOLVED)])
    assert labels.get("alertstate") == "no_data"


def test_series_go_on_when_the_clock_comes_back_from_years_ahead() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "alerts/x")
    labels = Labels.of(alertname="A")
    writer.write({labels: 1.0}, NOW_MS)
    writer.write({labels: 2.0}, NOW_MS + 10**11)
    writer.write({labels: 3.0}, NOW_MS + 15_000)
    writer.write({labels: 4.0}, NOW_MS + 30_000)
    assert appender.last["alerts/x~1"] == {labels: 4.0}
    # After a restart the writer does not know what the store has.
    again = SeriesWriter(appender, "alerts/x")
    again.write({labels: 5.0}, NOW_MS + 45_000)
    assert appender.last["alerts/x~1"] == {labels: 5.0}


def test_series_after_a_step_back_have_times_of_their_own() -> None:
    appender = MemoryAppender()
    writer = SeriesWriter(appender, "alerts/x")
    labels = Labels.of(alertname="A")
    for at_ms in (NOW_MS, NOW_MS + 15_000, NOW_MS + 30_000, NOW_MS, NOW_MS + 15_000):
        writer.write({labels: at_ms % 7}, at_ms)
    times = [(stream, vector.time_ms - NOW_MS) for stream, vector in appender.vectors]
    assert times == [
        ("alerts/x", 0),
        ("alerts/x", 15_000),
        ("alerts/x", 30_000),
        ("alerts/x~1", 0),
        ("alerts/x~1", 15_001),
    ]
