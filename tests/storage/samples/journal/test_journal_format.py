import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from storage.api.errors import CorruptDataError
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.head.journal_records import AppendedVector, JournalRecord
from storage.samples.head.open_chunk import OpenChunk
from storage.samples.journal.format import decode_records, encode_records
from tests.storage.samples.sample_builders import series

LAYOUT = Layouts(Interner(), MetricNames()).of(series("x"))


def test_row_of_another_format_raises_corrupt_data() -> None:
    body = b"not what this version writes"
    with pytest.raises(CorruptDataError, match="journal row"):
        list(decode_records(struct.pack("<I", zlib.crc32(body)) + body))


@st.composite
def vectors(draw: st.DrawFn) -> AppendedVector:
    source = Source(draw(st.integers(0, 2**32 - 1)), Labels())
    time_ms = draw(st.integers(-(2**63), 2**63 - 1))
    count = draw(st.integers(0, 5))
    values = draw(st.binary(min_size=8 * count, max_size=8 * count))
    chunk = OpenChunk(source, LAYOUT, time_ms, values)
    if draw(st.booleans()):
        return AppendedVector(chunk, LAYOUT, 0, time_ms, None, values)
    size = draw(st.sampled_from([2, 4])) * count
    columns = draw(st.binary(min_size=size, max_size=size))
    amends = draw(st.booleans())
    ordinal = draw(st.integers(0 if amends else 1, 2**32 - 1))
    return AppendedVector(chunk, LAYOUT, ordinal, time_ms, columns, values, amends)


def as_record(one: AppendedVector) -> JournalRecord:
    return JournalRecord(
        one.chunk.source.id,
        LAYOUT.id,
        one.time_ms,
        one.ordinal,
        one.columns or b"",
        one.values,
        one.amends,
    )


@given(st.lists(vectors()))
def test_row_round_trip(group: list[AppendedVector]) -> None:
    assert list(decode_records(encode_records(group))) == [as_record(one) for one in group]


@given(st.lists(vectors(), min_size=1), st.data())
def test_record_that_is_cut_off_raises_corrupt_data(
    group: list[AppendedVector], data: st.DataObject
) -> None:
    """The checksum of such a row is right: it was written wrongly, not damaged later."""
    records = zlib.decompress(encode_records(group)[4:])
    body = zlib.compress(records[: data.draw(st.integers(1, len(records) - 1))])
    row = struct.pack("<I", zlib.crc32(body)) + body
    whole = [as_record(one) for one in group]
    read: list[JournalRecord] = []
    # Between two records, nothing shows that more followed.
    with contextlib.suppress(CorruptDataError):
        read.extend(decode_records(row))
    assert read == whole[: len(read)]
    assert len(read) < len(whole)


@given(st.lists(vectors(), min_size=1), st.data())
def test_damaged_row_yields_nothing(group: list[AppendedVector], data: st.DataObject) -> None:
    encoded = bytearray(encode_records(group))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(encoded), bytes(encoded[:place])):
        with pytest.raises(CorruptDataError):
            next(decode_records(damaged), None)
