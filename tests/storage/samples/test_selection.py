"""What selectors mean is remembered as long as somebody asks, and no longer."""

import gc
import weakref

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.interning import Interner
from storage.samples.layouts import Layouts, MetricNames
from storage.samples.selection import CachedSelector, SelectorCache
from tests.storage.samples.sample_builders import named, series

SOURCE = Source(1, Labels.of(job="a"))


def test_layouts_that_nobody_asks_for_any_more_are_let_go() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    selector = CachedSelector(named("x"), metrics)
    kept = layouts.of(series("x"))
    answer = selector.select(SOURCE, [kept])
    gone = []
    for number in range(20):
        # A series that comes and goes, as containers and processes do.
        layout = layouts.of(series("x", f"y{number}"))
        gone.append(weakref.ref(layout))
        assert selector.select(SOURCE, [layout]) is not None
        assert selector.select(SOURCE, [kept]) is answer
        del layout
        selector.age()
    gc.collect()
    assert sum(one() is not None for one in gone) <= 2
    assert selector.label_sets <= 3


def test_selectors_that_nobody_asks_for_any_more_are_let_go() -> None:
    cache = SelectorCache(MetricNames())
    often, once = cache.get(named("x")), cache.get(named("y"))
    for _ in range(3):
        assert cache.get(named("x")) is often
        cache.age()
    assert cache.get(named("x")) is often
    assert cache.get(named("y")) is not once
