"""Limits on what senders may write."""

from dataclasses import dataclass, field

from ingest.limits.time_bounds import EARLIEST_MS, MOST_AHEAD_MS
from model.label_limits import LabelLimits


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The most that one request may hold."""

    series: int = 50_000
    samples: int = 200_000


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """The most that one sender, or one of its tokens, may have; 0 means no limit.

    Attributes:
        series: active series.
        streams: streams in the store; each source has one, or more if its samples arrive
            out of order.
        label_bytes: memory of the labels of the active series.
        samples_per_second: over ten seconds.
        new_series_per_minute: all of them may come at once.
    """

    series: int = 0
    streams: int = 0
    label_bytes: int = 0
    samples_per_second: int = 0
    new_series_per_minute: int = 0


# A million series of the usual length, and the memory for them. A stream takes 5 KB.
SENDER_LIMITS = BudgetLimits(
    series=1_000_000,
    streams=50_000,
    label_bytes=192 * 2**20,
    samples_per_second=1_000_000,
    new_series_per_minute=500_000,
)

# Between the defaults of VictoriaMetrics (40 labels, 256, 4096) and those of Mimir (30,
# 1024, 2048), and more labels than either: kube-state-metrics exports all labels of a pod.
LABEL_LIMITS = LabelLimits(labels=128, name_length=1024, value_length=4096, label_bytes=16 * 2**10)


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """The most that a sender may write.

    Attributes:
        request: the limits of one request.
        labels: the limits of one series.
        sender, token: the limits of a sender, and of each of its tokens.
        source_series: how many active series one source may have.
        decompressed_bytes: the largest message.
        waiting_bytes: compressed requests of a sender that wait for earlier ones.
        ahead_ms: how far a timestamp may lie in the future.
        earliest_ms: samples before this time are rejected: their sender's clock is not set.
        behind_ms: how old a sample may be; None for any age.
        delta_stale_ms: the total of a series of deltas starts from zero again after so long
            without a sample.
    """

    request: RequestLimits = field(default_factory=RequestLimits)
    labels: LabelLimits = LABEL_LIMITS
    sender: BudgetLimits = SENDER_LIMITS
    token: BudgetLimits = field(default_factory=BudgetLimits)
    # 64 lanes of 4,096 columns hold a quarter of a million; some must stay free for
    # samples that arrive late.
    source_series: int = 200_000
    decompressed_bytes: int = 32 * 2**20
    waiting_bytes: int = 128 * 2**20
    ahead_ms: int = MOST_AHEAD_MS
    earliest_ms: int = EARLIEST_MS
    behind_ms: int | None = None
    delta_stale_ms: int = 24 * 3_600_000
