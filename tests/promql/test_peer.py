"""Compares answers with those of Prometheus over the same recorded samples.

Redshank follows Prometheus 3. The tests also pass beside Debian stable's 2.42, which differs
from 3 as listed here:

- left-open ranges: a sample exactly at the start of a range, or exactly as old as the
  lookback, is excluded. No sample in these tests has the time of a step.
- zero cutoff: if a counter begins inside of a range, the extrapolation to its start is first
  limited to half an interval and then to the point where the counter would be zero; 2.42
  applies the limits in the other order. No counter in these tests begins inside of a range.
- compensated sums: `sum` and `avg` use them; 2.42 only in `…_over_time`.
- bucket precision: differences between histogram buckets below 1e-12 are ignored.
- deviations of NaN: `stddev` of a single NaN or infinity is NaN; 2.42 says 0.
- filtered many side: a comparison of two series of the left side with one of the right is
  rejected; 2.42 rejects it only if both satisfy the comparison.
- atan2 and the metric name: 2.42 forgets to drop it between a vector and a scalar.
"""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.labels import Labels
from model.series import AlignedSeries, is_absent
from promql.api import EvaluationError, PromQLError, QueryOptions
from promql.engine import LocalEngine
from promql.syntax.functions import FUNCTIONS
from promql.syntax.nodes import ValueType
from tests.programs import program_version
from tests.promql.peer import (
    BASE_MS,
    CORPUS,
    Prometheus,
    TableStore,
    openmetrics,
    recorded,
    running,
)

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("promtool")),
        reason="prometheus and promtool are not installed",
    ),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded scrapes are not there"),
]

PROMETHEUS = shutil.which("prometheus")
FOLLOWS_3 = PROMETHEUS is not None and program_version(PROMETHEUS) >= (3,)

START_MS = BASE_MS + 40 * 60_000 + 13_000
END_MS = START_MS + 20 * 60_000
STEP_MS = 60_000

_MANY_TO_ONE = (
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
)
_COMPARES = re.compile(r"[<>]|[!=]= ")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalEngine, Prometheus]]:
    """Yield the engine and Prometheus over the same samples."""
    sources = recorded()
    engine = LocalEngine(TableStore(sources))
    directory, text = tmp_path_factory.mktemp("prometheus"), openmetrics(sources)
    features = "promql-per-step-stats,promql-experimental-functions"
    with running(directory, text, features) as prometheus:
        yield engine, prometheus
    engine.close_blocking()


def _theirs(data: Any) -> dict[Labels, dict[int, float]]:
    return {
        Labels.of(series["metric"]): {
            round(float(time) * 1000): float(value) for time, value in series["values"]
        }
        for series in data["result"]
    }


def _ours(answer: AlignedSeries) -> dict[Labels, dict[int, float]]:
    absent = is_absent(np.ascontiguousarray(answer.values)).tolist()
    times = answer.times_ms[0].tolist()
    return {
        labels: {
            time: value
            for time, value, missing in zip(times, values, absent[row], strict=True)
            if not missing
        }
        for row, (labels, values) in enumerate(
            zip(answer.labels, answer.values.tolist(), strict=True)
        )
    }


def assert_same(both: tuple[LocalEngine, Prometheus], query: str) -> None:
    """Assert that both give the same answer or both reject the query."""
    engine, prometheus = both
    data = prometheus.range(query, START_MS, END_MS, STEP_MS)
    if data is None:
        with pytest.raises(PromQLError):
            engine.range_blocking(query, START_MS, END_MS, STEP_MS)
        return
    try:
        value = engine.range_blocking(query, START_MS, END_MS, STEP_MS).value
    except EvaluationError as exc:
        if str(exc) == _MANY_TO_ONE and _COMPARES.search(query):
            # The filtered many side, see above.
            assert not FOLLOWS_3
            return
        raise
    assert isinstance(value, AlignedSeries)
    ours, theirs = _ours(value), _theirs(data)
    assert ours.keys() == theirs.keys()
    for labels, wanted in theirs.items():
        found = ours[labels]
        assert found.keys() == wanted.keys(), labels
        times = list(wanted)
        np.testing.assert_allclose(
            [found[time] for time in times],
            [wanted[time] for time in times],
            rtol=1e-9,
            atol=1e-12,
            err_msg=str(labels),
        )


