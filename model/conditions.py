"""The conditions of a degraded server: what is wrong with the server itself, and since when.

Every part of the server sets and clears conditions in one `Conditions`; `/health`, the
banner of every page, the metric `redshank_degraded`, the built-in alert and
`redshank doctor` read them. A condition is set again as often as its part likes: only the
reason changes. It is cleared by the part that set it, once the cause has gone.
"""

import threading
from dataclasses import dataclass, replace
from typing import Final, Literal

import structlog

from model.clock import Clock

log = structlog.get_logger(__name__)

ConditionSeverity = Literal["warning", "critical"]
"""The severity of the alert that a condition raises."""


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """One thing that can be wrong with the server.

    Attributes:
        name: the label `condition` of the metric and the alert, in snake case.
        severity: critical if data is lost or the alarm is impaired while it lasts.
        summary: what is wrong, as a sentence without a full stop.
        fix: what the operator can do, as an imperative without a full stop.
    """

    name: str
    severity: ConditionSeverity
    summary: str
    fix: str


_FREE_SPACE = (
    "free space on the disk of the data directory, or make it writable; the server goes on"
    " by itself"
)

SAMPLES_UNWRITABLE: Final = ConditionKind(
    "samples_unwritable", "critical", "the server cannot write samples to its disk", _FREE_SPACE
)
CHUNKS_UNWRITABLE: Final = ConditionKind(
    "chunks_unwritable",
    "critical",
    "the server cannot write chunks to its window files, and keeps them in memory",
    _FREE_SPACE,
)
SAMPLES_DROPPED: Final = ConditionKind(
    "samples_dropped",
    "critical",
    "the server drops its oldest samples, because the disk has refused writes for long",
    "free space on the disk of the data directory at once; storage.head_bytes limits the memory",
)
SAMPLES_DAMAGED: Final = ConditionKind(
    "samples_damaged",
    "warning",
    "the server leaves out files with samples that are damaged or that it cannot read",
    "look at its log, check the disk, restore the samples from a backup, and restart the server",
)
RECORDS_UNWRITABLE: Final = ConditionKind(
    "records_unwritable",
    "critical",
    "the server cannot write hosts, users and alerts to its disk",
    _FREE_SPACE,
)
RECORDS_REBUILT: Final = ConditionKind(
    "records_rebuilt",
    "critical",
    "records.db was damaged and the server has built it anew from what it could read",
    "check the disk, compare hosts and users with a backup, and restart the server",
)
MESSAGES_REPLACED: Final = ConditionKind(
    "messages_replaced",
    "warning",
    "messages.db was damaged and the server has begun a new one",
    "check the disk, delete the damaged file, and restart the server",
)
DATA_DIRECTORY_GONE: Final = ConditionKind(
    "data_directory_gone",
    "critical",
    "the data directory is gone",
    "mount its file system or move it back; restart the server if it is another one",
)
DATA_DIRECTORY_READ_ONLY: Final = ConditionKind(
    "data_directory_read_only",
    "critical",
    "the data directory is on a read-only file system, and the server works in a temporary copy",
    "check the disk (`dmesg`, `smartctl -a`) and run `mount -o remount,rw` on it; the server then"
    " moves its data there by itself",
)
DISK_SLOW: Final = ConditionKind(
    "disk_slow",
    "warning",
    "the disk of the data directory takes seconds for each write",
    "look for a failing disk or for other programs that write to it",
)
DESCRIPTORS_EXHAUSTED: Final = ConditionKind(
    "descriptors_exhausted",
    "critical",
    "the server cannot accept connections",
    "raise LimitNOFILE= of the unit, or `ulimit -n`",
)
SCRAPES_EXHAUSTED: Final = ConditionKind(
    "scrapes_exhausted",
    "critical",
    "the server lacks descriptors, ports or memory to scrape its targets",
    "raise LimitNOFILE= and MemoryMax= of the unit; the targets are not at fault",
)
CLOCK_JUMPED: Final = ConditionKind(
    "clock_jumped",
    "warning",
    "the clock of the machine was set, and the server goes on by its own for ten minutes",
    "correct the clock, best by NTP; if the new time is right, wait",
)
FUTURE_SAMPLES: Final = ConditionKind(
    "future_samples",
    "warning",
    "the store has samples later than now, from a time when the clock was wrong",
    "stop the server and run `redshank store drop-future`, or leave them: nothing else depends"
    " on them",
)

MEMORY_SHORT: Final = ConditionKind(
    "memory_short",
    "warning",
    "the server is near its memory limit and refuses large queries and pushes",
    "raise server.memory_limit and MemoryMax= of the unit, or lower query.max_samples and the"
    " limits of ingest",
)

CONDITION_KINDS: Final[tuple[ConditionKind, ...]] = (
    SAMPLES_UNWRITABLE,
    CHUNKS_UNWRITABLE,
    SAMPLES_DROPPED,
    SAMPLES_DAMAGED,
    RECORDS_UNWRITABLE,
    RECORDS_REBUILT,
    MESSAGES_REPLACED,
    DATA_DIRECTORY_GONE,
    DATA_DIRECTORY_READ_ONLY,
    DISK_SLOW,
    DESCRIPTORS_EXHAUSTED,
    SCRAPES_EXHAUSTED,
    MEMORY_SHORT,
    CLOCK_JUMPED,
    FUTURE_SAMPLES,
)
"""All kinds. The metric shows each, and docs/operations.md has a row for each."""


@dataclass(frozen=True, slots=True)
class ActiveCondition:
    """A condition that holds now.

    Attributes:
        reason: the details, such as the file and the error of the system.
        since_ms: when it was set first.
    """

    kind: ConditionKind
    reason: str
    since_ms: int

    @property
    def text(self) -> str:
        """The summary and the reason, as one sentence without a full stop."""
        return f"{self.kind.summary}: {self.reason}" if self.reason else self.kind.summary


class Conditions:
    """The conditions that hold now. Any thread may call any method."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._active: dict[ConditionKind, ActiveCondition] = {}

    def set(self, kind: ConditionKind, reason: str = "") -> None:
        """Report that a condition holds; the time of the first report stays.

        `/health` shows the reason without a login: write no name of a host or user in it.
        """
        with self._lock:
            before = self._active.get(kind)
            after = replace(before, reason=reason) if before else None
            self._active = {
                **self._active,
                kind: after or ActiveCondition(kind, reason, self._clock()),
            }
        if before is None:
            log.error("degraded", condition=kind.name, reason=reason, fix=kind.fix)

    def add(self, kind: ConditionKind, reason: str) -> None:
        """Report that a condition holds for one more reason, after those that it has."""
        before = self._active.get(kind)
        self.set(kind, f"{before.reason}, {reason}" if before else reason)

    def clear(self, kind: ConditionKind) -> None:
        """Report that a condition holds no longer; does nothing if it did not."""
        if kind not in self._active:
            return
        with self._lock:
            left = dict(self._active)
            before = left.pop(kind, None)
            self._active = left
        if before is not None:
            lasted_s = max(0, self._clock() - before.since_ms) / 1000
            log.info("degraded_no_longer", condition=kind.name, lasted_s=lasted_s)

    def active(self) -> tuple[ActiveCondition, ...]:
        """Return the conditions that hold now: critical ones first, then the oldest first."""
        return tuple(
            sorted(
                self._active.values(),
                key=lambda one: (one.kind.severity != "critical", one.since_ms, one.kind.name),
            )
        )
