"""The result of a write: how many samples were stored, how many rejected and why."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from model.limits import LimitName

_MOST_MESSAGES: Final = 20


@dataclass(slots=True)
class WriteResult:
    """The result of one request.

    Attributes:
        written: samples that are stored now, including those that were stored before.
        rejected: samples that are not stored.
        messages: the reasons; only the first 20.
        exemplars: how many the request had; they are not stored.
        histograms: how many native histograms the request had.
        derived: how many samples stand for these histograms.
        repeated: deltas that an earlier request has added already.
        overlapping: deltas that were added though their time overlaps that of earlier ones.
        refused: what each limit refused: series, or samples without a stream.
        retry_after_s: when the sender may send the refused samples again; 0 if all refusals
            are for good.
    """

    written: int = 0
    rejected: int = 0
    messages: list[str] = field(default_factory=list)
    exemplars: int = 0
    histograms: int = 0
    derived: int = 0
    repeated: int = 0
    overlapping: int = 0
    refused: Counter[LimitName] = field(default_factory=Counter)
    retry_after_s: int = 0

    @property
    def samples_written(self) -> int:
        """The stored samples of the request, without those that stand for histograms."""
        return max(0, self.written - self.derived)

    @property
    def histograms_written(self) -> int:
        """The stored histograms; none if samples that stand for one may be rejected."""
        return self.histograms if self.written >= self.derived else 0

    def note(self, message: str) -> None:
        """Add a reason for a rejection, up to the limit."""
        if len(self.messages) < _MOST_MESSAGES:
            self.messages.append(message)

    def refuse(self, limit: LimitName, message: str, retry_after_s: int = 0) -> None:
        """Count something that a limit refuses, and add the reason."""
        self.refused[limit] += 1
        self.retry_after_s = max(self.retry_after_s, retry_after_s)
        self.note(message)

    def reject(self, count: int, message: str) -> None:
        """Count rejected samples and add the reason."""
        self.rejected += count
        self.note(message)


@dataclass(slots=True)
class WriteStatistics:
    """Totals since the start of the server."""

    requests: int = 0
    samples: int = 0
    rejected: int = 0
    exemplars: int = 0
    histograms: int = 0

    def add(self, result: WriteResult) -> None:
        """Add one request."""
        self.requests += 1
        self.samples += result.written
        self.rejected += result.rejected
        self.exemplars += result.exemplars
        self.histograms += result.histograms
