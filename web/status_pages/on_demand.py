"""The board of the status pages and its upkeep, imported when there is something to show."""

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from storage.api.errors import StorageError
from web.services import Services

if TYPE_CHECKING:
    from web.status_pages.board import StatusBoard
    from web.status_pages.upkeep import StatusUpkeep

log = structlog.get_logger(__name__)


class StatusPagesOnDemand:
    """Makes the board with the first status page, or with the first request for a page of ours.

    Most servers have no status page: its modules take 1 MB of resident memory.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._board: StatusBoard | None = None
        self._upkeep: StatusUpkeep | None = None
        self._made: Future[None] = Future()

    def board(self) -> "StatusBoard":
        """Return the board; blocks while its modules are imported, and may run on any thread."""
        from web.status_pages.board import StatusBoard

        with self._lock:
            if self._board is None:
                self._board = StatusBoard(self._services)
                self._made.set_result(None)
            return self._board

    async def upkeep(self) -> "StatusUpkeep":
        """Return the upkeep of the pages; imports it and the board in a thread."""
        if self._upkeep is None:
            self._upkeep = await asyncio.to_thread(self._new_upkeep)
        return self._upkeep

    def _new_upkeep(self) -> "StatusUpkeep":
        from web.status_pages.upkeep import StatusUpkeep

        return StatusUpkeep(self.board())

    async def run(self) -> None:
        """Keep the pages up to date, once there may be some, until cancelled."""
        if not await self._may_have_pages():
            # A page can only be added through the board. Shielded: others may wait for it too.
            await asyncio.shield(asyncio.wrap_future(self._made))
        await (await self.upkeep()).run()

    async def _may_have_pages(self) -> bool:
        try:
            return bool(await self._services.status_pages.all())
        except StorageError as exc:
            log.warning("status_pages_not_read", error=str(exc))
            return True


STATUS_PAGES: Final = web.AppKey("status_pages", StatusPagesOnDemand)
"""The status pages of an application; the server runs their upkeep."""
