import numpy as np

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.samples.reading.settled import Settled
from storage.samples.reading.settled_cache import SettledCache


def test_memory_is_bounded_and_the_least_used_goes_first() -> None:
    part = AlignedSeries.of_source(
        [Labels.of(__name__="x")], np.arange(100), np.arange(100.0).reshape(1, -1)
    )
    settled = Settled.of(0, 100, [part])
    cache = SettledCache(5 * settled.size_bytes)
    keys = [(Matcher.of("__name__", "=", str(number)),) for number in range(7)]
    for key in keys:
        cache.put(key, settled, cache.version)
        cache.get(keys[0], 0)
    assert [cache.get(key, 0) is not None for key in keys] == [1, 0, 0, 1, 1, 1, 1]


def test_a_read_from_before_a_change_is_not_cached() -> None:
    cache = SettledCache(10**6)
    key = (Matcher.of("__name__", "=", "x"),)
    version = cache.version
    cache.chunk_begins(50)
    cache.put(key, Settled(0, 100, ()), version)
    assert cache.get(key, 0) is None
