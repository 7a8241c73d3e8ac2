import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerting.evaluation.series import SeriesWriter
from alerting.simulation.memory_samples import MemorySamples
from model.labels import Labels
from model.matchers import Matcher
from model.series import ABSENT_BITS, STALE_BITS

NAMES = st.sampled_from("abc")
STEPS = st.lists(st.dictionaries(NAMES, st.integers(0, 3)), max_size=8)
ALL: tuple[Matcher, ...] = ()


def series(name: str) -> Labels:
    return Labels.of(__name__=name)


def samples(store: MemorySamples, start_ms: int, end_ms: int) -> dict[str, dict[int, float | str]]:
    """Return value by time by name; "stale" for a marker."""
    found: dict[str, dict[int, float | str]] = {}
    for part in store.select(ALL, start_ms, end_ms):
        bits = np.ascontiguousarray(part.values).view(np.uint64)
        for row, labels in enumerate(part.labels):
            assert labels.metric not in found
            times = part.times_ms[part.rows[row]].tolist()
            found[labels.metric] = {
                time: "stale" if bit == STALE_BITS else value
                for time, value, bit in zip(
                    times, part.values[row].tolist(), bits[row].tolist(), strict=True
                )
                if bit != ABSENT_BITS
            }
    return found


@given(STEPS, st.integers(0, 8), st.integers(0, 8))
def test_what_rules_write_is_read_back_with_markers_at_its_ends(
    steps: list[dict[str, int]], first: int, last: int
) -> None:
    store = MemorySamples()
    writer = SeriesWriter(store, "rules")
    expected: dict[str, dict[int, float | str]] = {}
    for time_ms, values in enumerate(steps):
        writer.write({series(name): float(value) for name, value in values.items()}, time_ms)
        before = steps[time_ms - 1] if time_ms else {}
        for name in before.keys() - values.keys():
            expected[name][time_ms] = "stale"
        for name, value in values.items():
            expected.setdefault(name, {})[time_ms] = float(value)
    wanted = {
        name: {time: value for time, value in times.items() if first <= time <= last}
        for name, times in expected.items()
    }
    assert samples(store, first, last) == {name: times for name, times in wanted.items() if times}


def test_series_of_input_and_rules_is_one_and_the_input_wins() -> None:
    store = MemorySamples()
    store.load([(series("a"), np.array([1.0, 2.0])), (series("b"), np.array([5.0]))], 0, 10)
    writer = SeriesWriter(store, "rules")
    writer.write({series("a"): 7.0}, 10)
    writer.write({series("a"): 8.0}, 20)
    assert samples(store, 0, 99) == {"a": {0: 1.0, 10: 2.0, 20: 8.0}, "b": {0: 5.0}}


def test_later_samples_are_not_there_yet() -> None:
    store = MemorySamples()
    store.load([(series("a"), np.array([1.0, 2.0, 3.0]))], 5, 10)
    store.visible_until_ms = 15
    assert samples(store, 0, 99) == {"a": {5: 1.0, 15: 2.0}}


def test_names_and_values_of_labels_are_listed() -> None:
    store = MemorySamples()
    labels = Labels.of(__name__="a", x="1")
    store.load([(labels, np.array([1.0])), (series("b"), np.array([1.0]))], 0, 10)
    assert store.series([[Matcher.of("x", "=", "1")]], 0, 9) == [labels]
    assert store.label_names([], 0, 9) == ["__name__", "x"]
    assert store.label_values("__name__", [], 0, 9, limit=1) == ["a"]
