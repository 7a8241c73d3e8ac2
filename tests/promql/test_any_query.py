"""Every query that parses yields an answer or a PromQLError, never a crash."""

import math
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from model.labels import Labels
from promql.api import ParseError, PromQLError, QueryOptions
from promql.engine import EngineSettings, LocalEngine
from promql.syntax.parser import parse
from tests.promql.strategies import queries
from tests.promqltest.store import MemoryStore


def _store() -> MemoryStore:
    store = MemoryStore()
    for number, name in enumerate(
        ("up", "node_load1", "requests_total", "sum", "by", "a:b", "a.b c", "_x", "start")
    ):
        for instance in "ab":
            for le in ("", "0.5", "+Inf", "x"):
                labels = Labels.of(__name__=name, job="j", instance=instance, le=le, mode="idle")
                store.load(
                    {
                        labels: {
                            tick * 15_000 + number: value
                            for tick, value in enumerate(
                                [1.0, 2.0, math.nan, -3.5, 0.0, math.inf, 7.0, 1e300] * 3
                            )
                            if (tick + number) % 5 or instance == "a"
                        }
                    }
                )
    return store


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[LocalEngine, LocalEngine]]:
    reader = _store().reader
    settings_ = EngineSettings(max_samples=200_000, timeout_s=20)
    delayed = EngineSettings(max_samples=200_000, timeout_s=20, delayed_name_removal=True)
    both = LocalEngine(reader, settings_), LocalEngine(reader, delayed)
    yield both
    for engine in both:
        engine.close_blocking()


@settings(max_examples=200, deadline=None)
@given(query=queries, delayed=st.booleans())
def test_any_query_is_answered_or_rejected(
    engines: tuple[LocalEngine, LocalEngine], query: str, *, delayed: bool
) -> None:
    try:
        parse(query)
    except ParseError:
        reject()
    engine = engines[delayed]
    for time_ms in (200_000, -5):
        with suppress(PromQLError):
            engine.instant_blocking(query, time_ms)
    with suppress(PromQLError):
        engine.range_blocking(query, 0, 400_000, 35_000)


@pytest.mark.parametrize(
    "query",
    [
        "max_over_time(up[250y:1ms])",
        "up @ 4000000000000000",
        "up @ -4000000000000000 smoothed",
        "rate(requests_total[290y] smoothed)",
        "up offset 290y",
        "rate(up[5m:1ms] @ 4000000000000000)",
        "up[292y]",
        "vector(1) ^ 1e308 * NaN",
        "quantile_over_time(NaN, up[10m])",
        "topk(1e18, up)",
        "topk(1e300, up)",
        "topk(-5, up)",
        "limitk(Inf, up)",
        "limit_ratio(-Inf, up)",
        "year(vector(1e300)) + month(vector(-1e300))",
        "round(up, 0)",
        "predict_linear(up[5m], Inf)",
        'count_values("", up)',
        'count_values("a\\xff", up)',
        'label_replace(up, "a", "$99999999999999999999", "job", ".*")',
        'label_replace(up, "a", "b", "job", "\\xff")',
        'histogram_quantile(0.5, {__name__=~".+"})',
        'info(up, {instance="a"})',
        "double_exponential_smoothing(up[5m], 2, 0.5)",
        "up[1e-9]",
        "up[9e99]",
        "up offset (1/0)",
        "up[2^2^2^2^2]",
        'up{job=~"\\xff"}',
    ],
)
def test_extreme_queries_are_answered_or_rejected(
    engines: tuple[LocalEngine, LocalEngine], query: str
) -> None:
    options = QueryOptions(timeout_s=5)
    with suppress(PromQLError):
        engines[0].instant_blocking(query, 200_000, options)
    with suppress(PromQLError):
        engines[0].range_blocking(query, 0, 400_000, 35_000, options)


@pytest.mark.parametrize("time_ms", [2**62, -(2**62), 2**80])
def test_times_out_of_range_are_rejected(
    engines: tuple[LocalEngine, LocalEngine], time_ms: int
) -> None:
    with pytest.raises(PromQLError, match="out of range"):
        engines[0].instant_blocking("up", time_ms)
    with pytest.raises(PromQLError, match="out of range"):
        engines[0].range_blocking("up", min(0, time_ms), max(0, time_ms), 2**60)
