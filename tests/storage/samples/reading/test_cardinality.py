from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import STALE
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.head.source_head import SourceHead
from storage.samples.reading.cardinality import cardinality
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import change, series, whole

BASE_MS = 1_700_000_000_000
ALL = 1000


def test_series_are_counted_by_metric_label_and_pair(store: SqliteSampleStore) -> None:
    layout = store.layout([Labels.of(__name__="x", cpu=str(cpu)) for cpu in range(3)])
    for instance in ("a", "b"):
        source = store.source(Labels.of(instance=instance, job="node"))
        store.append(source, whole(layout, BASE_MS, 1, 2, 3))
    found = store.cardinality(ALL)
    assert (found.series, found.label_pairs, found.chunks) == (6, 7, 2)
    assert (found.oldest_ms, found.newest_ms) == (BASE_MS, BASE_MS)
    assert found.series_by_metric == (("x", 6),)
    assert dict(found.values_by_label) == {"__name__": 1, "cpu": 3, "instance": 2, "job": 1}
    assert dict(found.bytes_by_label) == {"__name__": 6, "cpu": 6, "instance": 6, "job": 24}
    assert dict(found.series_by_pair)["instance=a"] == 3
    assert dict(found.series_by_pair)["cpu=0"] == 2
    assert len(store.cardinality(2).series_by_pair) == 2


def test_ended_series_do_not_count(store: SqliteSampleStore) -> None:
    source, layout = store.source(Labels.of(job="j")), store.layout(series("x", "y"))
    store.append(source, whole(layout, BASE_MS, 1, 2))
    store.append(source, change(layout, BASE_MS + 1, {0: STALE}))
    found = store.cardinality(ALL)
    assert found.series == 1
    assert dict(found.series_by_pair) == {"__name__=y": 1, "job=j": 1}


def test_cardinality_of_an_empty_store_is_zero(store: SqliteSampleStore) -> None:
    found = store.cardinality(ALL)
    assert (found.series, found.label_pairs, found.oldest_ms) == (0, 0, None)


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"])).map(Labels.of)


@given(st.lists(st.tuples(LABELS, st.lists(LABELS, min_size=1, max_size=4, unique=True))))
def test_counts_equal_those_of_single_series(
    sources: list[tuple[Labels, list[Labels]]],
) -> None:
    layouts, heads = Layouts(Interner(), MetricNames()), []
    for number, (own, columns) in enumerate(sources):
        layout = layouts.of([Labels.of(labels, __name__="m") for labels in columns])
        head = SourceHead(Source(number, own), layout, 0, 0)
        head.append(whole(layout, BASE_MS, *range(len(columns))), layout)
        heads.append(head)
    expected: Counter[str] = Counter()
    for own, columns in sources:
        for labels in columns:
            merged = own.overlaid(Labels.of(labels, __name__="m"))
            expected.update(f"{name}={value}" for name, value in merged)
    assert dict(cardinality(heads, ALL).series_by_pair) == dict(expected)
