"""Label sets that several sources yield are found without comparing all."""

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.reading.chunk_reader import SourceSelection
from storage.samples.reading.duplicates import doubled_labels
from storage.samples.reading.selection import CachedSelector
from tests.storage.samples.sample_builders import named

_values = st.sampled_from(["", "x", "y"])
_own = st.dictionaries(st.sampled_from(["instance", "zone"]), _values).map(Labels.of)
_series = st.dictionaries(st.sampled_from(["instance", "zone"]), _values)
_layout = st.lists(_series, min_size=1, max_size=3, unique_by=str)
_HERE, _THERE = Labels.of(instance="x"), Labels.of(instance="y")


@example(sources=[(_HERE, [[{}]]), (_THERE, [[{}]])])
@example(sources=[(_HERE, [[{}]]), (_HERE, [[{}]])])
@example(sources=[(_HERE, [[{}]]), (_THERE, [[{"instance": "x"}]])])
@example(sources=[(_HERE, [[{}]]), (_THERE, [[{"zone": "x"}], [{"instance": "x"}]])])
@example(sources=[(_HERE, [[{"zone": "x"}]]), (Labels.of(instance="x", zone="x"), [[{}]])])
@given(sources=st.lists(st.tuples(_own, st.lists(_layout, min_size=1, max_size=2)), max_size=5))
def test_label_sets_of_several_sources_are_found(
    sources: list[tuple[Labels, list[list[dict[str, str]]]]],
) -> None:
    metrics = MetricNames()
    layouts, selector = Layouts(Interner(), metrics), CachedSelector(named("up"), metrics)
    selections = []
    for number, (own, contents) in enumerate(sources):
        # Streams of one sender have equal labels.
        source = Source(number, own, str(number))
        known = [
            layouts.of([Labels.of(one, __name__="up") for one in content]) for content in contents
        ]
        selected = selector.select(source, list(dict.fromkeys(known)))
        assert selected is not None
        selections.append(SourceSelection(selected, []))
    told = Counter(labels for one in selections for labels in one.labels)
    assert doubled_labels(selections) == {labels for labels, count in told.items() if count > 1}
