import asyncio
from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from model.matchers import Matcher
from model.series import STALE, STALE_BITS
from storage.api.errors import OutOfOrderError, StoreClosedError
from storage.api.samples import Layout, Source, Vector
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import (
    BASE_MS,
    change,
    column_array,
    named,
    series,
    small,
    whole,
)

ALL: list[Matcher] = []


def floats(store: SqliteSampleStore, name: str) -> dict[int, float]:
    (found,) = samples_of(store.select(named(name), 0, 2 * BASE_MS)).values()
    return {
        (time - BASE_MS): float(np.uint64(bits).view(np.float64)) for time, bits in found.items()
    }


@pytest.fixture
def node(store: SqliteSampleStore) -> Source:
    return store.source(Labels.of(job="node", instance="a"))


def test_unchanged_columns_keep_their_value(store: SqliteSampleStore, node: Source) -> None:
    layout = store.layout(series("load", "up"))
    store.append(node, whole(layout, BASE_MS, 0.5, 1))
    store.append(node, change(layout, BASE_MS + 1000, {0: 0.75}))
    assert floats(store, "load") == {0: 0.5, 1000: 0.75}
    assert floats(store, "up") == {0: 1, 1000: 1}


def test_series_labels_override_source_labels(store: SqliteSampleStore, node: Source) -> None:
    layout = store.layout([Labels.of(__name__="x", job="scraped")])
    store.append(node, whole(layout, BASE_MS, 1))
    (part,) = store.select(ALL, BASE_MS, BASE_MS)
    assert part.labels == (Labels.of(__name__="x", instance="a", job="scraped"),)
    assert store.select([Matcher.of("job", "=", "node")], BASE_MS, BASE_MS) == []


def test_ended_series_has_one_marker_until_it_returns(
    store: SqliteSampleStore, node: Source
) -> None:
    layout = store.layout(series("x"))
    store.append(node, whole(layout, BASE_MS, 1))
    store.append(node, change(layout, BASE_MS + 1, {0: STALE}))
    store.append(node, change(layout, BASE_MS + 2, {}))
    store.append(node, change(layout, BASE_MS + 3, {0: 2}))
    (found,) = samples_of(store.select(ALL, 0, 2 * BASE_MS)).values()
    assert list(found) == [BASE_MS, BASE_MS + 1, BASE_MS + 3]
    assert found[BASE_MS + 1] == STALE_BITS


def test_vector_that_is_not_newer_is_refused(store: SqliteSampleStore, node: Source) -> None:
    layout = store.layout(series("x"))
    store.append(node, whole(layout, BASE_MS, 1))
    for time_ms in (BASE_MS, BASE_MS - 3_600_000):
        with pytest.raises(OutOfOrderError):
            store.append(node, whole(layout, time_ms, 2))
    assert floats(store, "x") == {0: 1}


@pytest.mark.parametrize(
    "vector",
    [
        Vector(BASE_MS + 1, Layout(0, ()), column_array([0]), np.array([1.0])),
        Vector(BASE_MS + 1, Layout(0, tuple(series("x", "y"))), None, np.array([1.0])),
        Vector(BASE_MS + 1, Layout(0, tuple(series("x"))), column_array([1]), np.array([1.0])),
        Vector(BASE_MS + 1, Layout(0, tuple(series("x"))), column_array([7, 0]), np.ones(2)),
        Vector(BASE_MS + 1, Layout(0, tuple(series("x"))), column_array([0]), np.ones(2)),
        Vector(BASE_MS + 1, Layout(0, tuple(series("x"))), None, np.array([1], np.float32)),
        Vector(10**16, Layout(0, tuple(series("x"))), None, np.array([1.0])),
    ],
)
def test_vector_that_does_not_fit_is_refused_and_changes_nothing(
    store: SqliteSampleStore, node: Source, vector: Vector
) -> None:
    layout = store.layout(series("x"))
    store.append(node, whole(layout, BASE_MS, 1))
    with pytest.raises(ValueError, match=r"."):
        store.append(node, vector)
    store.append(node, change(layout, BASE_MS + 2, {}))
    assert floats(store, "x") == {0: 1, 2: 1}


def test_first_vector_must_be_whole(store: SqliteSampleStore, node: Source) -> None:
    with pytest.raises(ValueError, match="every column"):
        store.append(node, change(store.layout(series("x")), BASE_MS, {0: 1}))


def test_growing_layout_continues_the_chunk(store: SqliteSampleStore, node: Source) -> None:
    store.append(node, whole(store.layout(series("x")), BASE_MS, 1))
    grown = store.layout(series("x", "y", "z"))
    store.append(node, change(grown, BASE_MS + 1, {1: 5}))
    assert floats(store, "x") == {0: 1, 1: 1}
    assert floats(store, "y") == {1: 5}
    assert store.select(named("z"), 0, 2 * BASE_MS) == []


def test_layout_may_be_replaced_by_a_whole_vector(store: SqliteSampleStore, node: Source) -> None:
    store.append(node, whole(store.layout(series("x", "y")), BASE_MS, 1, 2))
    other = store.layout(series("y"))
    with pytest.raises(ValueError, match="does not extend"):
        store.append(node, change(other, BASE_MS + 1, {0: 3}))
    store.append(node, whole(other, BASE_MS + 1, 3))
    assert floats(store, "x") == {0: 1}
    assert floats(store, "y") == {0: 2, 1: 3}


def test_equal_series_have_one_layout(store: SqliteSampleStore) -> None:
    assert store.layout(series("x", "y")) is store.layout(series("x", "y"))
    assert store.layout(series("y", "x")) is not store.layout(series("x", "y"))


