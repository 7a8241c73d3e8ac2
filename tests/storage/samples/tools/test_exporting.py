import pytest

from model.labels import Labels
from model.matchers import Matcher
from storage.samples.store import SqliteSampleStore
from storage.samples.tools import exporting
from storage.samples.tools.exporting import exported
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import BASE_MS, named, series, whole


@pytest.fixture
def filled(store: SqliteSampleStore) -> SqliteSampleStore:
    layout = store.layout([*series("x", "y"), Labels.of(__name__="x", n="1")])
    for job, instance in (("a", "1"), ("a", "2"), ("b", "")):
        source = store.source(Labels.of(job=job, instance=instance))
        for tick in range(12):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, 1, tick / 7))
    return store


@pytest.mark.parametrize("at_once", [0, 30, 10**6])
def test_every_series_is_exported_once_whatever_the_memory_limit(
    filled: SqliteSampleStore, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_SAMPLES_AT_ONCE", at_once)
    span = (BASE_MS + 2000, BASE_MS + 9000)
    everything = samples_of(filled.select([], *span))
    assert samples_of(list(exported(filled._query, [[]], *span))) == everything
    both = [[Matcher.of("job", "=", "a")], named("y")]
    assert samples_of(list(exported(filled._query, both, *span))) == {
        labels: samples
        for labels, samples in everything.items()
        if labels.get("job") == "a" or labels.metric == "y"
    }
