"""The status pages, and their snapshots: one computation serves a crowd of visitors."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import ValidationError

from alerting.routing.silences import Silence
from alerting.routing.window_times import end_of_windows, start_of_windows
from storage.api.errors import NotFoundError, TakenError
from storage.api.status.pages import ComponentDay, Logo, StatusPageRow
from web.services import Services
from web.status_pages.days import ComponentState, bar_of, last_days, uptime, worst
from web.status_pages.definition import PlannedMaintenance, StatusComponent, StatusPage
from web.status_pages.measuring import Measuring, ResponseTimes, zone_of
from web.status_pages.snapshot import (
    ComponentView,
    MaintenanceView,
    Snapshot,
    StatusGroupView,
)

log = structlog.get_logger(__name__)

FRESH_MS: Final = 5_000
_TODAY_MS: Final = 60_000
_RESPONSE_MS: Final = 300_000
_INCIDENTS_MS: Final = 14 * 86_400_000
_FAR_MS: Final = 4_000_000_000_000


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page, and who changed it last."""

    page: StatusPage
    author: str
    changed_ms: int


@dataclass(slots=True)
class _Cached:
    """The cached state of one page, and the end of its freshness."""

    lock: asyncio.Lock
    snapshot: Snapshot | None = None
    today: Sequence[ComponentDay] = ()
    today_ms: int = -_FAR_MS
    response: Mapping[str, ResponseTimes] | None = None
    response_ms: int = -_FAR_MS


