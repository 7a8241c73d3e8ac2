import gc
import weakref
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from storage.api.errors import CorruptDataError
from storage.samples.catalog import label_encoding
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.label_encoding import (
    HashedSeries,
    SeriesDigest,
    decode_series,
    pack_series,
    unpack_series,
)
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from tests.storage.samples.sample_builders import series

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
label_sets = st.dictionaries(texts, texts).map(Labels.of)


def fresh() -> Layouts:
    return Layouts(Interner(), MetricNames())


@given(st.lists(label_sets))
def test_series_survive_packing(labels: list[Labels]) -> None:
    assert decode_series(unpack_series(pack_series(labels))) == labels


@given(st.lists(label_sets), st.lists(label_sets))
def test_extended_digest_is_the_digest_of_all_series(
    some: list[Labels], more: list[Labels]
) -> None:
    extended = SeriesDigest.of(some).extended(more)
    assert extended.value() == SeriesDigest.of([*some, *more]).value()


def test_layout_that_grows_hashes_its_new_series_only(monkeypatch: pytest.MonkeyPatch) -> None:
    layouts = fresh()
    names = [f"m{number}" for number in range(100)]
    first = layouts.of(series(*names))
    encode, encoded = label_encoding.encode_series, list[Labels]()

    def recorded(some: Iterable[Labels]) -> bytes:
        encoded.extend(some)
        return encode(some)

    monkeypatch.setattr(label_encoding, "encode_series", recorded)
    grown = layouts.of([*first.series, *series("new")], first)
    assert encoded == series("new")
    assert grown is layouts.of(series(*names, "new"))
    assert (grown.codes == fresh().of(series(*names, "new")).codes).all()


def test_layout_that_does_not_extend_the_one_before_is_made_whole() -> None:
    layouts = fresh()
    other = layouts.of(series("b"), layouts.of(series("a")))
    assert other.series == tuple(series("b"))
    assert other.series_digest().value() == SeriesDigest.of(series("b")).value()


@given(st.binary(max_size=50))
def test_any_other_bytes_raise_corrupt_data(data: bytes) -> None:
    with pytest.raises(CorruptDataError):
        decode_series(unpack_series(data))


@pytest.mark.parametrize("rows", ['[["a",1]]', '[[["a"],""]]', '["ab"]', '[{"a":"b"}]', "7", "[7]"])
def test_label_sets_of_anything_but_text_raise_corrupt_data(rows: str) -> None:
    with pytest.raises(CorruptDataError):
        decode_series(rows.encode())


def test_labels_with_invalid_unicode_are_refused() -> None:
    with pytest.raises(ValueError, match="not valid text"):
        fresh().of([Labels.of(__name__="x", value="\ud800")])


def test_layouts_share_their_label_sets() -> None:
    layouts = fresh()
    first = layouts.of(series("x", "y"))
    second = layouts.of(series("y", "z"))
    assert first.series[1] is second.series[0]


def test_unused_layout_is_freed_and_keeps_its_number() -> None:
    layouts = fresh()
    layout = layouts.of(series("x"))
    number, alive = layout.id, weakref.ref(layout)
    del layout
    gc.collect()
    assert alive() is None
    assert len(layouts) == 0
    assert layouts.of(series("x")).id == number


def test_layout_is_the_same_object_by_number_and_by_series() -> None:
    layouts = fresh()
    layout = layouts.of(series("x"))
    assert layouts.get(layout.id, lambda _: HashedSeries.of([])) is layout
    loaded = layouts.get(77, lambda number: HashedSeries.of(series(f"m{number}")))
    assert layouts.of(series("m77")) is loaded


def test_label_sets_of_freed_layouts_are_swept() -> None:
    interner = Interner()
    layouts = Layouts(interner, MetricNames())
    kept = layouts.of(series("kept"))
    for number in range(12):
        layouts.of([Labels.of(__name__="x", n=f"{number}/{one}") for one in range(1000)])
    gc.collect()
    layouts.sweep()
    assert len(interner) == 1
    assert layouts.of(series("kept")) is kept


def test_layout_extends_its_prefix() -> None:
    layouts = fresh()
    short, long, other = (layouts.of(series(*names)) for names in ("ab", "abc", "ba"))
    assert long.extends(short)
    assert short.extends(short)
    assert not short.extends(long)
    assert not other.extends(short)
