import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.matchers import Matcher, matches_all
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.reading.matching import Selector

names = st.sampled_from(["__name__", "a", "b", "job"])
values = st.sampled_from(["", "x", "y", "xy", "é"])
label_sets = st.dictionaries(names, values).map(Labels.of)
matchers = st.builds(
    Matcher.of,
    names,
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["", "x", "y|", "x.*", ".+", "x?y?"]),
)


@given(
    st.lists(label_sets, max_size=8, unique=True),
    st.dictionaries(st.sampled_from(["a", "job"]), values).map(Labels.of),
    st.lists(matchers, max_size=4),
)
def test_selector_agrees_with_the_matchers(
    series: list[Labels], own: Labels, conditions: list[Matcher]
) -> None:
    metrics = MetricNames()
    layout = Layouts(Interner(), metrics).of(series)
    match = Selector(conditions, metrics).match(Source(1, own), layout)
    expected = [labels for one in series if matches_all(conditions, labels := own.overlaid(one))]
    assert list(match.labels if match else ()) == list(dict.fromkeys(expected))
    if match:
        assert [own.overlaid(series[column]) for column in match.columns] == list(match.labels)


def test_selector_finds_metrics_that_are_newer_than_itself() -> None:
    metrics = MetricNames()
    layouts = Layouts(Interner(), metrics)
    source = Source(1, Labels())
    for matcher in (Matcher.of("__name__", "=", "new"), Matcher.of("__name__", "=~", "n.*")):
        selector = Selector([matcher], metrics)
        assert selector.match(source, layouts.of([Labels.of(__name__="old")])) is None
        assert selector.match(source, layouts.of([Labels.of(__name__="new")])) is not None


@pytest.mark.parametrize("operator", ["=", "!="])
def test_selector_that_compares_values_remembers_none_of_other_sources(operator: str) -> None:
    sources = [Source(number, Labels.of(instance=f"host-{number}")) for number in range(2000)]
    selector = Selector([Matcher.of("instance", operator, "host-7")], MetricNames())
    tracemalloc.start()
    try:
        admitted = sum(selector.admits(source) for source in sources)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert admitted == (1 if operator == "=" else 1999)
    assert held_bytes < 10 * len(sources)
