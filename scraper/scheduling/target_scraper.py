"""Scrapes one target: fetch, parse, append, and the target's state between scrapes."""

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from model.clock import Clock
from model.limits import LimitName, Refusals
from model.targets import Health, TargetStatus
from scraper.errors import OwnExhaustionError, ScrapeError
from scraper.exposition.delta import ExpositionDelta
from scraper.exposition.errors import RejectedCounts, RejectedExpositionError
from scraper.exposition.families import FamilyInterner
from scraper.fetching.fetch import Fetched, Fetcher
from scraper.fetching.targets import ScrapeTarget
from scraper.messages import one_line
from scraper.probing.prober import Prober
from scraper.recording.recorder import Recorder
from scraper.scheduling.exhaustion import Exhaustion
from scraper.scheduling.slots import Slot
from scraper.scheduling.statistics import ScraperStatistics
from storage.api.errors import OutOfOrderError, StorageError
from storage.api.rewinding import is_rewound
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

# 256 KiB: some 4,000 lines, which a full parse reads in about 30 ms if it knows them. Larger
# bodies are parsed in a thread, so that the event loop never blocks for 50 ms.
_THREAD_BYTES = 256 * 2**10
# Without a valid body before, every line takes the strict grammar, and twice if it fails.
_UNKNOWN_THREAD_BYTES = _THREAD_BYTES // 4
_TOLERANCE_RATIO = 0.05
_MAX_TOLERANCE_MS = 200
"""A scrape that starts at most this late gets the time of its slot, for even timestamps."""


@dataclass(frozen=True, slots=True)
class ScrapeServices:
    """The services that all target scrapers share."""

    appender: SampleAppender
    clock: Clock
    fetcher: Fetcher
    prober: Prober
    threads: Executor
    statistics: ScraperStatistics
    interner: FamilyInterner
    exhaustion: Exhaustion
    refusals: Refusals