_COUNTERS = st.sampled_from(
    [
        "node_cpu_seconds_total", 'node_cpu_seconds_total{mode!="idle"}',
        "node_network_receive_bytes_total", 'node_network_transmit_packets_total{device=~"e.*|lo"}',
        "node_disk_io_time_seconds_total", "node_context_switches_total",
        "prometheus_http_requests_total", 'process_cpu_seconds_total{instance="b"}',
        "prometheus_http_request_duration_seconds_count",
        "prometheus_tsdb_head_samples_appended_total",
    ]
)  # fmt: skip
_GAUGES = st.sampled_from(
    [
        "node_load1", 'node_load15{instance="b"}', "node_memory_MemFree_bytes",
        "node_procs_running",
        "go_goroutines", "node_filesystem_avail_bytes", 'node_network_up{device!~"l.*"}',
        "go_memstats_alloc_bytes", "process_resident_memory_bytes", "prometheus_tsdb_head_chunks",
        '{__name__=~"node_load.+", job="node_exporter"}', "go_gc_duration_seconds",
    ]
)  # fmt: skip
_SHIFTS = st.sampled_from(
    [
        "", "", "", "", " offset 3m", " offset 90s", " offset -2m", " @ start()", " @ end()",
        f" @ {START_MS / 1000 - 77}", f" @ {START_MS / 1000 - 77} offset 1m",
    ]
)  # fmt: skip
_RANGES = st.sampled_from(["[1m]", "[4m]", "[5m]", "[12m]", "[20m]"])
_SUBRANGES = st.tuples(
    st.sampled_from(["[607s:1m]", "[427s:30s]", "[907s:100s]", "[607s:]"]),
    st.sampled_from(["", "", "", " offset 2m", " @ end()", " @ start() offset -1m"]),
).map("".join)
_LABELS = st.sampled_from(["instance", "job", "mode", "device", "cpu", "handler", "le"])
_LABEL_LISTS = st.lists(_LABELS, max_size=3, unique=True).map(", ".join)
_RATES = st.sampled_from(["rate", "increase", "irate", "resets", "changes"])
_OVER_TIME = st.sampled_from(
    [
        f"{name}_over_time"
        for name in ("avg", "sum", "min", "max", "count", "last", "present", "stddev", "stdvar")
    ]
    + ["delta", "idelta", "deriv", "changes"]
)
_MATH = st.sampled_from(
    [
        "abs", "sqrt", "exp", "ln", "timestamp", "ceil", "floor", "sgn", "log2", "log10", "deg",
        "rad", "sin", "cos", "atan", "asinh", "tanh", "acosh", "sort", "sort_desc", "round",
        "absent", "minute", "hour", "day_of_week", "day_of_month", "day_of_year",
        "days_in_month", "month", "year",
    ]
)  # fmt: skip
_OVER_INNER = st.sampled_from(
    [
        "max_over_time", "min_over_time", "avg_over_time", "sum_over_time", "count_over_time",
        "last_over_time", "present_over_time", "absent_over_time", "delta", "idelta", "rate",
        "increase", "irate", "deriv", "changes", "resets",
    ]
)  # fmt: skip
_AGGREGATIONS = st.sampled_from(["sum", "avg", "min", "max", "count", "group"])
_DEVIATIONS = st.sampled_from(["stddev", "stdvar"])
_NUMBERS = st.sampled_from(["2", "0.5", "-3", "1e6", "0", "time()", "scalar(node_load1)", "NaN"])
_ARITHMETIC = st.sampled_from(["+", "-", "*", "/", "^", "%"])
_COMPARISONS = st.sampled_from([">", "<=", "!=", "> bool", "== bool"])
_QUANTILES = st.sampled_from(["0", "0.1", "0.5", "0.99", "1"])

_BOUNDS = st.sampled_from(["0.1", "1", "3", "-2", "1e3", "scalar(node_load1)"])
_MATCHINGS = st.tuples(
    st.sampled_from(["on", "ignoring"]),
    _LABEL_LISTS,
    st.sampled_from(["", "", "group_left ()", "group_right ()", "group_left (job)"]),
).map(lambda all_: "{} ({}) {}".format(*all_))
_BUCKETS = "prometheus_http_request_duration_seconds_bucket"

