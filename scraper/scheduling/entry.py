"""One target under scraping: its state from scrape to scrape."""

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from model.clock import Clock
from model.targets import Health, TargetStatus
from scraper.errors import ScrapeError
from scraper.exposition.families import FamilyPool
from scraper.exposition.readings import Reading
from scraper.fetching.fetch import Fetched, Fetcher
from scraper.fetching.http_session import abridged_message
from scraper.fetching.targets import ScrapeTarget
from scraper.scheduling.recorder import Recorder
from scraper.scheduling.slots import Slot
from scraper.scheduling.statistics import ScraperStatistics
from storage.api.errors import OutOfOrderError, StorageError
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

# 256 KiB: some 4,000 lines, which a full parse reads in about 30 ms; more goes to a
# thread, so that the loop is never held up for 50 ms.
_THREAD_BYTES = 256 * 2**10
_TOLERANCE_RATIO = 0.05
_MAX_TOLERANCE_MS = 200
"""A scrape that begins this little late has its slot's time, so that times are even."""


@dataclass(frozen=True, slots=True)
class ScrapeTools:
    """What all targets share."""

    appender: SampleAppender
    clock: Clock
    fetcher: Fetcher
    threads: Executor
    statistics: ScraperStatistics
    pool: FamilyPool


class TargetEntry:
    """Scrapes one target, one scrape at a time.

    Attributes:
        target: what is scraped; replaced by `reconfigure`.
        slot: when.
        busy: whether a scrape is under way.
    """

    def __init__(self, target: ScrapeTarget, tools: ScrapeTools) -> None:
        self.target = target
        self.slot = slot_of(target)
        self.busy = False
        self._tools = tools
        self._recorder = Recorder(tools.appender, target, tools.pool)
        self._retired = False
        self._changed = False
        self._health = Health.UNKNOWN
        self._error = ""
        self._last_scrape_ms: int | None = None
        self._last_up_ms: int | None = None
        self._duration_s = 0.0
        self._samples = 0
        self._is_stored = True

    @property
    def recorder(self) -> Recorder:
        """What holds the target's series and metadata."""
        return self._recorder

    def status(self, now_ms: int) -> TargetStatus:
        """Return how scraping goes."""
        return TargetStatus(
            self.target,
            self._health,
            self._error,
            self._last_scrape_ms,
            self._last_up_ms,
            self._duration_s,
            self._samples,
            self.slot.next_ms(now_ms),
        )

    def reconfigure(self, target: ScrapeTarget) -> None:
        """Scrape as `target` says from the next time on; its labels are the same."""
        self.target, self.slot = target, slot_of(target)
        # A body may be under parsing in a thread right now.
        self._changed = True

    def retire(self) -> None:
        """End the target's series, now or when the scrape under way is over."""
        self._retired = True
        if not self.busy:
            self._end()

    async def scrape(self, nominal_ms: int) -> None:
        """Scrape once. Raises nothing but cancellation: a target costs only itself."""
        self.busy = True
        try:
            await self._scrape(nominal_ms)
        except Exception as exc:
            # Ours to mend, and no reason to stop the other targets.
            self._health, self._error = Health.DOWN, f"internal error: {type(exc).__name__}"
            self._recorder = Recorder(self._tools.appender, self.target, self._tools.pool)
            log.exception("scrape_crashed", job=self.target.job, instance=self.target.instance)
        finally:
            self.busy = False
            if self._retired:
                self._end()

    async def _scrape(self, nominal_ms: int) -> None:
        tools, target = self._tools, self.target
        if self._changed:
            self._changed = False
            self._recorder.reconfigure(target)
        now_ms = tools.clock()
        time_ms = self._time_ms(nominal_ms, now_ms)
        began = time.perf_counter()
        reading, error = None, ""
        try:
            fetched = await tools.fetcher.fetch(target)
            tools.statistics.body_bytes += len(fetched.body)
            tools.statistics.fetch_s += time.perf_counter() - began
            reading = await self._read(fetched)
        except ScrapeError as exc:
            error = abridged_message(str(exc))
        duration_s = time.perf_counter() - began
        if self._retired:
            return
        self._note(error, now_ms, duration_s, reading)
        self._record(reading, time_ms, duration_s)

    def _time_ms(self, nominal_ms: int, now_ms: int) -> int:
        lag_ms = now_ms - nominal_ms
        self._tools.statistics.lag_s += max(0, lag_ms) / 1000
        tolerance_ms = min(_MAX_TOLERANCE_MS, self.slot.interval_ms * _TOLERANCE_RATIO)
        return nominal_ms if abs(lag_ms) <= tolerance_ms else now_ms

    async def _read(self, fetched: Fetched) -> Reading:
        began = time.perf_counter()
        try:
            if len(fetched.body) <= _THREAD_BYTES:
                return self._recorder.read(fetched.body, fetched.format)
            loop = asyncio.get_running_loop()
            # Shielded: a thread cannot be stopped, and the recorder is not to be
            # touched before it is done.
            work = loop.run_in_executor(
                self._tools.threads, self._recorder.read, fetched.body, fetched.format
            )
            return await asyncio.shield(work)
        finally:
            self._tools.statistics.parse_s += time.perf_counter() - began

    def _note(self, error: str, now_ms: int, duration_s: float, reading: Reading | None) -> None:
        """Keep how it went, and log where that changed."""
        before = self._health
        self._health = Health.DOWN if error else Health.UP
        self._error, self._last_scrape_ms, self._duration_s = error, now_ms, duration_s
        self._samples = reading.samples if reading else 0
        statistics = self._tools.statistics
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

    def _record(self, reading: Reading | None, time_ms: int, duration_s: float) -> None:
        last_ms = self._recorder.last_ms
        if last_ms is not None and time_ms <= last_ms:
            # The clock was set back.
            self._refused(OutOfOrderError(str(self.target.labels), time_ms, last_ms))
            return
        try:
            if reading is None:
                self._recorder.record_failure(time_ms, duration_s)
            else:
                self._tools.statistics.add(self._recorder.record(reading, time_ms, duration_s))
        except StorageError as exc:
            self._refused(exc)
        else:
            self._is_stored = True

    def _refused(self, exc: StorageError) -> None:
        self._recorder.lost()
        self._tools.statistics.append_failures += 1
        self._error = self._error or f"not stored: {abridged_message(str(exc))}"
        if self._is_stored:
            # Once, not at each scrape: a full disk refuses those of all targets.
            log.warning(
                "append_failed",
                job=self.target.job,
                instance=self.target.instance,
                error=str(exc),
            )
        self._is_stored = False

    def _end(self) -> None:
        last_ms = self._recorder.last_ms
        now_ms = self._tools.clock()
        try:
            self._recorder.end(now_ms if last_ms is None else max(now_ms, last_ms + 1))
        except StorageError as exc:
            self._refused(exc)


def slot_of(target: ScrapeTarget) -> Slot:
    """Return when a target is scraped."""
    return Slot.of(f"{target.labels} {target.url}", round(target.interval_s * 1000))