class TargetScraper:
    """Scrapes one target, one scrape at a time.

    Attributes:
        target: the target; `reconfigure` replaces it.
        slot: the times of its scrapes.
        busy: whether a scrape is in progress.
    """

    def __init__(self, target: ScrapeTarget, services: ScrapeServices) -> None:
        self.target = target
        self.slot = _slot_of(target)
        self.busy = False
        self._services = services
        self._recorder = Recorder(services.appender, target, services.interner)
        self._retired = False
        self._reconfigured = False
        self._health = Health.UNKNOWN
        self._error = ""
        self._last_scrape_ms: int | None = None
        self._last_up_ms: int | None = None
        self._duration_s = 0.0
        self._samples = self._duplicates = 0
        self._is_stored = True

    @property
    def recorder(self) -> Recorder:
        """The target's series and metadata."""
        return self._recorder

    def status(self, now_ms: int) -> TargetStatus:
        """Return the target's state."""
        return TargetStatus(
            self.target,
            self._health,
            self._error,
            self._last_scrape_ms,
            self._last_up_ms,
            self._duration_s,
            self._samples,
            self.slot.next_ms(now_ms),
            self._duplicates,
        )

    def reconfigure(self, target: ScrapeTarget) -> None:
        """Use changed options from the next scrape on; the labels must be the same."""
        self.target, self.slot = target, _slot_of(target)
        # The recorder follows at the next scrape: a thread may be parsing a body now.
        self._reconfigured = True

    def retire(self) -> None:
        """End the target's series, now or after the scrape in progress."""
        self._retired = True
        if not self.busy:
            self._end()

    async def scrape(self, nominal_ms: int) -> None:
        """Scrape once; every error but cancellation becomes the target's state."""
        self.busy = True
        try:
            await self._scrape(nominal_ms)
        except Exception as exc:
            # A fault in this program must not stop the other targets.
            self._health, self._error = Health.DOWN, f"internal error: {type(exc).__name__}"
            services = self._services
            self._recorder = Recorder(services.appender, self.target, services.interner)
            log.exception("scrape_crashed", job=self.target.job, instance=self.target.instance)
        finally:
            self.busy = False
            if self._retired:
                self._end()

    async def _scrape(self, nominal_ms: int) -> None:
        services, target = self._services, self.target
        if self._reconfigured:
            self._reconfigured = False
            self._recorder.reconfigure(target)
        now_ms = services.clock()
        time_ms = self._sample_time_ms(nominal_ms, now_ms)
        began = time.perf_counter()
        delta, error, counts = None, "", RejectedCounts()
        try:
            fetcher = services.fetcher if target.probe is None else services.prober
            fetched = await fetcher.fetch(target)
            services.statistics.body_bytes += len(fetched.body)
            services.statistics.fetch_s += time.perf_counter() - began
            services.exhaustion.scraped()
            delta = await self._parse(fetched)
        except OwnExhaustionError as exc:
            # Nothing is known of the target: no sample, and above all no `up 0`.
            self._error = str(exc)
            services.exhaustion.report(self._error)
            return
        except ScrapeError as exc:
            error = one_line(exc.outline if target.is_added_by_user else str(exc))
            if exc.exceeds_limit:
                services.refusals.count(LimitName.SCRAPE)
            if isinstance(exc, RejectedExpositionError):
                counts = exc.counts
        duration_s = time.perf_counter() - began
        if self._retired:
            return
        self._update_state(error, now_ms, duration_s, delta)
        self._record(delta or counts, time_ms, duration_s)

    def _sample_time_ms(self, nominal_ms: int, now_ms: int) -> int:
        """Return the slot's time if the scrape starts within tolerance, else now."""
        lag_ms = now_ms - nominal_ms
        self._services.statistics.lag_s += max(0, lag_ms) / 1000
        tolerance_ms = min(_MAX_TOLERANCE_MS, self.slot.interval_ms * _TOLERANCE_RATIO)
        time_ms = nominal_ms if abs(lag_ms) <= tolerance_ms else now_ms
        # Beside a scrape at the same time, from before the clock was set back.
        return time_ms + (time_ms <= self._recorder.overtaken_ms)

    async def _parse(self, fetched: Fetched) -> ExpositionDelta:
        began = time.perf_counter()
        try:
            is_known = self._health is Health.UP
            if len(fetched.body) <= (_THREAD_BYTES if is_known else _UNKNOWN_THREAD_BYTES):
                return self._recorder.read(fetched.body, fetched.format)
            loop = asyncio.get_running_loop()
            # Shielded: a thread cannot be stopped, and nothing else may use the recorder
            # until it has finished.
            return await asyncio.shield(
                loop.run_in_executor(
                    self._services.threads, self._recorder.read, fetched.body, fetched.format
                )
            )
        finally:
            self._services.statistics.parse_s += time.perf_counter() - began

    def _update_state(
        self, error: str, now_ms: int, duration_s: float, delta: ExpositionDelta | None
    ) -> None:
        """Store the result of a scrape, and log when the target's health changes."""
        before = self._health
        self._health = Health.DOWN if error else Health.UP
        self._error, self._last_scrape_ms, self._duration_s = error, now_ms, duration_s
        self._samples = delta.samples if delta else 0
        self._duplicates = delta.duplicates if delta else 0
        statistics = self._services.statistics
        statistics.scrapes += 1
        statistics.failures += bool(error)
        if not error:
            self._last_up_ms = now_ms
        if error and before is not Health.DOWN:
            log.warning(
                "scrape_failed",
                job=self.target.job,
                instance=self.target.instance,
                duration_s=round(duration_s, 3),
                error=error,
            )
        elif not error and before is Health.DOWN:
            log.info("scrape_recovered", job=self.target.job, instance=self.target.instance)

    def _record(
        self, scraped: ExpositionDelta | RejectedCounts, time_ms: int, duration_s: float
    ) -> None:
        """Append a scrape, or the failure of one with the counts of its exposition."""
        last_ms = self._recorder.last_ms
        if last_ms is not None and time_ms <= last_ms and not is_rewound(last_ms, time_ms):
            # The clock was set back a little.
            self._append_failed(OutOfOrderError(str(self.target.labels), time_ms, last_ms))
            return
        try:
            if isinstance(scraped, RejectedCounts):
                self._recorder.record_failure(time_ms, duration_s, scraped)
            else:
                recorded = self._recorder.record(scraped, time_ms, duration_s)
                self._services.statistics.add(recorded)
        except StorageError as exc:
            self._append_failed(exc)
        else:
            self._is_stored = True

    def _append_failed(self, exc: StorageError) -> None:
        self._recorder.require_complete()
        self._services.statistics.append_failures += 1
        self._error = self._error or f"not stored: {one_line(str(exc))}"
        if self._is_stored:
            # Logged once, not for each scrape: a full disk affects all targets.
            log.warning(
                "append_failed",
                job=self.target.job,
                instance=self.target.instance,
                error=str(exc),
            )
        self._is_stored = False

    def _end(self) -> None:
        last_ms = self._recorder.last_ms
        now_ms = self._services.clock()
        try:
            self._recorder.end(now_ms if last_ms is None else max(now_ms, last_ms + 1))
        except StorageError as exc:
            self._append_failed(exc)


def _slot_of(target: ScrapeTarget) -> Slot:
    return Slot.of(f"{target.labels} {target.url}", round(target.interval_s * 1000))
