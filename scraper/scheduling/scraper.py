"""The scraper: scrapes a changing set of targets, each at the times of its slot."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from model.clock import Clock, system_clock
from model.conditions import Conditions
from model.limits import Refusals
from model.metadata import MetricMetadata
from model.network.name_lookup import NameLookup
from model.process.worker_threads import WorkerThreads
from model.targets import Health, TargetStatus
from scraper.exposition.families import FamilyInterner
from scraper.fetching.fetch import Fetcher
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import ScrapeTarget
from scraper.probing.prober import Prober
from scraper.scheduling.exhaustion import Exhaustion
from scraper.scheduling.slots import SlotScheduler
from scraper.scheduling.statistics import ScraperStatistics
from scraper.scheduling.target_scraper import ScrapeServices, TargetScraper
from storage.api.samples import SampleAppender

if TYPE_CHECKING:
    from model.labels import Labels

log = structlog.get_logger(__name__)

_PARSE_THREADS = 2
_MAX_IMMEDIATE = 16
"""Up to this many new targets are scraped at once; more wait for their slots."""


class Scraper:
    """Scrapes targets until it is closed.

        async with Scraper(appender) as scraper:
            scraper.apply(targets)

    Enter and leave it in one task, because its scrapes are tasks of a TaskGroup. All
    methods belong on the event loop.

    Attributes:
        statistics: totals since the start.
    """

    def __init__(
        self,
        appender: SampleAppender,
        clock: Clock = system_clock,
        conditions: Conditions | None = None,
        prober: Prober | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.statistics = ScraperStatistics()
        exhaustion = Exhaustion(self.statistics, conditions or Conditions(clock), clock)
        self._session = HttpSession()
        self._threads = WorkerThreads(_PARSE_THREADS, thread_name_prefix="parse")
        self._services = ScrapeServices(
            appender,
            clock,
            Fetcher(self._session, self._threads),
            prober or Prober(NameLookup(), clock),
            self._threads,
            self.statistics,
            FamilyInterner(),
            exhaustion,
            refusals or Refusals(),
        )
        self._slots: SlotScheduler[TargetScraper] = SlotScheduler(
            self._begin, self.statistics.add_missed, clock, self._clock_jumped
        )
        self._scrapers: dict[Labels, TargetScraper] = {}
        self._refused: list[ScrapeTarget] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._scrapes: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return the number of targets."""
        return len(self._scrapers)

    async def __aenter__(self) -> Self:
        """Start scraping the targets of `apply`, called before or after."""
        await self._session.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._slots.open()
        self._scrape_now(list(self._scrapers.values()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel the scrapes in progress and stop.

        Series get no staleness markers, because a restart is no gap.
        """
        await self._slots.close()
        tasks, self._tasks = self._tasks, None
        for scrape in self._scrapes:
            scrape.cancel()
        try:
            if tasks is not None:
                await tasks.__aexit__(kind, exc, traceback)
        finally:
            await self._session.close()
            await asyncio.to_thread(self._threads.shutdown)

    def apply(self, targets: Sequence[ScrapeTarget]) -> None:
        """Replace the set of targets.

        Labels identify a target. A target that remains keeps its state and its times; the
        series of a removed target end. If several targets have the same labels, the first
        is scraped. Others with the same URL are the same target; the rest are shown as
        down.
        """
        wanted: dict[Labels, ScrapeTarget] = {}
        self._refused = []
        for target in targets:
            first = wanted.setdefault(target.labels, target)
            if first.url != target.url:
                self._refused.append(target)
        for labels in self._scrapers.keys() - wanted.keys():
            scraper = self._scrapers.pop(labels)
            self._slots.remove(scraper, scraper.slot)
            scraper.retire()
        added = [new for target in wanted.values() if (new := self._add_or_change(target))]
        if self._tasks is not None:
            self._scrape_now(added)

    def statuses(self) -> list[TargetStatus]:
        """Return the state of each target, in the order in which they were added."""
        now_ms = self._services.clock()
        statuses = [scraper.status(now_ms) for scraper in self._scrapers.values()]
        reason = "another target has the same labels"
        return statuses + [
            TargetStatus(target, Health.DOWN, reason, None, None, 0.0, 0, now_ms)
            for target in self._refused
        ]

    def metadata(self) -> dict[str, set[MetricMetadata]]:
        """Return the metadata of each metric family; targets may disagree."""
        families: defaultdict[str, set[MetricMetadata]] = defaultdict(set)
        for _, metadata in self.target_metadata():
            for name, entry in metadata.items():
                families[name].add(entry)
        return dict(families)

    def target_metadata(self) -> Iterator[tuple[ScrapeTarget, Mapping[str, MetricMetadata]]]:
        """Yield each target with the metric families of its last successful scrape."""
        for scraper in self._scrapers.values():
            yield scraper.target, scraper.recorder.metadata

    def _add_or_change(self, target: ScrapeTarget) -> TargetScraper | None:
        """Add or update the scraper of a target; return it if it is new."""
        scraper = self._scrapers.get(target.labels)
        if scraper is None:
            scraper = self._scrapers[target.labels] = TargetScraper(target, self._services)
            self._slots.add(scraper, scraper.slot)
            return scraper
        if scraper.target != target:
            before = scraper.slot
            scraper.reconfigure(target)
            if scraper.slot != before:
                self._slots.remove(scraper, before)
                self._slots.add(scraper, scraper.slot)
        return None

    def _scrape_now(self, scrapers: Sequence[TargetScraper]) -> None:
        """Scrape a few new targets at once, so that an added host shows up immediately."""
        if len(scrapers) <= _MAX_IMMEDIATE:
            now_ms = self._services.clock()
            for scraper in scrapers:
                self._begin(scraper, now_ms)

    def _clock_jumped(self, by_ms: int) -> None:
        """Count and log that the system clock was set."""
        self.statistics.clock_jumps += 1
        fix = "run NTP"
        if by_ms < 0:
            fix += "; `redshank store drop-future` deletes the samples that are in the future now"
        log.warning("clock_jumped", by_s=by_ms / 1000, fix=fix)

    def _begin(self, scraper: TargetScraper, nominal_ms: int) -> None:
        if self._tasks is None:
            return
        if scraper.busy:
            self.statistics.add_missed(1)
            return
        scraper.busy = True
        # A context of its own: a request that adds a host must not mark the log lines of
        # the host's scrapes with its id.
        scrape = self._tasks.create_task(scraper.scrape(nominal_ms), context=Context())
        self._scrapes.add(scrape)
        scrape.add_done_callback(self._scrapes.discard)
