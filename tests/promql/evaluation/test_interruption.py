"""No loop over all series keeps others waiting: the query's limits are checked within it."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest

from model import pieces
from model.labels import Labels
from model.series import AlignedSeries
from promql.engine import LocalEngine
from promql.evaluation import series_order
from promql.evaluation.results import ordered
from promql.kernels import ordering, ranking
from promql.kernels.interruption import InterruptedBy
from promql.running.guard import Guard
from tests.promqltest.store import MemoryStore

HOSTS, SERIES_A_HOST = 20, 60
SERIES = HOSTS * SERIES_A_HOST
PIECE = 100
END_MS = 60_000
SORTING = {"aggregation", "groups", "ordering", "ranking", "relabeling"}


class LineCounts:
    """How often each line runs, and what numpy sorts, between two checks of a query's limits.

    Attributes:
        worst: the largest number of times that a line has run, and the line.
        compared, linear: the largest number of cells sorted by comparisons, and of integers of
            16 bits, which numpy sorts in linear time.
    """

    def __init__(self) -> None:
        self._counts = Counter[tuple[CodeType, int]]()
        self.worst: tuple[int, str] = (0, "")
        self._sorted = Counter[bool]()
        self.compared = self.linear = 0

    def check(self) -> None:
        """Begin anew."""
        for (code, line), count in self._counts.most_common(1):
            self.worst = max(self.worst, (count, f"{code.co_filename}:{line}"))
        self._counts.clear()
        self.compared = max(self.compared, self._sorted[False])
        self.linear = max(self.linear, self._sorted[True])
        self._sorted.clear()

    def sorts(self, keys: np.ndarray[Any, Any]) -> None:
        """Count the cells of one sort."""
        self._sorted[keys.dtype == np.uint16] += keys.size

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count during a `with` block."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)
            self.check()

    def _trace(self, frame: FrameType, _event: str, _value: object) -> Any:
        path = frame.f_code.co_filename
        return self._count if "/promql/" in path or path.endswith("/model/series.py") else None

    def _count(self, frame: FrameType, event: str, _value: object) -> Any:
        if event == "line":
            self._counts[frame.f_code, frame.f_lineno] += 1
        return self._count


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    for host in range(HOSTS):
        of_host = {"job": "node", "instance": f"host{host}"}
        series = {
            Labels.of(of_host, __name__="big", n=str(n), le=str(n)): {
                at: float(host + n) for at in (30_000, END_MS)
            }
            for n in range(SERIES_A_HOST)
        }
        store.load({Labels.of(of_host, __name__="up"): {END_MS: 1.0}, **series})
    return store


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> LineCounts:
    counts = LineCounts()
    check = Guard.check

    def counted(guard: Guard, place: str = "expression evaluation") -> None:
        counts.check()
        check(guard, place)

    monkeypatch.setattr(Guard, "check", counted)
    monkeypatch.setattr(pieces, "_PIECE", PIECE)
    monkeypatch.setattr(series_order, "_SORTED_AT_ONCE", PIECE)
    monkeypatch.setattr(ordering, "_MANY", PIECE)
    monkeypatch.setattr(ranking, "BLOCK_CELLS", PIECE)
    for name in ("argsort", "lexsort", "unique"):
        monkeypatch.setattr(np, name, _counted(counts, getattr(np, name)))
    return counts


def _counted(counts: LineCounts, sort: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of numpy that counts what sorting and aggregation sort.

    Selection sorts too, but a block of series at a time.
    """

    def counted(keys: Any, *arguments: Any, **named: Any) -> Any:
        if Path(sys._getframe(1).f_code.co_filename).stem in SORTING:
            counts.sorts(keys[0] if isinstance(keys, tuple) else keys)
        return sort(keys, *arguments, **named)

    return counted


@pytest.mark.parametrize(
    "query",
    [
        "big",
        "-big",
        "big[1m]",
        "{__name__=~'big|up'} * 2",
        "big / on (instance, n) big",
        "big + ignoring (le) big",
        "big * on (instance) group_left (job) up",
        "big == bool on (instance, n) (big > 30)",
        "big and big",
        "big or -big",
        "big unless on (n) (big > 30)",
        "label_replace(big, 'm', 'x$1', 'n', '(.*)')",
        "label_join(big, 'm', '-', 'n', 'instance')",
        "sort(big)",
        "sort_by_label(big, 'n', 'instance')",
        "sort_by_label_desc(big, 'n')",
        "sort_by_label(big, 'missing')",
        "topk(5, big)",
        "topk(1e6, big)",
        "topk by (n) (5, big)",
        "bottomk by (instance, n) (1, big)",
        "limitk by (n) (3, big)",
        "limit_ratio(0.5, big)",
        "count_values('v', big)",
        "count_values by (instance, n) ('v', big)",
        "sum by (instance, n) (big)",
        "sum without (le) (big)",
        "quantile by (instance, n) (0.5, big)",
        "stddev by (n) (big)",
        "sum(rate({__name__=~'big|up'}[1m]))",
        "max_over_time(big[1m:30s])",
        "histogram_quantile(0.5, big)",
        "histogram_quantile(0.5, label_replace(big, 'g', '', 'n', '(.*)'))",
        "absent(big)",
    ],
)
def test_limits_are_checked_within_each_loop_over_all_series(
    store: MemoryStore, counts: LineCounts, query: str
) -> None:
    engine = LocalEngine(store)
    with counts.counting():
        engine.instant_blocking(query, END_MS)
    assert counts.worst[0] < SERIES, counts.worst
    assert counts.compared <= PIECE
    assert counts.linear <= SERIES


@pytest.mark.parametrize(
    "query",
    [
        "sort(big)",
        "sort_by_label(big, 'n')",
        "topk(5, big)",
        "topk by (n) (5, big)",
        "topk(time() / 30, big)",
        "topk by (instance) (time() / 30, big)",
        "count_values('v', big)",
    ],
)
def test_a_range_query_checks_its_limits_within_each_loop(
    store: MemoryStore, counts: LineCounts, query: str
) -> None:
    engine = LocalEngine(store)
    with counts.counting():
        engine.range_blocking(query, 30_000, END_MS, 30_000)
    assert counts.worst[0] < SERIES, counts.worst
    assert counts.compared <= PIECE
    # `count_values` sorts the values of all steps at once.
    assert counts.linear <= 2 * SERIES


def test_series_in_another_order_are_taken_between_checks(counts: LineCounts) -> None:
    labels = [Labels.of(n=str(n)) for n in range(SERIES)]
    matrix = AlignedSeries.of_source(labels, np.arange(2), np.zeros((SERIES, 2)))
    with InterruptedBy(counts), counts.counting():
        found = ordered(matrix)
    assert list(found.labels) == sorted(labels)
    assert counts.worst[0] < SERIES, counts.worst
