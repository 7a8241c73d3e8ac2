"""The scraper: keeps a set of targets scraped, each at its own times."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from model.clock import Clock, system_clock
from model.targets import Health, TargetStatus
from scraper.exposition.families import FamilyPool, MetricMetadata
from scraper.fetching.fetch import Fetcher
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import ScrapeTarget
from scraper.scheduling.entry import ScrapeTools, TargetEntry
from scraper.scheduling.slots import SlotScheduler
from scraper.scheduling.statistics import ScraperStatistics
from storage.api.samples import SampleAppender

if TYPE_CHECKING:
    from model.labels import Labels

log = structlog.get_logger(__name__)

_PARSE_THREADS = 2
_EAGER_TARGETS = 16
"""As many new targets are scraped at once; more wait for their slots, spread out."""


class Scraper:
    """Scrapes targets until it is closed.

        async with Scraper(appender) as scraper:
            scraper.apply(targets)

    Enter and leave it in one task: its scrapes are tasks of a TaskGroup. All methods
    belong on the event loop.

    Attributes:
        statistics: what it did so far.
    """

    def __init__(self, appender: SampleAppender, clock: Clock = system_clock) -> None:
        self.statistics = ScraperStatistics()
        self._session = HttpSession()
        self._threads = ThreadPoolExecutor(_PARSE_THREADS, thread_name_prefix="parse")
        self._tools = ScrapeTools(
            appender,
            clock,
            Fetcher(self._session),
            self._threads,
            self.statistics,
            FamilyPool(),
        )
        self._slots: SlotScheduler[TargetEntry] = SlotScheduler(
            self._begin, self.statistics.add_missed, clock, self._clock_jumped
        )
        self._entries: dict[Labels, TargetEntry] = {}
        self._refused: list[ScrapeTarget] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._scrapes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to scrape what `apply` gave or will give."""
        await self._session.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._slots.open()
        self._scrape_soon(list(self._entries.values()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop: scrapes under way are dropped, series are left as they are.

        A restart is no gap: nothing is marked stale.
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
        """Scrape these targets from now on, and no others.

        A target is known by its labels. What stays keeps its state and its times; the
        series of what goes are ended. Of several targets with the same labels the
        first is scraped; others with the same URL are taken for the same, others
        still are shown as down.
        """
        wanted: dict[Labels, ScrapeTarget] = {}
        self._refused = []
        for target in targets:
            first = wanted.setdefault(target.labels, target)
            if first.url != target.url:
                self._refused.append(target)
        for labels in self._entries.keys() - wanted.keys():
            entry = self._entries.pop(labels)
            self._slots.remove(entry, entry.slot)
            entry.retire()
        added = [new for target in wanted.values() if (new := self._add_or_change(target))]
        if self._tasks is not None:
            self._scrape_soon(added)

    def statuses(self) -> list[TargetStatus]:
        """Return how scraping each target goes, in the order they were first applied."""
        now_ms = self._tools.clock()
        statuses = [entry.status(now_ms) for entry in self._entries.values()]
        reason = "another target has the same labels"
        return statuses + [
            TargetStatus(target, Health.DOWN, reason, None, None, 0.0, 0, now_ms)
            for target in self._refused
        ]

    def metadata(self) -> dict[str, set[MetricMetadata]]:
        """Return what targets say about each metric family; they may disagree."""
        families: defaultdict[str, set[MetricMetadata]] = defaultdict(set)
        for _, metadata in self.target_metadata():
            for name, entry in metadata.items():
                families[name].add(entry)
        return dict(families)

    def target_metadata(self) -> Iterator[tuple[ScrapeTarget, Mapping[str, MetricMetadata]]]:
        """Yield each target with the metric families of its last good scrape."""
        for entry in self._entries.values():
            yield entry.target, entry.recorder.metadata

    def _add_or_change(self, target: ScrapeTarget) -> TargetEntry | None:
        """Bring one target's entry up to date; return it if it is new."""
        entry = self._entries.get(target.labels)
        if entry is None:
            entry = self._entries[target.labels] = TargetEntry(target, self._tools)
            self._slots.add(entry, entry.slot)
            return entry
        if entry.target != target:
            before = entry.slot
            entry.reconfigure(target)
            if entry.slot != before:
                self._slots.remove(entry, before)
                self._slots.add(entry, entry.slot)
        return None

    def _scrape_soon(self, entries: Sequence[TargetEntry]) -> None:
        """Scrape a few new targets at once: whoever adds a host wants to see it."""
        if len(entries) <= _EAGER_TARGETS:
            now_ms = self._tools.clock()
            for entry in entries:
                self._begin(entry, now_ms)

    def _clock_jumped(self, by_ms: int) -> None:
        """Tell that the machine's clock was set."""
        self.statistics.clock_jumps += 1
        fix = "set the clock by NTP"
        if by_ms < 0:
            fix += "; scrapes are not stored until it has passed the newest sample"
        log.warning("clock_jumped", by_s=by_ms / 1000, fix=fix)

    def _begin(self, entry: TargetEntry, nominal_ms: int) -> None:
        if self._tasks is None:
            return
        if entry.busy:
            self.statistics.add_missed(1)
            return
        entry.busy = True
        scrape = self._tasks.create_task(entry.scrape(nominal_ms))
        self._scrapes.add(scrape)
        scrape.add_done_callback(self._scrapes.discard)
