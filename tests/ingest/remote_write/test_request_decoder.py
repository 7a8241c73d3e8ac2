"""The decoders read messages of an independent encoder and reject malformed ones."""

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import BadLabelsError, MalformedMessageError, TooMuchError
from ingest.limits.write_limits import LABEL_LIMITS, RequestLimits
from ingest.remote_write.label_reader import LabelReader
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.sample_batch import FindSeries, SampleBatch, SeriesKey
from model.labels import Labels
from tests.ingest.remote_write.messages import (
    Sample,
    Series,
    block,
    classic,
    number_field,
    request_1,
    request_2,
    sample,
    series,
)

READER = LabelReader(LABEL_LIMITS)
NOW_MS = 1_790_000_000_000

Decode = Callable[..., SampleBatch]
VERSIONS = pytest.mark.parametrize(
    ("encode", "decode"), [(request_1, decode_1), (request_2, decode_2)], ids=["v1", "v2"]
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
label_sets = st.dictionaries(texts, texts, max_size=4).map(
    lambda labels: tuple(Labels.of({"__name__": "m"} | labels))
)
times = st.one_of(st.integers(NOW_MS, NOW_MS + 10**9), st.integers(-(2**63), 2**63 - 1), st.just(0))
values = st.one_of(st.just(0.0), st.integers(0, 9).map(float), st.floats(width=64))
samples = st.builds(Sample, times, values, st.one_of(st.just(0), times))
many_series = st.lists(
    st.builds(
        Series,
        label_sets,
        st.lists(samples, max_size=4).map(tuple),
        st.integers(0, 2),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=8,
)


def nothing(_: SeriesKey) -> int | None:
    return None


def known_by(numbers: dict[SeriesKey, int]) -> FindSeries:
    def find(key: SeriesKey) -> int | None:
        return numbers.get(key)

    return find


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def found(request: SampleBatch, known: dict[int, SeriesKey]) -> list[tuple[Labels, int, bytes]]:
    """Return every sample of a request with its labels, sorted."""
    result = []
    for number, time_ms, value, _ in request.samples.tolist():
        key = request.unknown[-1 - number] if number < 0 else known[number]
        result.append((READER.labels_of(key), time_ms, bits(value)))
    return sorted(result)


def sent(many: list[Series]) -> list[tuple[Labels, int, bytes]]:
    plain = (
        (Labels(one.labels), sample.time_ms, bits(sample.value))
        for one in many
        for sample in one.samples
    )
    derived = (
        (labels, time_ms, bits(value)) for one in many for labels, time_ms, value in classic(one)
    )
    return sorted([*plain, *derived])


@VERSIONS
@given(many=many_series)
@settings(max_examples=150, deadline=None)
def test_round_trip_of_unknown_and_known_series(
    many: list[Series], encode: Callable[[list[Series]], bytes], decode: Decode
) -> None:
    data = encode(many)
    first = decode(data, nothing)
    assert found(first, {}) == sent(many)
    known = {key: number for number, key in enumerate(first.unknown)}
    again = decode(data, known_by(known))
    assert again.unknown == ()
    assert found(again, {number: key for key, number in known.items()}) == sent(many)
    if all(one.samples for one in many):
        assert again.exemplars == sum(one.exemplars for one in many)
        assert again.histograms == sum(one.histograms for one in many)


@VERSIONS
@given(data=st.binary(max_size=200))
@settings(deadline=None)
def test_arbitrary_bytes_decode_or_are_malformed(
    data: bytes, encode: Callable[[list[Series]], bytes], decode: Decode
) -> None:
    try:
        request = decode(data, nothing)
    except MalformedMessageError:
        return
    for key in request.unknown:
        with suppress(BadLabelsError):
            READER.labels_of(key)


@VERSIONS
@given(many=many_series.filter(bool), data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_messages_decode_alike_for_known_and_unknown_series(
    many: list[Series],
    data: st.DataObject,
    encode: Callable[[list[Series]], bytes],
    decode: Decode,
) -> None:
    whole = encode(many)
    known = {key: number for number, key in enumerate(decode(whole, nothing).unknown)}
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(whole)))]
    keys = {number: key for key, number in known.items()}
    results = []
    for find in (nothing, known_by(known)):
        try:
            results.append(found(decode(bytes(damaged), find), keys))
        except (MalformedMessageError, BadLabelsError):
            results.append([])
    assert results[0] == results[1]


def test_two_zero_samples_as_long_as_one_plain_sample_are_two_samples() -> None:
    one, two = series("m", (NOW_MS, 1.0)), series("m", (NOW_MS, 0.0), (NOW_MS + 1, 0.0))
    (key,) = decode_1(request_1([one]), nothing).unknown
    assert found(decode_1(request_1([two]), known_by({key: 0})), {0: key}) == sent([two])


@VERSIONS
def test_start_times_are_decoded(encode: Callable[[list[Series]], bytes], decode: Decode) -> None:
    one = Series((("__name__", "m"),), (Sample(NOW_MS, 1.0, NOW_MS - 5), Sample(NOW_MS + 1, 2.0)))
    request = decode(encode([one]), nothing)
    assert sorted(request.samples[["time_ms", "start_ms"]].tolist()) == [
        (NOW_MS, NOW_MS - 5),
        (NOW_MS + 1, 0),
    ]


def test_start_timestamp_of_a_series_applies_to_samples_without_one() -> None:
    symbols = b"".join(block(4, text) for text in (b"", b"__name__", b"m"))
    samples = sample(Sample(NOW_MS, 1.0)) + sample(Sample(NOW_MS + 1, 2.0, NOW_MS - 5))
    created = number_field(6, NOW_MS - 9)
    request = decode_2(symbols + block(5, block(1, b"\1\2") + samples + created), nothing)
    assert request.samples["start_ms"].tolist() == [NOW_MS - 9, NOW_MS - 5]


@VERSIONS
def test_limits_hold(encode: Callable[[list[Series]], bytes], decode: Decode) -> None:
    many = [series(f"m{number}", (NOW_MS, 1.0), (NOW_MS + 1, 1.0)) for number in range(4)]
    with pytest.raises(TooMuchError, match="4 series"):
        decode(encode(many), nothing, RequestLimits(series=3))
    with pytest.raises(TooMuchError, match="8 samples"):
        decode(encode(many), nothing, RequestLimits(samples=7))


def test_references_beyond_the_symbols_are_malformed() -> None:
    for refs in (b"\x00\x09", b"\x00", b"\xff"):
        data = block(4, b"") + block(5, block(1, refs) + request_2_sample())
        with pytest.raises(MalformedMessageError):
            decode_2(data, nothing)


def test_symbols_begin_with_the_empty_string() -> None:
    data = block(4, b"__name__") + block(5, block(1, b"\0\0") + request_2_sample())
    with pytest.raises(MalformedMessageError, match="empty string"):
        decode_2(data, nothing)


def request_2_sample() -> bytes:
    return block(2, b"\x10\x01")
