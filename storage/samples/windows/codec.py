"""The codec of pieces and times.

A piece is the (series, times) matrix of one metric in one chunk. Constant series are stored
as a bit and a value; all others are one pcodec stream, of int64 if all values are whole.
Values that the stream cannot hold (the three NaNs, and -0.0, which int64 lacks) are taken
out first and stored as runs, so every bit survives. docs/storage-format.md describes the
bytes.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from model.series import Times, Values
from storage.api.errors import CorruptDataError

_CHECKSUM = struct.Struct("<I")
_LENGTH = struct.Struct("<I")
_RUNS = struct.Struct("<III")
_STEP = struct.Struct("<BQ")

# Flags of a piece.
_CONSTANTS = 1
_VARYING = 2
_VARYING_WHOLE = 4
_RUNS_TAKEN_OUT = 8
_CONSTANTS_EQUAL = 16

_ALL_CONSTANT = bytes([_CONSTANTS])
_ALL_EQUAL = bytes([_CONSTANTS | _CONSTANTS_EQUAL])

# Kinds of encoded times.
_EVEN = 0
_UNEVEN = 1

# Only deltas of order 1: compresses three times faster than pcodec's own search, and within
# 1 % of its size on the recordings.
_FAST = ChunkConfig(delta_spec=DeltaSpec.try_consecutive(1))
# pcodec's own search is smaller for some pieces and larger for others. Data that is kept for
# years is compressed both ways, and the smaller result is stored.
_SEARCH = ChunkConfig()

_WHOLE_BOUND = 2.0**63
_NEGATIVE_ZERO = np.uint64(1 << 63)


def encode_times(times_ms: Times) -> bytes:
    """Encode the times of a chunk; the first one is stored in the chunk's row."""
    steps = np.diff(times_ms)
    if len(steps) == 0 or (steps == steps[0]).all():
        return _STEP.pack(_EVEN, int(steps[0]) if len(steps) else 0)
    data: bytes = standalone.simple_compress(steps, _SEARCH)
    return bytes([_UNEVEN]) + _CHECKSUM.pack(zlib.crc32(data)) + data


def decode_times(data: bytes, start_ms: int, count: int) -> Times:
    """Decode `count` times, the first of which is `start_ms`.

    Raises:
        CorruptDataError: the bytes are damaged.
    """
    try:
        if data[0] == _EVEN:
            step = int(_STEP.unpack(data)[1])
            return start_ms + step * np.arange(count, dtype=np.int64)
        (checksum,) = _CHECKSUM.unpack_from(data, 1)
        if zlib.crc32(data[1 + _CHECKSUM.size :]) != checksum:
            raise CorruptDataError("times: checksum differs")
        steps = _decode_numbers(data[1 + _CHECKSUM.size :], count - 1, np.int64)
    except (struct.error, IndexError, OverflowError, TypeError, ValueError) as exc:
        raise CorruptDataError(f"times do not decode: {exc}") from exc
    times = np.empty(count, np.int64)
    times[0] = start_ms
    np.cumsum(steps, out=times[1:])
    times[1:] += start_ms
    return times


def encode_piece(values: Values, *, small: bool = False) -> bytes:
    """Encode a (series, times) matrix with at least one of each.

    `small` takes longer and finds a smaller encoding.
    """
    return next(encode_pieces(values, np.array([0]), small=small))


