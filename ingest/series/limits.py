"""Limits on what senders may write."""

from dataclasses import dataclass, field

from ingest.series.time_bounds import EARLIEST_MS, MOST_AHEAD_MS


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The most that one request may hold.

    Attributes:
        labels, label_bytes: of one series.
    """

    series: int = 50_000
    samples: int = 200_000
    labels: int = 128
    label_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """The most that a sender may write.

    Attributes:
        request: the limits of one request.
        decompressed_bytes: the largest message.
        series: how many series of one sender may be active.
        ahead_ms: how far a timestamp may lie in the future.
        earliest_ms: samples before this time are rejected: their sender's clock is not set.
        behind_ms: how old a sample may be; None for any age.
    """

    request: RequestLimits = field(default_factory=RequestLimits)
    decompressed_bytes: int = 32 * 2**20
    series: int = 1_000_000
    ahead_ms: int = MOST_AHEAD_MS
    earliest_ms: int = EARLIEST_MS
    behind_ms: int | None = None