def test_label_set_of_several_sources_occurs_once(store: SqliteSampleStore, node: Source) -> None:
    layout = store.layout(series("x", "only_first"))
    store.append(node, whole(layout, BASE_MS, 1, 7))
    store.append(node, whole(layout, BASE_MS + 1, STALE, STALE))
    other = store.source(node.labels, "push")
    assert other is not node
    store.append(other, whole(store.layout(series("x")), BASE_MS + 1, 2))
    store.append(other, whole(store.layout(series("x")), BASE_MS + 2, 3))
    assert floats(store, "x") == {0: 1, 1: 2, 2: 3}
    assert list(floats(store, "only_first")) == [0, 1]


def test_sources_of_one_metric_are_stacked(store: SqliteSampleStore) -> None:
    layout = store.layout(series("up", "x"))
    for number in range(20):
        source = store.source(Labels.of(instance=f"{number:02}"))
        for tick in range(3 + number % 2):
            store.append(source, whole(layout, BASE_MS + tick, number, 0))
    (part,) = store.select(named("up"), 0, 2 * BASE_MS)
    assert part.times_ms.shape == (20, 4)
    assert [labels.get("instance") for labels in part.labels] == [f"{n:02}" for n in range(20)]


async def test_reopened_store_holds_what_was_committed(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(store.open)
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series("x", "y"))
    for tick in range(13):
        store.append(source, whole(layout, BASE_MS + tick, tick, tick // 4))
        if tick == 6:
            await asyncio.to_thread(store.maintain, BASE_MS + 120_000)
    await store.commit()
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(again.open)
    try:
        assert (
            await asyncio.to_thread(floats, again, "x")
            == await asyncio.to_thread(floats, store, "x")
            == {tick: tick for tick in range(13)}
        )
        assert again.source(source.labels) == source
        assert again.layout(series("x", "y")).id == layout.id
        with pytest.raises(OutOfOrderError):
            again.append(source, whole(layout, BASE_MS + 12, 0, 0))
    finally:
        await asyncio.to_thread(again.close)
        await asyncio.to_thread(store.close)


async def test_closed_store_refuses(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    layout = store.layout(series("x"))
    with pytest.raises(StoreClosedError):
        store.append(store.source(Labels.of(a="b")), whole(layout, BASE_MS, 1))
    with pytest.raises(StoreClosedError):
        await store.commit()


def test_names_and_values_are_listed(store: SqliteSampleStore, node: Source) -> None:
    other = store.source(Labels.of(job="web", instance="b"))
    store.append(node, whole(store.layout(series("x", "y")), BASE_MS, 1, 2))
    store.append(other, whole(store.layout(series("y", "z")), BASE_MS, 1, 2))
    span = (BASE_MS, BASE_MS)
    assert store.label_names([], *span) == ["__name__", "instance", "job"]
    assert store.label_values("__name__", [], *span) == ["x", "y", "z"]
    assert store.label_values("__name__", [], *span, 2) == ["x", "y"]
    assert store.label_values("instance", [], *span) == ["a", "b"]
    assert store.label_values("missing", [], *span) == []
    assert store.label_values("job", [named("x"), named("z")], *span) == ["node", "web"]
    assert [str(labels) for labels in store.series([named("y")], *span)] == [
        'y{instance="a",job="node"}',
        'y{instance="b",job="web"}',
    ]
    assert store.series([named("y")], 0, 1) == []


def test_values_hidden_by_the_series_are_not_listed(store: SqliteSampleStore, node: Source) -> None:
    over = [Labels.of(__name__="x", job="scraped"), Labels.of(__name__="y", job="other")]
    store.append(node, whole(store.layout(over), BASE_MS, 1, 2))
    span = (BASE_MS, BASE_MS)
    for selectors in ([], [[Matcher.of("instance", "=", "a")]]):
        assert store.label_values("job", selectors, *span) == ["other", "scraped"]
        assert store.label_names(selectors, *span) == ["__name__", "instance", "job"]


def test_stats_count_head_and_windows(store: SqliteSampleStore, node: Source) -> None:
    layout = store.layout(series("x", "y"))
    for tick in range(7):
        store.append(node, whole(layout, BASE_MS + tick, tick, 1))
    store.maintain(BASE_MS + 120_000)
    stats = store.stats()
    assert (stats.series, stats.sources, stats.samples_total) == (2, 1, 14)
    assert (stats.oldest_ms, stats.newest_ms) == (BASE_MS, BASE_MS + 6)
    (window,) = stats.windows
    assert window.samples + stats.head_samples == 14
    assert window.size_bytes > 0
    assert {metric.metric: metric.series for metric in stats.metrics} == {"x": 1, "y": 1}
    assert all(metric.size_bytes > 0 for metric in stats.metrics)
    sizes = [metric.size_bytes for metric in stats.heaviest]
    assert sizes == sorted(sizes, reverse=True)


def test_layout_of_more_than_65536_series_is_accepted(
    store: SqliteSampleStore, node: Source
) -> None:
    labels = [Labels.of(__name__="x", n=str(number)) for number in range(65_538)]
    store.append(node, whole(store.layout(labels[:65_536]), BASE_MS, *range(65_536)))
    store.append(node, change(store.layout(labels[:65_536]), BASE_MS + 1, {65_535: 7}))
    store.append(node, change(store.layout(labels), BASE_MS + 2, {65_537: 8}))
    store.append(node, change(store.layout(labels), BASE_MS + 3, {65_536: 9, 65_537: 10}))
    last = [Matcher.of("n", "=~", "65535|65536|65537")]
    found = samples_of(store.select(last, 0, 2 * BASE_MS))
    assert [
        [float(np.uint64(bits).view(np.float64)) for bits in samples.values()]
        for samples in found.values()
    ] == [[65_535, 7, 7, 7], [9], [8, 10]]