def encode_pieces(
    values: Values, starts: NDArray[np.intp], *, small: bool = False
) -> Iterator[bytes]:
    """Encode each piece of a matrix that holds several pieces, one below the other.

    All pieces are examined together: for a piece of one or two series, a numpy call takes
    longer than the work it does.

    Args:
        values: shape (series, times), all pieces.
        starts: shape (pieces,), the first row of each piece; ascending from 0.
        small: take longer to find a smaller encoding.
    """
    bits = values.view(np.uint64)
    firsts = bits[:, 0]
    constant = (bits == bits[:, :1]).all(axis=1)
    with np.errstate(invalid="ignore"):
        is_whole = np.abs(values).max(axis=1) < _WHOLE_BOUND
        is_whole &= (values == np.rint(values)).all(axis=1)
    is_plain = ~(np.isnan(values) | (bits == _NEGATIVE_ZERO)).any(axis=1)
    first_bytes = firsts.astype("<u8").tobytes()
    ends = np.append(starts[1:], len(values))
    for start, end, constants, equal, whole, plain in zip(
        starts.tolist(),
        ends.tolist(),
        np.add.reduceat(constant, starts, dtype=np.intp).tolist(),
        (np.minimum.reduceat(firsts, starts) == np.maximum.reduceat(firsts, starts)).tolist(),
        np.logical_and.reduceat(is_whole | constant, starts).tolist(),
        np.logical_and.reduceat(is_plain | constant, starts).tolist(),
        strict=True,
    ):
        if constants == end - start:
            if equal:
                body = _ALL_EQUAL + first_bytes[8 * start : 8 * start + 8]
            else:
                body = _ALL_CONSTANT + first_bytes[8 * start : 8 * end]
        else:
            piece = values[start:end]
            if constants:
                where = constant[start:end]
                kept, varying = _encode_constants(where, firsts[start:end]), piece[~where]
            else:
                kept, varying = (0, b""), piece
            flags, data = _encode_varying(varying.ravel(), whole=whole, plain=plain, small=small)
            body = bytes([kept[0] | flags]) + kept[1] + data
        yield _CHECKSUM.pack(zlib.crc32(body)) + body


def _encode_constants(where: NDArray[np.bool_], firsts: NDArray[np.uint64]) -> tuple[int, bytes]:
    """Return flags and bytes of the constant series in a piece that has others too."""
    values = firsts[where]
    flags = _CONSTANTS
    if (values == values[0]).all():
        flags |= _CONSTANTS_EQUAL
        values = values[:1]
    return flags, np.packbits(where).tobytes() + values.astype("<u8").tobytes()


def _encode_varying(values: Values, *, whole: bool, plain: bool, small: bool) -> tuple[int, bytes]:
    """Return flags and bytes of the other series of a piece."""
    flags, runs = _VARYING, b""
    if not plain:
        flags |= _RUNS_TAKEN_OUT
        runs, values = _take_out(values)
        whole = bool(np.abs(values).max() < _WHOLE_BOUND and (values == np.rint(values)).all())
    if whole:
        flags |= _VARYING_WHOLE
        return flags, runs + _encode_numbers(values.astype(np.int64), small=small)
    return flags, runs + _encode_numbers(values, small=small)


def _encode_numbers(numbers: NDArray[np.number[Any]], *, small: bool) -> bytes:
    data: bytes = standalone.simple_compress(numbers, _FAST)
    return min(data, standalone.simple_compress(numbers, _SEARCH), key=len) if small else data


def is_constant(data: bytes) -> bool:
    """Whether all series of a piece are constant: its bytes fit any number of times."""
    return data[_CHECKSUM.size : _CHECKSUM.size + 1] in (_ALL_CONSTANT, _ALL_EQUAL)


def decode_piece(data: bytes, series: int, times: int) -> Values:
    """Decode a piece into its (series, times) matrix.

    Raises:
        CorruptDataError: the bytes are damaged.
    """
    try:
        (checksum,) = _CHECKSUM.unpack_from(data)
        if zlib.crc32(data[_CHECKSUM.size :]) != checksum:
            raise CorruptDataError("piece: checksum differs")
        return _decode_body(data, series, times)
    except (struct.error, IndexError, TypeError, ValueError) as exc:
        raise CorruptDataError(f"piece does not decode: {exc}") from exc


