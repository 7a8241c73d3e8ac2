"""The periodic work for status pages: stores past days, opens and ends automatic incidents."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

import structlog

from storage.api.errors import StorageError
from web.status_pages.board import StatusBoard
from web.status_pages.days import ComponentState, day_bounds_ms, last_days, local_day
from web.status_pages.definition import StatusPage
from web.status_pages.incidents import IncidentForm, Incidents, UpdateForm
from web.status_pages.measuring import zone_of

log = structlog.get_logger(__name__)

_LOOK_S: Final = 30.0
_SETTLED_MS: Final = 10 * 60_000
"""A day is stored so long after its end: late samples have arrived by then."""
_LOOKS: Final = 2
"""An incident opens once so many looks in a row found a component down."""
_AUTHOR: Final = ""


class StatusUpkeep:
    """Looks at all pages again and again."""

    def __init__(self, board: StatusBoard) -> None:
        self._board, self._incidents = board, Incidents(board)
        self._down: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._stored: dict[str, date] = {}

    async def run(self) -> None:
        """Look every half minute, and at once after a page was changed; until cancelled."""
        while True:
            self._board.changed.clear()
            try:
                await self.look()
            except StorageError as exc:
                log.warning("status_pages_not_kept", error=str(exc))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._board.changed.wait()
                    self._stored.clear()

    async def look(self) -> None:
        """Store the past days that are missing, and look at the automatic incidents.

        Raises:
            StorageError: the records cannot be read or written.
        """
        for stored in list((await self._board.pages()).values()):
            await self._keep_days(stored.page)
            if stored.page.automatic_incidents:
                await self._look_at_incidents(stored.page)

    async def _keep_days(self, page: StatusPage) -> None:
        """Store the past days that are not stored yet, from samples as far as there are any."""
        now_ms, zone = self._board.clock(), await zone_of(page)
        newest = local_day(now_ms - _SETTLED_MS, zone) - timedelta(days=1)
        if self._stored.get(page.slug) == newest:
            return
        days = [day for day in last_days(now_ms, zone) if day <= newest]
        known = await self._board.records.days(page.slug, days[0].isoformat())
        present = {(day.component, day.day) for day in known}
        for day in reversed(days):
            missing = [
                one.id for one in page.components if (one.id, day.isoformat()) not in present
            ]
            if not missing:
                continue
            found = await self._board.measuring.day(
                page, day, day_bounds_ms(day, zone)[1] - 1, missing
            )
            await self._board.records.put_days(page.slug, found)
            # Others get a turn: ninety days of many components take seconds.
            await asyncio.sleep(0)
        self._stored[page.slug] = newest
        self._board.forget_snapshot(page.slug)

    async def _look_at_incidents(self, page: StatusPage) -> None:
        now_ms = self._board.clock()
        states = await self._board.measuring.states(page, now_ms)
        opened = {
            component: incident
            for incident in await self._board.records.incidents(page.slug, now_ms)
            if incident.is_automatic and incident.resolved_ms is None
            for component in incident.components
        }
        for one in page.components:
            key, state = (page.slug, one.id), states[one.id]
            self._down[key] = self._down[key] + 1 if state is ComponentState.DOWN else 0
            if self._down[key] >= _LOOKS and one.id not in opened:
                form = IncidentForm(
                    title=f"{one.name} is down",
                    text="Our monitoring finds this component down. We are investigating.",
                    components=[one.id],
                )
                await self._incidents.open(page.slug, form, _AUTHOR, is_automatic=True)
            elif one.id in opened and state is ComponentState.OPERATIONAL:
                recovered = UpdateForm(state="resolved", text=f"{one.name} is operational again.")
                incident = opened[one.id]
                await self._incidents.update(page.slug, incident.id, recovered, _AUTHOR)
