"""What the live runs of a window file hold, read when it is opened and after each merge."""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from storage.samples.windows import runs
from storage.samples.windows.runs import Run


@dataclass(slots=True)
class Span:
    """The stretch of time in which a source used a layout."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """All live runs together.

    Attributes:
        spans: when each (source number, layout number) was in use.
        ends: when each source's chunks end.
        samples: how many the chunks hold.
        runs: by number.
        sizes: how many bytes of pieces there are of each metric number.
    """

    spans: dict[tuple[int, int], Span]
    ends: dict[int, int]
    samples: int
    runs: dict[int, Run]
    sizes: Counter[int]


def read_live(connection: sqlite3.Connection) -> LiveRuns:
    """Return what the live runs hold; damaged rows are passed over."""
    spans: dict[tuple[int, int], Span] = {}
    ends: dict[int, int] = {}
    total = 0
    for source, layout, start, end, samples in runs.read_spans(connection):
        spans[source, layout] = Span(start, end)
        ends[source] = max(end, ends.get(source, end))
        total += samples
    return LiveRuns(spans, ends, total, *runs.read_runs(connection))