def _decode_body(data: bytes, series: int, times: int) -> Values:
    at = _CHECKSUM.size
    flags = data[at]
    at += 1
    if not flags & _CONSTANTS:
        return _decode_varying(data, at, flags, series * times).reshape(series, times)
    bits = np.empty((series, times), np.uint64)
    if not flags & _VARYING:
        count = 1 if flags & _CONSTANTS_EQUAL else series
        bits[:] = np.frombuffer(data, "<u8", count, at)[:, np.newaxis]
        return bits.view(np.float64)
    size = -(-series // 8)
    packed = np.frombuffer(data, np.uint8, size, at)
    constant = np.unpackbits(packed, count=series).view(np.bool_)
    at += size
    constants = int(np.count_nonzero(constant))
    count = 1 if flags & _CONSTANTS_EQUAL else constants
    bits[constant] = np.frombuffer(data, "<u8", count, at)[:, np.newaxis]
    varying = _decode_varying(data, at + 8 * count, flags, (series - constants) * times)
    bits[~constant] = varying.view(np.uint64).reshape(-1, times)
    return bits.view(np.float64)


def _decode_varying(data: bytes, at: int, flags: int, count: int) -> Values:
    runs = None
    if flags & _RUNS_TAKEN_OUT:
        runs, at = _read_runs(data, at)
    kind = np.int64 if flags & _VARYING_WHOLE else np.float64
    values: Values = _decode_numbers(data[at:], count, kind).astype(np.float64, copy=False)
    if runs is not None:
        starts, lengths, taken = runs
        if int(lengths.sum()) > count:
            raise CorruptDataError("piece: runs are longer than the matrix")
        ends = np.cumsum(lengths)
        places = np.arange(int(ends[-1])) + np.repeat(starts - (ends - lengths), lengths)
        values.view(np.uint64)[places] = np.repeat(taken, lengths)
    return values


def _take_out(values: Values) -> tuple[bytes, Values]:
    """Return the encoded runs of NaNs and -0.0, and `values` without them.

    Each of these values is replaced by the one before it, which takes no space.
    """
    bits = values.view(np.uint64)
    special = np.isnan(values) | (bits == _NEGATIVE_ZERO)
    places = np.flatnonzero(special)
    taken = bits[places]
    new = np.ones(len(places), np.bool_)
    new[1:] = (np.diff(places) != 1) | (taken[1:] != taken[:-1])
    first = np.flatnonzero(new)
    lengths = np.diff(np.append(first, len(places)))
    columns = (places[first].astype(np.uint32), lengths.astype(np.uint32), taken[first])
    encoded = [standalone.simple_compress(column, _FAST) for column in columns]
    runs = _LENGTH.pack(len(first)) + _RUNS.pack(*map(len, encoded)) + b"".join(encoded)

    ordinary = np.flatnonzero(~special)
    if len(ordinary) == 0:
        return runs, np.zeros_like(values)
    before = np.searchsorted(ordinary, np.arange(len(values)), "right") - 1
    return runs, values[ordinary[np.maximum(before, 0)]]


def _read_runs(data: bytes, at: int) -> tuple[tuple[Any, Any, Any], int]:
    (count,) = _LENGTH.unpack_from(data, at)
    sizes = _RUNS.unpack_from(data, at + _LENGTH.size)
    at += _LENGTH.size + _RUNS.size
    columns = []
    for size, kind in zip(sizes, (np.uint32, np.uint32, np.uint64), strict=True):
        columns.append(_decode_numbers(data[at : at + size], count, kind))
        at += size
    starts, lengths, taken = columns
    return (starts.astype(np.intp), lengths.astype(np.intp), taken), at


def _decode_numbers(data: bytes, count: int, kind: Any) -> Any:
    numbers = np.empty(count, kind)
    try:
        progress = standalone.simple_decompress_into(data, numbers)
    except (RuntimeError, TypeError) as exc:
        raise CorruptDataError(str(exc)) from exc
    if progress.n_processed != count or not progress.finished:
        raise CorruptDataError(f"{progress.n_processed} numbers where {count} are due")
    return numbers
