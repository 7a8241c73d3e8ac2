"""Queries of the kinds that the public PromQL compliance tests ask for.

The tests of the Prometheus project (prometheus/compliance, promql-test-queries.yml) are templates
over the metrics of a demo service. `queries` writes queries of the same kinds over the same
metrics, with the same variants.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from model.labels import Labels
from tests.promqltest.store import MemoryStore

_RANGES: Final = ("1s", "15s", "1m", "5m", "15m", "1h")
_OFFSETS: Final = ("1m", "5m", "10m")
_AGGREGATORS: Final = ("sum", "avg", "max", "min", "count", "stddev", "stdvar")
_OVER_TIME: Final = (*_AGGREGATORS, "absent", "last")
_QUANTILES: Final = ("-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5")
_ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^")
_COMPARISONS: Final = ("==", "!=", "<", ">", "<=", ">=")
_OPERATORS: Final = (*_ARITHMETIC, *_COMPARISONS)
_MATH: Final = ("abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round")
_CALENDAR: Final = (
    "day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year",
)  # fmt: skip
_MEMORY: Final = "demo_memory_usage_bytes"
_CPU: Final = "demo_cpu_usage_seconds_total"
_DONE: Final = "demo_batch_last_success_timestamp_seconds"
_BUCKETS: Final = "demo_api_request_duration_seconds_bucket"
HOST: Final = "demo.example:1000"


def samples(base_ms: int, scrapes: int, interval_ms: int) -> MemoryStore:
    """Return the metrics of three instances of the demo service."""
    store, random = MemoryStore(), Random(5)
    for number in range(3):
        own = {"job": "demo", "instance": f"{HOST}{number}"}
        times = [base_ms + number * 1_234 + tick * interval_ms for tick in range(scrapes)]
        for name, labels, values in _metrics(random, scrapes, base_ms):
            found = dict(zip(times, values, strict=True))
            kept = {time: value for time, value in found.items() if value is not None}
            store.load({Labels.of({"__name__": name} | own | labels): kept})
    return store


def _metrics(
    random: Random, scrapes: int, base_ms: int
) -> Iterator[tuple[str, dict[str, str], list[float | None]]]:
    for kind in ("buffers", "cached", "free", "used"):
        values = [float(random.randrange(10**8, 10**9)) for _ in range(scrapes)]
        yield _MEMORY, {"type": kind}, list(values)
    yield "demo_num_cpus", {}, [4.0] * scrapes
    for mode in ("idle", "system", "user"):
        yield _CPU, {"mode": mode}, _counter(random, scrapes, 2.5)
    yield "demo_disk_usage_bytes", {}, _counter(random, scrapes, 10_000)
    done = [base_ms / 1000 + tick // 7 * 35 for tick in range(scrapes)]
    yield _DONE, {}, list(done)
    present = [1.0 if tick // 20 % 2 else None for tick in range(scrapes)]
    yield "demo_intermittent_metric", {}, present
    for path in ("/api/bar", "/api/foo"):
        counts = [0.0] * 6
        rows: list[list[float | None]] = [[] for _ in counts]
        for _ in range(scrapes):
            slow = random.randrange(6)
            for place in range(6):
                # Whole numbers of requests, so that ranks lie exactly on bounds.
                counts[place] += 2 * max(0, place + 1 - slow)
                rows[place].append(counts[place])
        for bound, row in zip(("0.1", "0.2", "0.4", "0.8", "1.6", "+Inf"), rows, strict=True):
            yield _BUCKETS, {"path": path, "le": bound}, row


def _counter(random: Random, scrapes: int, most: float) -> list[float | None]:
    total, values = 0.0, []
    for tick in range(scrapes):
        total = 0.0 if tick == 2 * scrapes // 3 else total + random.random() * most
        values.append(total)
    return list(values)


def queries() -> Iterator[str]:
    """Yield all queries."""
    yield from ("42", "1.234", ".123", "1.23e-3", "0x3d", "Inf", "+Inf", "-Inf", "NaN")
    yield from _selectors()
    yield from _aggregations()
    yield from _binary()
    yield from _functions()
    yield from _labels()
    yield f"max_over_time((time() - max({_DONE}) < 1000)[5m:10s] offset 5m)"
    yield f"avg_over_time(rate({_CPU}[1m])[2m:10s])"


def _selectors() -> Iterator[str]:
    for braces in (
        "", '{type="free"}', '{type!="free"}', f'{{instance=~"{HOST[:4]}.*"}}',
        '{instance=~"demo"}', '{instance!~".*:10001"}', f'{{type="free", instance!="{HOST}0"}}',
    ):  # fmt: skip
        yield _MEMORY + braces
    yield f'{{__name__="{_MEMORY}"}}'
    yield f'{{type="free", instance!="{HOST}0"}}'
    yield '{__name__=~".*"}'
    yield "nonexistent_metric_name"
    yield "demo_intermittent_metric"
    for offset in _OFFSETS:
        yield f"{_MEMORY} offset {offset}"
        yield f"{_MEMORY} offset -{offset}"


def _aggregations() -> Iterator[str]:
    for operator in _AGGREGATORS:
        yield f"{operator}({_MEMORY})"
        yield f"{operator}(nonexistent_metric_name)"
        for grouping in ("", "instance", "instance, type", "nonexistent"):
            yield f"{operator} by({grouping}) ({_MEMORY})"
            yield f"{operator} without({grouping}) ({_MEMORY})"
    for operator in ("topk", "bottomk"):
        yield f"{operator}(3, {_MEMORY})"
        for grouping in ("by(instance)", "without(instance)", "without()"):
            yield f"{operator} {grouping} (2, {_MEMORY})"
    for quantile in _QUANTILES:
        yield f"quantile({quantile}, {_MEMORY})"
    yield f"avg(max by(type) ({_MEMORY}))"


def _binary() -> Iterator[str]:
    yield "1 * 2 + 4 / 6 - 10 % 2 ^ 2"
    for operator in _COMPARISONS:
        yield f"demo_num_cpus + (1 {operator} bool 2)"
        yield f"{_MEMORY} {operator} bool 1.2345"
        yield f"1.2345 {operator} bool {_MEMORY}"
        yield f"{_MEMORY} {operator} bool on(instance, job, type) {_MEMORY}"
        for left, right in (("time()", "1"), ("1", "time()"), ("time()", "time()")):
            yield f"{left} {operator} bool {right}"
    for operator in _ARITHMETIC:
        for left, right in (("time()", "1"), ("1", "time()"), ("time()", "time()")):
            yield f"{left} {operator} {right}"
    for operator in _OPERATORS:
        for other in ("1.2345", "(1 * 2 + 4 / 6 - 10)", "time()"):
            yield f"{_MEMORY} {operator} {other}"
        for other in ("0.12345", "(1 * 2 + 4 / 6 - (10%7)^2)", "time()"):
            yield f"{other} {operator} {_MEMORY}"
        yield f"{_MEMORY} {operator} on(instance, job, type) {_MEMORY}"
        summed = f"sum by(instance, type) ({_MEMORY})"
        yield f"{summed} {operator} on(instance, type) group_left(job) {_MEMORY}"
    yield f"{_MEMORY} / on(instance, job, type, __name__) {_MEMORY}"
    for grouping in ("", " group_left", " group_left(job)"):
        yield f"sum without(job) ({_MEMORY}) / on(instance, type){grouping} {_MEMORY}"
    yield f"{_MEMORY} / on(instance, job) group_left demo_num_cpus"
    yield f"{_MEMORY} / on(instance, type, job, non_existent) {_MEMORY}"
    for number in ("Inf", "-Inf", "NaN"):
        yield f"demo_num_cpus * {number}"
    yield from (f"{_MEMORY} + -(1)", f"-{_MEMORY}", "-1 ^ 2")
    yield from (f"timestamp({_MEMORY} * 1)", f"timestamp(-{_MEMORY})")


def _functions() -> Iterator[str]:
    for length in _RANGES:
        for function in _OVER_TIME:
            yield f"{function}_over_time({_MEMORY}[{length}])"
        for quantile in _QUANTILES:
            yield f"quantile_over_time({quantile}, {_MEMORY}[{length}])"
        for function in ("delta", "rate", "increase", "idelta", "irate", "resets"):
            yield f"{function}({_CPU}[{length}])"
        yield f"deriv(demo_disk_usage_bytes[{length}])"
        yield f"predict_linear(demo_disk_usage_bytes[{length}], 600)"
        yield f"changes({_DONE}[{length}])"
    for function in ("delta", "rate", "increase"):
        yield f"{function}(nonexistent_metric[5m])"
    for function in _MATH:
        yield f"{function}({_MEMORY})"
        yield f"{function}(-{_MEMORY})"
    for function in _CALENDAR:
        yield f"{function}()"
        for offset in _OFFSETS:
            yield f"{function}({_DONE} offset {offset})"
    yield from ("timestamp(demo_num_cpus)", "timestamp(timestamp(demo_num_cpus))", "time()")
    yield from (f"clamp_min({_MEMORY}, 2)", f"clamp_max({_MEMORY}, 2)")
    for bounds in ("0, 1", "0, 1000000000000", "1000000000000, 0", "1e12, 1e12"):
        yield f"clamp({_MEMORY}, {bounds})"
    yield from ("vector(1.23)", "vector(time())")
    for quantile in _QUANTILES:
        yield f"histogram_quantile({quantile}, rate({_BUCKETS}[1m]))"
    for argument in ("nonexistent_metric", _MEMORY, '{__name__=~"demo_api_request_.+"}'):
        yield f"histogram_quantile(0.9, {argument})"
    yield f'count_values("value", {_BUCKETS})'
    yield from (f"absent({_MEMORY})", "absent(nonexistent_metric_name)")


def _labels() -> Iterator[str]:
    for arguments in (
        f'"job", "destination-value-$1", "instance", "{HOST[:12]}:(.*)"',
        '"job", "destination-value-$1", "instance", "host:(.*)"',
        '"job", "$1-$2", "instance", "demo(.*):(.*)"',
        '"job", "value-$1", "nonexistent-src", "source-value-(.*)"',
        '"job", "value-$1", "nonexistent-src", "(.*)"',
        '"job", "value-$1", "instance", "non-matching-regex"',
        '"job", "", "dst", ".*"',
        '"job", "value-$1", "src", "(.*"',
        r'"\xff", "", "src", "(.*)"',
        '"instance", "", "", ""',
    ):
        yield f"label_replace(demo_num_cpus, {arguments})"
    for arguments in (
        '"new_label", "-", "instance", "job"', '"job", "-", "instance", "job"',
        '"job", "-", "instance"', r'"\xff", "-", "instance"',
    ):  # fmt: skip
        yield f"label_join(demo_num_cpus, {arguments})"
