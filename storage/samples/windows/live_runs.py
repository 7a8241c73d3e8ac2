"""A summary of a window file's live runs, read when it is opened and after each merge."""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from storage.samples.windows import runs
from storage.samples.windows.runs import Run


@dataclass(slots=True)
class Span:
    """The range of time in which a source used a layout, both ends included."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """The live runs of a window file.

    Attributes:
        spans: the range of time of each (source number, layout number).
        ends: the last time of each source, by source number.
        samples: the number of samples in all chunks.
        runs: the runs by number.
        sizes: the bytes of all pieces of each metric, by metric number.
    """

    spans: dict[tuple[int, int], Span]
    ends: dict[int, int]
    samples: int
    runs: dict[int, Run]
    sizes: Counter[int]


def read_live(connection: sqlite3.Connection) -> LiveRuns:
    """Read the summary of the live runs; damaged rows are skipped."""
    spans: dict[tuple[int, int], Span] = {}
    ends: dict[int, int] = {}
    total = 0
    for source, layout, start, end, samples in runs.read_spans(connection):
        spans[source, layout] = Span(start, end)
        ends[source] = max(end, ends.get(source, end))
        total += samples
    return LiveRuns(spans, ends, total, *runs.read_runs(connection))
