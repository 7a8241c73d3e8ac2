"""Selections are cached as long as queries use them."""

import gc
import weakref

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.reading.selection import CachedSelector, SelectorCache
from tests.storage.samples.sample_builders import named, series

SOURCE = Source(1, Labels.of(job="a"))


def test_answers_for_unused_layouts_are_dropped() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    selector = CachedSelector(named("x"), metrics)
    kept = layouts.of(series("x"))
    answer = selector.select(SOURCE, [kept])
    gone = []
    for number in range(20):
        # A short-lived series, such as a container's.
        layout = layouts.of(series("x", f"y{number}"))
        gone.append(weakref.ref(layout))
        assert selector.select(SOURCE, [layout]) is not None
        assert selector.select(SOURCE, [kept]) is answer
        del layout
        selector.age()
    gc.collect()
    assert sum(one() is not None for one in gone) <= 2
    assert selector.label_sets <= 3


def test_oldest_answers_of_a_source_are_dropped() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    selector = CachedSelector(named("x"), metrics)
    steps = [layouts.of(series("x", *(f"y{n}" for n in range(count)))) for count in range(100)]
    # A range of five layouts that moves on, as a rule selects it every second.
    ranges = [steps[first : first + 5] for first in range(96)]
    held = []
    for some in ranges:
        assert selector.select(SOURCE, some) is not None
        held.append((selector.matches, selector.label_sets))
    assert max(held) <= (7, 15), "three answers: seven layouts, each matched once"
    # The last answers are still cached, the first one is not.
    latest = [selector.select(SOURCE, some) for some in ranges[-3:]]
    assert latest == [selector.select(SOURCE, some) for some in ranges[-3:]]
    assert held[-1] == (selector.matches, selector.label_sets)
    selector.age()
    selector.age()
    assert (selector.matches, selector.label_sets) == (0, 0)


def test_answers_of_one_source_share_matches_and_label_sets() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    selector = CachedSelector(named("x"), metrics)
    before, after = layouts.of(series("x")), layouts.of(series("x", "y"))
    alone, both = selector.select(SOURCE, [before]), selector.select(SOURCE, [before, after])
    assert alone is not None
    assert both is not None
    (match,) = (one.match for one in alone.matches)
    again, longer = (one.match for one in both.matches)
    assert again is match
    assert longer.labels[0] is match.labels[0]


def test_new_answers_replace_aged_ones_of_the_same_source_only() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    selector = CachedSelector(named("x"), metrics)
    other = Source(2, Labels.of(job="b"))
    kept = selector.select(other, [layouts.of(series("x"))])
    for number in range(50):
        selector.select(SOURCE, [layouts.of(series("x", f"y{number}"))])
        assert selector.select(other, [layouts.of(series("x"))]) is kept
        if number % 10 == 0:
            selector.age()
        assert selector.matches <= 4


def test_unused_selectors_are_dropped() -> None:
    cache = SelectorCache(MetricNames())
    often, once = cache.get(named("x")), cache.get(named("y"))
    for _ in range(3):
        assert cache.get(named("x")) is often
        cache.age()
    assert cache.get(named("x")) is often
    assert cache.get(named("y")) is not once
