"""Reports over tracked requests beside a count by hand."""

import asyncio
import itertools
import math
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.api.requests import NewRequest, RequestSelection
from storage.events import DuckEventStore

NOW_MS = 1_764_000_000_000
HOUR_MS = 3_600_000
PROJECTS = itertools.count(1)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


REQUESTS = st.lists(
    st.builds(
        NewRequest,
        st.integers(0, 50).map(lambda hour: NOW_MS - hour * HOUR_MS),
        st.sampled_from(["GET", "POST"]),
        st.sampled_from(["/users/{id}", "/a"]),
        st.sampled_from(["/users/7", "/A"]),
        st.sampled_from([200, 204, 301, 404, 429, 500, 503]),
        st.integers(0, 3_000_000),
        st.none() | st.integers(0, 2**40),
        st.none(),
        st.sampled_from(["", "shop"]),
        st.just(""),
        st.sampled_from(["1", "2"]),
    ),
    max_size=20,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    REQUESTS,
    st.sampled_from(
        [
            {},
            {"methods": ("GET",)},
            {"statuses": (400, 499)},
            {"search": "USERS"},
            {"search": "Shop"},
        ]
    ),
)
async def test_figures_are_those_counted_by_hand(
    store: DuckEventStore, requests: Sequence[NewRequest], only: dict[str, tuple[str, ...]]
) -> None:
    selection = RequestSelection(next(PROJECTS), NOW_MS - 40 * HOUR_MS, NOW_MS + 1, **only)  # type: ignore[arg-type]
    if requests:
        await store.requests.append_requests(selection.project, requests)
    chosen = [one for one in requests if holds(selection, one)]
    durations = [one.duration_us for one in chosen]
    found = await store.requests.summary(selection, [0.5, 0.95], 500_000)
    assert found.requests == len(chosen)
    assert found.client_errors == sum(400 <= one.status < 500 for one in chosen)
    assert found.server_errors == sum(one.status >= 500 for one in chosen)
    quick = [one for one in chosen if one.status < 500]
    assert found.satisfied == sum(one.duration_us <= 500_000 for one in quick)
    assert found.tolerating == sum(500_000 < one.duration_us <= 2_000_000 for one in quick)
    if chosen:
        assert found.mean_us == pytest.approx(np.mean(durations))
        assert found.percentiles_us[0.95] == pytest.approx(np.quantile(durations, 0.95))
    else:
        assert math.isnan(found.mean_us)

    edges = selection.start_ms + np.arange(15, dtype=np.int64) * 3 * HOUR_MS
    series = await store.requests.request_series(selection, edges)
    places = np.searchsorted(edges, [one.time_ms for one in chosen], side="right") - 1
    assert series.requests.tolist() == np.bincount(places, minlength=14).tolist()
    for bucket in range(14):
        inside = [one.duration_us for one, at in zip(chosen, places, strict=True) if at == bucket]
        if inside:
            assert series.p50_us[bucket] == pytest.approx(np.quantile(inside, 0.5))
            assert series.p95_us[bucket] == pytest.approx(np.quantile(inside, 0.95))
            assert series.p99_us[bucket] == pytest.approx(np.quantile(inside, 0.99))
        else:
            assert math.isnan(series.mean_us[bucket])

    latency = await store.requests.latency_counts(selection, edges)
    pairs = zip(chosen, places.tolist(), strict=True)
    assert {
        (bucket, latency.first_bin + column): count
        for (bucket, column), count in np.ndenumerate(latency.counts)
        if count
    } == Counter((at, bin_of(one.duration_us)) for one, at in pairs)

    statuses = await store.requests.by_property(selection, "status", 10)
    assert {one.value: one.requests for one in statuses} == Counter(
        str(one.status) for one in chosen
    )
    for version in await store.requests.by_property(selection, "version", 10):
        inside = [one.duration_us for one in chosen if one.version == version.value]
        assert version.p95_us == pytest.approx(np.quantile(inside, 0.95))

    routes = await store.requests.routes(selection, "requests", 10)
    assert sum(route.requests for route in routes) == len(chosen)
    assert [route.requests for route in routes] == sorted(
        (route.requests for route in routes), reverse=True
    )
    consumers = await store.requests.consumers(selection, 10)
    assert sum(consumer.requests for consumer in consumers) == len(chosen)
    log = await store.requests.latest_requests(selection, 100)
    newest_first = sorted(enumerate(chosen), key=lambda pair: (-pair[1].time_ms, -pair[0]))
    assert [one.request for one in log] == [one for _, one in newest_first]


def bin_of(duration_us: int) -> int:
    """Return the first bin whose bound, 2 ** (k / 8), is not exceeded; in whole numbers."""
    return next(k for k in itertools.count() if duration_us**8 <= 2**k)


def holds(selection: RequestSelection, one: NewRequest) -> bool:
    return (
        selection.start_ms <= one.time_ms < selection.end_ms
        and (selection.methods is None or one.method in selection.methods)
        and (
            selection.statuses is None
            or selection.statuses[0] <= one.status <= selection.statuses[1]
        )
        and (
            selection.search is None
            or any(
                selection.search.lower() in text.lower()
                for text in (one.path, one.route, one.consumer)
            )
        )
    )


async def test_requests_survive_a_restart_and_go_on_in_order(
    store: DuckEventStore, tmp_path: Path
) -> None:
    one = NewRequest(NOW_MS, "GET", "/a", "/a", 200, 5, client="c", version="1")
    await store.requests.append_requests(1, [one])
    await asyncio.to_thread(store.close)
    again = DuckEventStore(tmp_path / "events.duckdb")
    await again.requests.append_requests(1, [replace(one, path="/b")])
    selection = RequestSelection(1, 0, 2**53)
    log = await again.requests.latest_requests(selection, 10)
    assert [(each.sequence, each.request.path) for each in log] == [(1, "/b"), (0, "/a")]
    assert await again.requests.latest_requests(selection, 10, (NOW_MS, 1)) == log[1:]
    assert await again.requests.delete_requests_before(1, NOW_MS + 1) == 2
    await asyncio.to_thread(again.close)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 604_800_000_000), min_size=1, max_size=30))
async def test_bins_are_exact_at_their_bounds(store: DuckEventStore, durations: list[int]) -> None:
    # Around each bound: the last whole number in the bin and the first one after it.
    bounds = [math.floor(2 ** (bin_of(one) / 8)) for one in durations]
    every = [*durations, *bounds, *(bound + 1 for bound in bounds)]
    selection = RequestSelection(next(PROJECTS), NOW_MS, NOW_MS + 1)
    await store.requests.append_requests(
        selection.project, [NewRequest(NOW_MS, "GET", "/", "/", 200, one) for one in every]
    )
    edges = np.array([NOW_MS, NOW_MS + 1], np.int64)
    found = await store.requests.latency_counts(selection, edges)
    counts = {found.first_bin + at: n for at, n in enumerate(found.counts[0].tolist()) if n}
    assert counts == Counter(bin_of(one) for one in every)


async def test_deleting_creates_no_file(store: DuckEventStore, tmp_path: Path) -> None:
    assert await store.requests.delete_requests_before(1, NOW_MS) == 0
    assert await store.delete_before(1, NOW_MS) == 0
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
