"""When a host reports: its last report and its usual interval."""

import statistics
from collections import deque
from collections.abc import Iterable
from typing import Final

from ingest.hosts.history import LAST_GAPS

_DEFAULT_MS: Final = 60_000
"""The interval of a host with too few reports: the default of its agents."""
_FEWEST_GAPS: Final = 2
_SHORTEST_MS, _LONGEST_MS = 1_000, 3_600_000


class ReportTimes:
    """The times of a host's reports.

    Attributes:
        seen_ms: the time of the last report by the server's clock, None before the first.
    """

    def __init__(self, registered_s: float | None) -> None:
        self.seen_ms: int | None = None
        self._registered_s = registered_s
        self._gaps_ms: deque[int] = deque(maxlen=LAST_GAPS)
        # The time of the last report by the host's clock.
        self._report_ms: int | None = None

    @property
    def interval_ms(self) -> int:
        """The registered interval, else the median of the last gaps."""
        if self._registered_s is not None:
            return round(self._registered_s * 1000)
        if len(self._gaps_ms) < _FEWEST_GAPS:
            return _DEFAULT_MS
        usual_ms = round(statistics.median(self._gaps_ms))
        return min(max(usual_ms, _SHORTEST_MS), _LONGEST_MS)

    def resume(self, gaps_ms: Iterable[int], seen_ms: int | None) -> None:
        """Continue from the gaps and the last report before a restart."""
        self._gaps_ms.extend(gaps_ms)
        self.seen_ms = seen_ms

    def note(self, report_ms: int, now_ms: int) -> None:
        """Record a report: its time by the host's clock and by the server's."""
        if self.seen_ms is not None and self._report_ms is not None:
            # A host that was offline sends several reports at once, made at its interval.
            gap_ms = max(now_ms - self.seen_ms, report_ms - self._report_ms)
            if gap_ms >= _SHORTEST_MS:
                self._gaps_ms.append(gap_ms)
        self._report_ms = report_ms
        self.seen_ms = max(now_ms, self.seen_ms or 0)
