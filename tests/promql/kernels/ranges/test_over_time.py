"""Range functions compared with plain loops over each window, on series with many gaps."""

import itertools
import math
import statistics
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries, is_absent
from promql.engine import LocalEngine
from storage.api.examined_series import ExaminedSeries
from storage.api.samples import ReadBudget, SelectHints
from tests.promqltest.store import MemoryStore

Samples = list[tuple[int, float]]
STEP_MS = 20_000
RANGE_MS = 95_000

_numbers = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 1e9, 0.1])
_strange = _numbers | st.sampled_from([math.nan, math.inf, -math.inf])


def _series(values: st.SearchStrategy[float]) -> st.SearchStrategy[dict[int, float]]:
    times = st.integers(0, 40).map(lambda tick: tick * 7_000 + 3)
    return st.dictionaries(times, values, min_size=1, max_size=40)


def _sources(values: st.SearchStrategy[float]) -> st.SearchStrategy[dict[Labels, dict[int, float]]]:
    keys = st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")).map(
        lambda two: Labels.of(__name__="m_total", instance=two[0], part=two[1])
    )
    return st.dictionaries(keys, _series(values), min_size=1, max_size=5)


_SOME_TICKS = st.sets(st.integers(0, 45), max_size=3)


@st.composite
def _fleets(draw: st.DrawFn) -> dict[Labels, dict[int, float]]:
    """Hosts scraped regularly at different times; few scrapes are late or missed."""
    fleet = {}
    for host in "abc"[: draw(st.integers(1, 3))]:
        offset_ms = draw(st.integers(0, 7_999))
        first, last = draw(st.integers(0, 20)), draw(st.integers(30, 45))
        missed, late = draw(_SOME_TICKS), draw(_SOME_TICKS)
        value, samples = draw(st.sampled_from([0.0, 0.5, 20.0, 1e6])), {}
        for tick in range(first, last):
            value = draw(st.sampled_from([value + 1.0, value + 3.0, value, 0.25]))
            if tick not in missed:
                samples[tick * 8_000 + offset_ms + 7_000 * (tick in late)] = value
        fleet[Labels.of(__name__="m_total", instance=host, part="x")] = samples
    return fleet


def _rate(window: Samples, start_ms: int, end_ms: int) -> float | None:
    """Prometheus's extrapolatedRate, sample by sample."""
    if len(window) < 2:
        return None
    growth = window[-1][1] - window[0][1]
    for (_, before), (_, after) in itertools.pairwise(window):
        if after < before:
            growth += before
    sampled = (window[-1][0] - window[0][0]) / 1000
    average = sampled / (len(window) - 1)
    to_start = (window[0][0] - start_ms) / 1000
    to_end = (end_ms - window[-1][0]) / 1000
    if to_start >= average * 1.1:
        to_start = average / 2
    if growth > 0 and window[0][1] >= 0:
        to_start = min(to_start, sampled * (window[0][1] / growth))
    if to_end >= average * 1.1:
        to_end = average / 2
    return growth * (sampled + to_start + to_end) / sampled / ((end_ms - start_ms) / 1000)


def _quantile(values: Sequence[float], quantile: float) -> float:
    ordered = sorted(values)
    rank = quantile * (len(ordered) - 1)
    lower = int(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] * (1 - (rank - lower)) + ordered[upper] * (rank - lower)


def _slope(window: Samples) -> float | None:
    if len(window) < 2:
        return None
    values = [value for _, value in window]
    times = [time / 1000 for time, _ in window]
    if len(set(values)) == 1:
        return 0.0
    return statistics.linear_regression(times, values).slope


def _mad(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return statistics.median([abs(value - middle) for value in values])


Reference = Callable[[Samples, int, int], float | None]
REFERENCES: dict[str, Reference] = {
    "sum_over_time({})": lambda window, *_: math.fsum(value for _, value in window),
    "avg_over_time({})": lambda window, *_: statistics.fmean(value for _, value in window),
    "min_over_time({})": lambda window, *_: min(value for _, value in window),
    "max_over_time({})": lambda window, *_: max(value for _, value in window),
    "count_over_time({})": lambda window, *_: float(len(window)),
    "last_over_time({})": lambda window, *_: window[-1][1],
    "first_over_time({})": lambda window, *_: window[0][1],
    "ts_of_last_over_time({})": lambda window, *_: window[-1][0] / 1000,
    "ts_of_first_over_time({})": lambda window, *_: window[0][0] / 1000,
    "ts_of_max_over_time({})": lambda window, *_: (
        max((value, time) for time, value in window)[1] / 1000
    ),
    "stdvar_over_time({})": lambda window, *_: statistics.pvariance([value for _, value in window]),
    "quantile_over_time(0.3, {})": lambda window, *_: _quantile(
        [value for _, value in window], 0.3
    ),
    "mad_over_time({})": lambda window, *_: _mad([value for _, value in window]),
    "changes({})": lambda window, *_: float(
        sum(a[1] != b[1] for a, b in itertools.pairwise(window))
    ),
    "resets({})": lambda window, *_: float(sum(b[1] < a[1] for a, b in itertools.pairwise(window))),
    "deriv({})": lambda window, *_: _slope(window),
    "rate({})": _rate,
}


class _ExaminingStore(MemoryStore):
    """A store that returns series with traits, which must not change any result."""

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        found = super().select(matchers, start_ms, end_ms, budget, starts=starts, hints=hints)
        return [ExaminedSeries.examine(part) for part in found]


def _answered(
    sources: dict[Labels, dict[int, float]],
    query: str,
    steps: int,
    store_type: type[MemoryStore] = MemoryStore,
) -> dict[tuple[str, str, int], float]:
    store = store_type()
    store.load(sources)
    engine = LocalEngine(store.reader)
    try:
        value = engine.range_blocking(query, 0, steps * STEP_MS, STEP_MS).value
    finally:
        engine.close_blocking()
    assert isinstance(value, AlignedSeries)
    absent = is_absent(value.values).tolist()
    times = value.times_ms[0].tolist()
    return {
        (labels.get("instance"), labels.get("part"), time): number
        for row, labels in enumerate(value.labels)
        for time, number, missing in zip(
            times, value.values[row].tolist(), absent[row], strict=True
        )
        if not missing
    }


def _expected(
    sources: dict[Labels, dict[int, float]], reference: Reference, steps: int
) -> dict[tuple[str, str, int], float]:
    expected = {}
    for labels, samples in sources.items():
        for end_ms in range(0, steps * STEP_MS + 1, STEP_MS):
            start_ms = end_ms - RANGE_MS
            window = sorted((t, v) for t, v in samples.items() if start_ms < t <= end_ms)
            value = reference(window, start_ms, end_ms) if window else None
            if value is not None:
                expected[labels.get("instance"), labels.get("part"), end_ms] = value
    return expected


@pytest.mark.parametrize("call", sorted(REFERENCES))
@settings(max_examples=30)
@given(sources=_sources(_numbers))
def test_function_equals_a_loop_over_each_window(
    call: str, sources: dict[Labels, dict[int, float]]
) -> None:
    found = _answered(sources, call.format(f"m_total[{RANGE_MS}ms]"), 18)
    wanted = _expected(sources, REFERENCES[call], 18)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        # Only the digits that the largest values leave can be asked for.
        assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-5 if "stdvar" in call else 1e-6)


