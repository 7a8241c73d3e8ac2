import sqlite3
from collections.abc import Callable, Sequence

import pytest
from structlog.testing import capture_logs

from storage.samples.windows.salvage import in_batches


def fetching(bad: set[int], code: int) -> Callable[[Sequence[int]], list[int]]:
    """Return a function that fetches items, and fails like SQLite if one is `bad`."""

    def fetch(items: Sequence[int]) -> list[int]:
        if not bad.isdisjoint(items):
            exc = sqlite3.DatabaseError("refused")
            exc.sqlite_errorcode = code
            raise exc
        return list(items)

    return fetch


def test_items_are_fetched_in_batches_and_in_order() -> None:
    sizes = list[int]()

    def fetch(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    assert list(in_batches(range(2500), fetch)) == list(range(2500))
    assert max(sizes) < 32_766
    assert len(sizes) < 10


def test_unreadable_items_are_left_out_and_logged() -> None:
    bad = {0, 700, 1999}
    with capture_logs() as logs:
        found = list(in_batches(range(2000), fetching(bad, sqlite3.SQLITE_CORRUPT)))
    assert found == [item for item in range(2000) if item not in bad]
    assert {entry["item"] for entry in logs if entry["event"] == "rows_unreadable"} == bad


def test_other_errors_pass_through() -> None:
    with pytest.raises(sqlite3.DatabaseError, match="refused"):
        list(in_batches([1, 2], fetching({2}, sqlite3.SQLITE_IOERR)))
