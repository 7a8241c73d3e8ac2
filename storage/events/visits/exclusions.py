"""Counts of excluded events: in memory until the next commit of events, then in their table."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from storage.api.visits.exclusions import ExclusionReason

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HOUR_MS: Final = 3_600_000
_Key = tuple[int, int, ExclusionReason]


class ExclusionCounts:
    """Counts by project, hour and reason.

    A commit for each visit of a bot would cost more than the visit of a person does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: Counter[_Key] = Counter()
        self._written: Counter[_Key] = Counter()

    @property
    def has_pending(self) -> bool:
        """Whether there are counts that no commit has taken."""
        return bool(self._pending)

    def count(self, project: int, time_ms: int, counts: Mapping[ExclusionReason, int]) -> None:
        """Add counts; any thread may call it."""
        hour = time_ms // _HOUR_MS
        with self._lock:
            for reason, number in counts.items():
                self._pending[project, hour, reason] += number

    def write(self, connection: "DuckDBPyConnection") -> None:
        """Write the pending counts in the transaction of the caller."""
        with self._lock:
            self._written, self._pending = self._pending, Counter()
        if self._written:
            connection.executemany(
                "insert into exclusions values (?, ?, ?, ?)",
                [(*key, number) for key, number in self._written.items()],
            )

    def restore(self) -> None:
        """Make the counts of a transaction that was undone pending again."""
        with self._lock:
            self._pending += self._written
            self._written = Counter()

    def forget(self, project: int) -> None:
        """Forget the pending counts of a project."""
        with self._lock:
            for key in [key for key in self._pending if key[0] == project]:
                del self._pending[key]

    def pending(self, project: int, start_ms: int, end_ms: int) -> Counter[ExclusionReason]:
        """Return the pending counts of a range."""
        found: Counter[ExclusionReason] = Counter()
        with self._lock:
            for (owner, hour, reason), number in self._pending.items():
                if owner == project and start_ms // _HOUR_MS <= hour <= (end_ms - 1) // _HOUR_MS:
                    found[reason] += number
        return found

    def stored(
        self, connection: "DuckDBPyConnection", project: int, start_ms: int, end_ms: int
    ) -> Counter[ExclusionReason]:
        """Return the stored counts of a range."""
        rows = connection.execute(
            "select reason, sum(events) from exclusions"
            " where project = ? and hour between ? and ? group by reason",
            [project, start_ms // _HOUR_MS, (end_ms - 1) // _HOUR_MS],
        ).fetchall()
        return Counter({ExclusionReason(reason): int(number) for reason, number in rows})
