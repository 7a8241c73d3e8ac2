"""The views of readers: their preferences, read for one request or one live update."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from storage.api.people.preferences import PreferenceRecords
from web.http.routing import principal_of
from web.http.viewing.view import PREFERENCES, VIEW, View, view_of


class ReaderViews:
    """Reads the preferences of readers."""

    def __init__(self, preferences: PreferenceRecords, server_zone: str) -> None:
        self._preferences, self._server_zone = preferences, server_zone

    async def read(self, request: web.Request) -> View:
        """Set the preferences of the request's sender; return the view that they choose."""
        user = principal_of(request).user
        if user is not None:
            request[PREFERENCES] = await self._preferences.get(user.id)
        return view_of(request, self._server_zone)

    @asynccontextmanager
    async def of(self, request: web.Request) -> AsyncIterator[None]:
        """Make the view of the request's sender the current one."""
        with viewed(await self.read(request)):
            yield


@contextmanager
def viewed(view: View) -> Iterator[None]:
    """Make a view the current one."""
    token = VIEW.set(view)
    try:
        yield
    finally:
        VIEW.reset(token)