_numeric = st.one_of(
    st.tuples(_GAUGES, _SHIFTS).map("".join),
    st.tuples(_RATES, _COUNTERS, _RANGES, _SHIFTS).map(lambda all_: "{}({}{}{})".format(*all_)),
    st.tuples(_OVER_TIME, _GAUGES, _RANGES, _SHIFTS).map(lambda all_: "{}({}{}{})".format(*all_)),
    st.tuples(_QUANTILES, _GAUGES, _RANGES).map(
        lambda all_: "quantile_over_time({}, {}{})".format(*all_)
    ),
    st.tuples(_GAUGES, _RANGES).map(lambda two: "predict_linear({}{}, 600)".format(*two)),
    st.tuples(_GAUGES, _SHIFTS).map(lambda two: "absent({}{})".format(*two)),
    st.tuples(_GAUGES, _RANGES).map(lambda two: "absent_over_time({}{})".format(*two)),
    st.sampled_from(["vector(time())", "vector(pi())", "minute()", "vector(-0)", "vector(1e3)"]),
)
_leaves = _numeric | st.tuples(_QUANTILES, _LABEL_LISTS, _RANGES).map(
    lambda all_: (
        f"histogram_quantile({all_[0]}, sum by (le, {all_[1]}) (rate({_BUCKETS}{all_[2]})))"
    )
)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(_AGGREGATIONS, _LABEL_LISTS, inner).map(
            lambda all_: "{} by ({}) ({})".format(*all_)
        ),
        st.tuples(_AGGREGATIONS, _LABEL_LISTS, inner).map(
            lambda all_: "{} without ({}) ({})".format(*all_)
        ),
        st.tuples(_QUANTILES, _LABEL_LISTS, inner).map(
            lambda all_: "quantile by ({1}) ({0}, {2})".format(*all_)
        ),
        st.tuples(_DEVIATIONS, _LABEL_LISTS, _numeric).map(
            lambda all_: "{} by ({}) ({})".format(*all_)
        ),
        inner.map(lambda each: f"count(topk(3, {each}))"),
        inner.map(lambda each: f"max(bottomk(2, {each}))"),
        # Which of equal values is taken is free, but not their number and values.
        st.tuples(st.sampled_from(["topk", "bottomk"]), _LABELS, inner).map(
            lambda all_: "max by ({1}) ({0} by ({1}) (2, {2}))".format(*all_)
        ),
        st.tuples(_LABELS, inner).map(
            lambda two: 'count_values without ({}) ("value", round({}))'.format(*two)
        ),
        st.tuples(st.sampled_from(["clamp_min", "clamp_max", "round"]), inner, _BOUNDS).map(
            lambda all_: "{}({}, {})".format(*all_)
        ),
        st.tuples(inner, _BOUNDS, _BOUNDS).map(lambda all_: "clamp({}, {}, {})".format(*all_)),
        st.tuples(_MATH, inner).map(lambda two: "{}({})".format(*two)),
        st.tuples(inner, _ARITHMETIC, _NUMBERS).map(lambda all_: "({}) {} {}".format(*all_)),
        st.tuples(_NUMBERS, _COMPARISONS, inner).map(lambda all_: "{} {} ({})".format(*all_)),
        st.tuples(inner, _ARITHMETIC | _COMPARISONS, inner).map(
            lambda all_: "({}) {} ({})".format(*all_)
        ),
        st.tuples(inner, _ARITHMETIC, _LABEL_LISTS, inner).map(
            lambda all_: "({}) {} on ({}) group_left () ({})".format(*all_)
        ),
        st.tuples(inner, st.sampled_from(["and", "or", "unless"]), _LABEL_LISTS, inner).map(
            lambda all_: "({}) {} on ({}) ({})".format(*all_)
        ),
        st.tuples(inner, st.sampled_from(["and", "or", "unless"]), inner).map(
            lambda all_: "({}) {} ({})".format(*all_)
        ),
        st.tuples(inner, _ARITHMETIC | _COMPARISONS, _MATCHINGS, inner).map(
            lambda all_: "({}) {} {} ({})".format(*all_)
        ),
        st.tuples(_OVER_INNER, inner, _SUBRANGES).map(lambda all_: "{}(({}){})".format(*all_)),
        st.tuples(_QUANTILES, inner, _SUBRANGES).map(
            lambda all_: "quantile_over_time({}, ({}){})".format(*all_)
        ),
        inner.map(lambda each: f'label_replace({each}, "host", "h-$1", "instance", "(.*)")'),
        inner.map(lambda each: f'label_join({each}, "where", "/", "job", "instance")'),
        inner.map(lambda each: f"vector(scalar({each}))"),
        inner.map(lambda each: f"-({each})"),
    )


_CPU = "rate(node_cpu_seconds_total[5m])"
_queries = st.recursive(_leaves, _deeper, max_leaves=4)


