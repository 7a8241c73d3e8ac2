"""Chunks: a stretch of one source's vectors, cut by metric and encoded."""

from dataclasses import dataclass

import numpy as np

from model.series import Times, Values, is_absent
from storage.api.samples import Source
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.windows.codec import encode_pieces, encode_times


@dataclass(frozen=True, slots=True, eq=False)
class EncodedChunk:
    """A chunk as its rows hold it.

    Attributes:
        source, layout: whose, and what the columns are.
        start_ms, end_ms, count: of its times; both ends included.
        samples: how many it holds, staleness markers among them.
        times: see `codec.encode_times`.
        pieces: (metric code, bytes), ascending; metrics without a sample are left out.
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
    """Return the chunk of a (series, times) matrix with at least one time.

    `small` takes longer to find a better encoding.
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
