"""Caches of the store do not grow with the number of series that have ended."""

import gc
from collections import Counter

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.reading.matching import Match
from storage.samples.reading.selection import PlacedMatch, SelectedSource
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import BASE_MS, named, whole

_REMEMBERED = (SelectedSource, PlacedMatch, Match)
_RANGE_MS = 20_000
_METRICS = 4


def _live(store: SqliteSampleStore, sources: list[Source], first: int, last: int) -> None:
    """Append a vector a second, every other one with a new layout, and select after each."""
    for second in range(first, last):
        now_ms = BASE_MS + second * 1000
        generation = second // 2
        for source in sources:
            series = [
                Labels.of(__name__=f"x{number % _METRICS}", container=str(generation + number))
                for number in range(3 * _METRICS)
            ]
            store.append(source, whole(store.layout(series), now_ms, *range(len(series))))
        for number in range(_METRICS):
            assert store.select(named(f"x{number}"), now_ms - _RANGE_MS, now_ms)
        if second % 5 == 0:
            store.maintain(now_ms)


def _remembered() -> dict[str, int]:
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, _REMEMBERED))
    return {kind.__name__: kinds[kind.__name__] for kind in _REMEMBERED}


def test_caches_do_not_grow_with_the_number_of_ended_series(
    store: SqliteSampleStore,
) -> None:
    before = _remembered()
    sources = [store.source(Labels.of(instance=name), "") for name in "ab"]
    _live(store, sources, 0, 110)
    # Without aging, which would drop unused answers after 120 s.
    held = {kind: count - before[kind] for kind, count in _remembered().items()}
    answers = 3 * len(sources) * _METRICS
    layouts = _RANGE_MS // 2000 + 2
    assert 0 < held["SelectedSource"] <= answers
    assert 0 < held["PlacedMatch"] <= answers * layouts
    assert 0 < held["Match"] <= len(sources) * _METRICS * (layouts + 2)