class StatusBoard:
    """Keeps the pages, and computes what they show, at most once in some seconds.

    Attributes:
        measuring: asks the query engine.
        records: the stored pages.
        changed: set whenever a page was changed, for the upkeep.
    """

    def __init__(self, services: Services) -> None:
        self.records = services.status_pages
        self.clock = services.clock
        self._domains, self._silences = services.status_domains, services.alerting.router
        self.measuring = Measuring(services.engine, services.targets, self.window)
        self.changed = asyncio.Event()
        self._pages: dict[str, StoredPage] | None = None
        self._cached: defaultdict[str, _Cached] = defaultdict(lambda: _Cached(asyncio.Lock()))

    def window(self, window_id: str) -> Silence | None:
        """Return a maintenance window, None if there is none with this id."""
        found = self._silences.dispatcher.silences.get(window_id)
        return found if found is not None and found.is_maintenance else None

    def windows(self) -> list[Silence]:
        """Return all maintenance windows."""
        return [each for each in self._silences.dispatcher.silences.all() if each.is_maintenance]

    async def pages(self) -> Mapping[str, StoredPage]:
        """Return all pages by slug.

        Raises:
            StorageError: the records cannot be read.
        """
        if self._pages is None:
            found = {}
            for row in await self.records.all():
                try:
                    page = await asyncio.to_thread(StatusPage.model_validate_json, row.definition)
                except ValidationError as exc:
                    log.warning("status_page_skipped", slug=row.slug, error=str(exc)[:300])
                    continue
                found[row.slug] = StoredPage(page, row.author, row.changed_ms)
            self._pages = found
            self._domains.clear()
            self._domains.update(
                {
                    one.page.domain: one.page.slug
                    for one in found.values()
                    if one.page.domain and one.page.published
                }
            )
        return self._pages

    async def get(self, slug: str) -> StoredPage:
        """Return a page.

        Raises:
            NotFoundError: none has this slug.
        """
        found = (await self.pages()).get(slug)
        if found is None:
            raise NotFoundError("status page", slug)
        return found

    async def put(self, page: StatusPage, author: str, *, is_new: bool) -> StoredPage:
        """Store a page.

        Raises:
            TakenError: another one has its slug or its domain.
            NotFoundError: none has its slug, and it is not new.
            TooManyPagesError: there are too many.
        """
        for other in (await self.pages()).values():
            if page.domain and other.page.domain == page.domain and other.page.slug != page.slug:
                raise TakenError("status page", "domain", page.domain)
        now_ms = self.clock()
        row = StatusPageRow(page.slug, page.model_dump_json(), author, now_ms, now_ms)
        await (self.records.add(row) if is_new else self.records.change(row))
        await self.forget()
        return await self.get(page.slug)

    async def remove(self, slug: str) -> None:
        """Delete a page, its incidents and its history.

        Raises:
            NotFoundError: none has this slug.
        """
        await self.records.remove(slug)
        self._cached.pop(slug, None)
        await self.forget()

    async def set_logo(self, slug: str, logo: Logo | None) -> None:
        """Store the logo of a page, or delete it.

        Raises:
            NotFoundError: none has this slug.
        """
        await self.get(slug)
        await self.records.set_logo(slug, logo)
        self.forget_snapshot(slug)

    async def forget(self) -> None:
        """Read the pages anew, and compute their snapshots anew."""
        self._pages = None
        for slug in list(self._cached):
            self.forget_snapshot(slug)
        await self.pages()
        self.changed.set()

    def forget_snapshot(self, slug: str) -> None:
        """Compute the snapshot of a page anew at the next request."""
        cached = self._cached[slug]
        cached.snapshot, cached.today_ms, cached.response_ms = None, -_FAR_MS, -_FAR_MS

    async def snapshot(self, slug: str) -> Snapshot:
        """Return what a page shows; at most some seconds old, the same for all visitors.

        Raises:
            NotFoundError: none has this slug.
        """
        page = (await self.get(slug)).page
        cached = self._cached[slug]
        async with cached.lock:
            now_ms = self.clock()
            known = cached.snapshot
            if known is None or not 0 <= now_ms - known.time_ms < FRESH_MS:
                known = cached.snapshot = await self._computed(page, cached, now_ms)
            return known

    async def _computed(self, page: StatusPage, cached: _Cached, now_ms: int) -> Snapshot:
        zone = await zone_of(page)
        days = last_days(now_ms, zone)
        if not 0 <= now_ms - cached.today_ms < _TODAY_MS:
            cached.today = await self.measuring.day(page, days[-1], now_ms)
            cached.today_ms = now_ms
        if cached.response is None or not 0 <= now_ms - cached.response_ms < _RESPONSE_MS:
            cached.response = await self.measuring.response(page, now_ms)
            cached.response_ms = now_ms
        states = await self.measuring.states(page, now_ms)
        stored = await self.records.days(page.slug, days[0].isoformat())
        found = {(day.component, day.day): day for day in (*stored, *cached.today)}
        response = cached.response

        def view(one: StatusComponent) -> ComponentView:
            own = [found.get((one.id, day.isoformat())) for day in days]
            bars = tuple(
                bar_of(day, zone, each, now_ms) for day, each in zip(days, own, strict=True)
            )
            known = uptime(each for each in own if each is not None)
            return ComponentView(
                one.id, one.name, states[one.id], bars, known, response.get(one.id)
            )

        groups = [
            StatusGroupView(group.name, tuple(map(view, group.components))) for group in page.groups
        ]
        return Snapshot(
            page=page,
            time_ms=now_ms,
            state=worst(states.values()) if states else ComponentState.NO_DATA,
            has_logo=await self.records.logo(page.slug) is not None,
            groups=tuple(groups),
            maintenance=tuple(self._planned(page, now_ms)),
            incidents=tuple(await self.records.incidents(page.slug, now_ms - _INCIDENTS_MS)),
        )

    def _planned(self, page: StatusPage, now_ms: int) -> list[MaintenanceView]:
        found = []
        for planned in page.maintenance:
            window = self.window(planned.window)
            if window is not None and window.ends_ms > now_ms:
                found.append(_planned_view(page, planned, window, now_ms))
        return sorted(found, key=lambda each: (not each.is_open, each.changes_ms or _FAR_MS))


def _planned_view(
    page: StatusPage, planned: PlannedMaintenance, window: Silence, now_ms: int
) -> MaintenanceView:
    names = {one.id: one.name for one in page.components}
    is_open = window.holds(now_ms)
    if is_open:
        ends_ms = end_of_windows(window.windows, now_ms) if window.windows else None
        changes_ms: int | None = window.ends_ms if ends_ms is None else min(ends_ms, window.ends_ms)
    else:
        from_ms = max(now_ms, window.starts_ms)
        changes_ms = from_ms if window.holds(from_ms) else start_of_windows(window.windows, from_ms)
        if changes_ms is not None and changes_ms >= window.ends_ms:
            changes_ms = None
    if changes_ms is not None and changes_ms >= _FAR_MS:
        changes_ms = None
    return MaintenanceView(
        planned.title, tuple(names[one] for one in planned.components), is_open, changes_ms
    )
