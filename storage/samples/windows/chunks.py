"""Chunks: consecutive vectors of one source, split by metric and encoded."""

from dataclasses import dataclass

import numpy as np

from model.series import Times, Values, is_absent
from storage.api.samples import Source
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.windows.codec import encode_pieces, encode_times


@dataclass(frozen=True, slots=True, eq=False)
class EncodedChunk:
    """A chunk as a window file stores it.

    Attributes:
        source: the source of its vectors.
        layout: the series of its columns.
        start_ms, end_ms: the times of the first and the last vector.
        count: the number of vectors.
        samples: the number of samples, staleness markers included.
        times: the encoded times, see `codec.encode_times`.
        pieces: (metric code, bytes), ascending; a metric without samples has none.
    """

    source: Source
    layout: StoredLayout
    start_ms: int
    end_ms: int
    count: int
    samples: int
    times: bytes
    pieces: list[tuple[int, bytes]]


def encode_chunk(
    source: Source,
    layout: StoredLayout,
    times_ms: Times,
    values: Values,
    *,
    small: bool = False,
) -> EncodedChunk:
    """Encode a (series, times) matrix with at least one time.

    `small` takes longer and finds a smaller encoding.
    """
    columns, codes, starts = layout.by_metric()
    ordered = values[columns]
    absent = is_absent(ordered)
    silent = np.logical_and.reduceat(absent.all(axis=1), starts)
    encoded = encode_pieces(ordered, starts, small=small)
    pieces = [
        (code, data)
        for code, data, is_silent in zip(codes.tolist(), encoded, silent.tolist(), strict=True)
        if not is_silent
    ]
    return EncodedChunk(
        source,
        layout,
        int(times_ms[0]),
        int(times_ms[-1]),
        len(times_ms),
        int(values.size - np.count_nonzero(absent)),
        encode_times(times_ms),
        pieces,
    )