def _pair(
    first_ms: int, late: set[int], other_late: set[int], least: float = 1e6
) -> dict[Labels, dict[int, float]]:
    """Two hosts scraped at the same times, except that one is late at times."""
    return {
        Labels.of(__name__="m_total", instance=host, part="x"): {
            first_ms + tick * 8_000 + 7_000 * (tick in some): least + max(0, tick - 10)
            for tick in range(-14, 45)
        }
        for host, some in (("a", late), ("b", other_late))
    }


# The window from 25 s on begins later for one; the one up to 240 s ends earlier; both are zero
# when many windows begin.
@settings(max_examples=200)
@example(sources=_pair(0, set(), {4}))
@example(sources=_pair(6_500, {28, 29}, {29}))
@example(sources=_pair(3_000, set(), set(), least=0.0))
@given(sources=_fleets())
def test_rates_of_a_fleet_are_extrapolated_window_by_window(
    sources: dict[Labels, dict[int, float]],
) -> None:
    found = _answered(sources, f"rate(m_total[{RANGE_MS}ms])", 18, _ExaminingStore)
    assert found == pytest.approx(_expected(sources, _rate, 18), rel=1e-9)


@pytest.mark.parametrize("call", sorted(REFERENCES))
@settings(max_examples=10)
@given(sources=_sources(_strange))
def test_traits_of_series_do_not_change_results(
    call: str, sources: dict[Labels, dict[int, float]]
) -> None:
    query = call.format(f"m_total[{RANGE_MS}ms]")
    found, wanted = _answered(sources, query, 18, _ExaminingStore), _answered(sources, query, 18)
    assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("call", ["min_over_time({})", "max_over_time({})"])
@given(sources=_sources(_strange))
def test_extremes_skip_nan(call: str, sources: dict[Labels, dict[int, float]]) -> None:
    choose = min if "min" in call else max

    def reference(window: Samples, *_: int) -> float:
        values = [value for _, value in window if not math.isnan(value)]
        return choose(values) if values else math.nan

    found = _answered(sources, call.format(f"m_total[{RANGE_MS}ms]"), 18)
    wanted = _expected(sources, reference, 18)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == value or (math.isnan(found[key]) and math.isnan(value))


@given(sources=_sources(_strange))
def test_sums_are_finite_only_if_their_values_allow(
    sources: dict[Labels, dict[int, float]],
) -> None:
    def reference(window: Samples, *_: int) -> float:
        return sum(value for _, value in window)

    found = _answered(sources, f"sum_over_time(m_total[{RANGE_MS}ms])", 18)
    for key, value in _expected(sources, reference, 18).items():
        if math.isfinite(value):
            assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-3)
        else:
            assert found[key] == value or math.isnan(found[key])


@given(sources=_sources(_numbers))
def test_a_range_query_equals_its_instant_queries(sources: dict[Labels, dict[int, float]]) -> None:
    store = MemoryStore()
    store.load(sources)
    engine = LocalEngine(store.reader)
    query = f"sum by (part) (rate(m_total[{RANGE_MS}ms])) or max(m_total)"
    largest = max(abs(value) for samples in sources.values() for value in samples.values())
    try:
        matrix = engine.range_blocking(query, 0, 10 * STEP_MS, STEP_MS).value
        assert isinstance(matrix, AlignedSeries)
        absent = is_absent(matrix.values)
        for column, time_ms in enumerate(matrix.times_ms[0].tolist()):
            instant = engine.instant_blocking(query, time_ms).value
            found = dict(zip(instant.labels, instant.values.tolist(), strict=True))  # type: ignore[union-attr]
            wanted = {
                labels: matrix.values[row, column]
                for row, labels in enumerate(matrix.labels)
                if not absent[row, column]
            }
            # A counter that fell from 1e9 leaves 0.1 with the rounding of 1e9, and which
            # way it is rounded depends on the order of adding.
            assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15 * largest)
    finally:
        engine.close_blocking()
