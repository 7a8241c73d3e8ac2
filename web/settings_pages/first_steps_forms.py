"""Hides the first steps on the page of hosts."""

from dataclasses import replace

from aiohttp import web

from storage.api.people.preferences import PreferenceRecords
from web.http.routing import Access, Route, Surface, user_of


class FirstStepsForms:
    """Handles the forms of the first steps."""

    def __init__(self, preferences: PreferenceRecords) -> None:
        self._preferences = preferences

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (Route("POST", "/first-steps/hide", self.hide, Access.USER, Surface.PAGE),)

    async def hide(self, request: web.Request) -> web.Response:
        """Hide the steps for the sender."""
        user = user_of(request)
        known = await self._preferences.get(user.id)
        await self._preferences.put(user.id, replace(known, steps_hidden=True))
        raise web.HTTPSeeOther("/")
