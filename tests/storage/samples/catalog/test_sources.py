import pytest

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.sources import Sources
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import BASE_MS, series, whole

LABELS = Labels.of(job="node")
COMPANIONS = [kind for kind in SourceKind if kind is not SourceKind.SAMPLES]


@pytest.mark.parametrize("kind", COMPANIONS)
def test_a_companion_has_a_stream_of_its_own_and_is_hidden(kind: SourceKind) -> None:
    sources = Sources()
    source = sources.of(LABELS, "b")
    assert sources.find_companion(source, kind) is None
    companion = sources.companion(source, kind)
    assert sources.find_companion(source, kind) is companion
    assert companion.labels == source.labels
    assert SourceKind.of_stream(companion.stream) is kind
    assert sources.of_kind(kind) == sources.hidden == {companion.id}
    assert sources.of_kind(SourceKind.SAMPLES) == {source.id}


@pytest.mark.parametrize("kind", COMPANIONS)
def test_readers_of_samples_never_see_a_companion(
    store: SqliteSampleStore, kind: SourceKind
) -> None:
    layout = store.layout(series("x"))
    store.append(store.source(LABELS), whole(layout, BASE_MS, 1))
    hidden = kind.stream_for("other")
    with pytest.raises(ValueError, match="must not begin with"):
        store.source(LABELS, hidden)
    store.append(Source(99, LABELS, hidden), whole(store.layout(series("y")), BASE_MS, 2))
    (part,) = store.select([], BASE_MS, BASE_MS)
    assert [labels.metric for labels in part.labels] == ["x"]
    assert store.label_values("__name__", [], BASE_MS, BASE_MS) == ["x"]
    assert [labels.metric for labels in store.series([], BASE_MS, BASE_MS)] == ["x"]
    assert store.stats().sources == 1
