"""No loop over all series keeps others waiting: the query's limits are checked within it."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest

from model import pieces
from model.labels import Labels
from promql.engine import LocalEngine
from promql.evaluation import series_order
from promql.running.guard import Guard
from tests.promqltest.store import MemoryStore

HOSTS, SERIES_A_HOST = 20, 60
SERIES = HOSTS * SERIES_A_HOST
PIECE = 100
END_MS = 60_000


class LineCounts:
    """How often each line of promql runs between two checks of a query's limits."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[CodeType, int]]()
        self.worst: tuple[int, str] = (0, "")

    def check(self) -> None:
        """Begin anew."""
        for (code, line), count in self._counts.most_common(1):
            self.worst = max(self.worst, (count, f"{code.co_filename}:{line}"))
        self._counts.clear()

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
        in_promql = "/promql/" in frame.f_code.co_filename
        return self._count if in_promql else None

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
    return counts


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


def test_a_range_query_is_sorted_between_checks(store: MemoryStore, counts: LineCounts) -> None:
    engine = LocalEngine(store)
    with counts.counting():
        engine.range_blocking("sort(big)", 30_000, END_MS, 30_000)
    assert counts.worst[0] < SERIES, counts.worst
