"""Views of the hosts page that a user has saved: a name for a search, an order and columns."""

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from storage.api.accounts import User
from storage.api.fleet.host_views import HostView, HostViewRecords, TooManyViewsError
from web.hosts.listing.fleet_table import TableState
from web.http.audit_trail import note
from web.http.errors import BadRequestError
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, user_of

LONGEST_NAME: Final = 60


class HostViewPages:
    """Saves and removes views; each user has their own."""

    def __init__(self, records: HostViewRecords) -> None:
        self._records = records

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access, surface = Access.USER, Surface.PAGE
        return (
            Route("POST", "/hosts/views", self.save, access, surface),
            Route("POST", "/hosts/views/remove", self.remove, access, surface),
        )

    async def save(self, request: web.Request) -> web.Response:
        """Save the view that the page shows; one with the same name is replaced."""
        form, user = await read_form(request), user_of(request)
        name = form.get("name", "").strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequestError(
                f"name: must have 1 to {LONGEST_NAME} printable characters", "name"
            )
        # Only what the page itself writes into its URL.
        query = TableState.read(dict(parse_qsl(form.get("query", "")))).query()
        try:
            await self._records.put(HostView(user.id, name, query))
        except TooManyViewsError as exc:
            raise BadRequestError(f"name: {exc}", "name") from exc
        note(request, "host-view.save", name)
        raise web.HTTPSeeOther(f"/?{query}" if query else "/")

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a view of the user."""
        form, user = await read_form(request), user_of(request)
        name = form.get("name", "")
        await self._records.remove(user.id, name)
        note(request, "host-view.remove", name)
        raise web.HTTPSeeOther("/?notice=view-removed")

    async def of(self, user: User | None) -> list[HostView]:
        """Return the views of a user by name; none for a reader without an account."""
        return [] if user is None else list(await self._records.of_user(user.id))