@settings(
    max_examples=400,
    deadline=None,
    # The same queries in every run, so that the tolerance of 1e-9 does not depend on chance.
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(query=_queries)
def test_queries_answer_like_prometheus(both: tuple[LocalEngine, Prometheus], query: str) -> None:
    assert_same(both, query)


@pytest.mark.parametrize(
    "query",
    [
        f"histogram_quantile(0.9, sum by (le) (rate({_BUCKETS}[5m])))",
        f"histogram_quantile(0.5, rate({_BUCKETS}[10m]))",
        f"histogram_quantile(1.5, {_BUCKETS})",
        f"sum by (mode) ({_CPU}) / ignoring (mode) group_left sum({_CPU})",
        '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
        "node_filesystem_avail_bytes / node_filesystem_size_bytes",
        'count_values("load", floor(node_load1 * 10))',
        'absent(nothing{job="x"})',
        "absent_over_time(node_load1[30s])",
        "minute(node_time_seconds) + day_of_week(node_boot_time_seconds)",
        "rate(node_cpu_seconds_total[5m] offset -2m)",
        "sum(node_load1) by (nothing) or vector(1)",
        "node_load1 + node_cpu_seconds_total",
        "sum(1, 2)",
        "clamp(node_load1, 0.2, 0.5)",
        "sort_desc(node_load1)",
        "rate(max_over_time(node_cpu_seconds_total[2m])[5m:30s])",
        "stddev_over_time(node_time_seconds[5m])",
        "time() - node_boot_time_seconds",
    ],
)
def test_typical_queries_answer_like_prometheus(
    both: tuple[LocalEngine, Prometheus], query: str
) -> None:
    assert_same(both, query)


@pytest.mark.parametrize(
    "query",
    [
        "node_load1",
        "node_load1 offset 3m + node_load1",
        "node_load1 @ end()",
        "rate(node_cpu_seconds_total[5m])",
        "rate(node_cpu_seconds_total[5m] @ end())",
        "sum by (mode) (rate(node_cpu_seconds_total[5m])) + 1",
        "timestamp(node_load1)",
        "topk(3, node_load1) > 0",
        "max_over_time(node_load1[607s:1m])",
        "max_over_time(rate(node_cpu_seconds_total[5m])[607s:1m])",
    ],
)
def test_samples_are_counted_like_prometheus(
    both: tuple[LocalEngine, Prometheus], query: str
) -> None:
    engine, prometheus = both
    theirs = prometheus.range(query, START_MS, END_MS, STEP_MS, stats="all")["stats"]["samples"]
    options = QueryOptions(statistics=True)
    ours = engine.range_blocking(query, START_MS, END_MS, STEP_MS, options).statistics
    assert ours is not None
    assert int(ours.step_samples.sum()) == theirs["totalQueryableSamples"]
    per_step = theirs["totalQueryableSamplesPerStep"]
    assert ours.step_samples.tolist() == [samples for _, samples in per_step]
    assert (ours.steps_ms / 1000).tolist() == [time for time, _ in per_step]


_ARGUMENTS = {
    ValueType.VECTOR: "node_load1",
    ValueType.MATRIX: "node_cpu_seconds_total[5m]",
    ValueType.SCALAR: "0.4",
}
_WITH_STRINGS = {
    "label_join": 'label_join(node_load1, "x", "-", "job", "instance")',
    "label_replace": 'label_replace(node_load1, "x", "$1", "job", "(.).*")',
}
_SINCE_3 = {
    "double_exponential_smoothing", "end", "first_over_time", "histogram_avg",
    "histogram_quantiles", "histogram_stddev", "histogram_stdvar", "info", "mad_over_time",
    "max_of", "min_of", "range", "sort_by_label", "sort_by_label_desc", "start",
    "start_timestamp", "step", "ts_of_first_over_time", "ts_of_last_over_time",
    "ts_of_max_over_time", "ts_of_min_over_time",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - _SINCE_3))
def test_each_function_answers_like_prometheus(
    both: tuple[LocalEngine, Prometheus], name: str
) -> None:
    types = FUNCTIONS[name].arguments
    query = f"{name}({', '.join(_ARGUMENTS.get(each, '') for each in types)})"
    query = _WITH_STRINGS.get(name, query)
    assert both[1].range(query, START_MS, END_MS, STEP_MS) is not None, query
    assert_same(both, query)


def test_double_exponential_smoothing_has_the_values_of_its_old_name(
    both: tuple[LocalEngine, Prometheus],
) -> None:
    engine, prometheus = both
    arguments = "(node_load1[5m], 0.4, 0.3)"
    name = "double_exponential_smoothing" if FOLLOWS_3 else "holt_winters"
    data = prometheus.range(f"{name}{arguments}", START_MS, END_MS, STEP_MS)
    query = f"double_exponential_smoothing{arguments}"
    value = engine.range_blocking(query, START_MS, END_MS, STEP_MS).value
    assert isinstance(value, AlignedSeries)
    ours, theirs = _ours(value), _theirs(data)
    assert ours.keys() == theirs.keys()
    for labels, wanted in theirs.items():
        np.testing.assert_allclose(list(ours[labels].values()), list(wanted.values()), rtol=1e-9)


def test_ranges_are_left_open(both: tuple[LocalEngine, Prometheus]) -> None:
    engine, prometheus = both
    on_a_sample_ms = BASE_MS + 7 + 100 * 15_000
    query = 'count_over_time(node_load1{instance="a"}[1m])'
    data = prometheus.range(query, on_a_sample_ms, on_a_sample_ms, STEP_MS)
    value = engine.range_blocking(query, on_a_sample_ms, on_a_sample_ms, STEP_MS).value
    assert isinstance(value, AlignedSeries)
    assert data["result"][0]["values"][0][1] == ("4" if FOLLOWS_3 else "5")
    assert value.values.tolist() == [[4.0]]
