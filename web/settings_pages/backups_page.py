"""The page of backups: made on request or by a schedule, downloaded by admins."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from model.clock import Clock
from model.durations import format_duration
from storage.api.accounts import User
from web.http.audit_trail import note
from web.http.errors import BadRequestError, ConflictError, TooManyRequestsError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, principal_of, user_of
from web.live.shell import Shell
from web.management.backups import Backups

BACKUPS: Final = Page(
    path="/settings/backups",
    title="Backups",
    template="settings_pages/backups_page.html",
    access=Access.ADMIN,
    parent="/settings",
    notices={
        "requested": "A backup is being made. Reload the page to see it.",
        "removed": "The backup is deleted.",
    },
)
_BACKUP: Final = "/settings/backups/{name:[^/]+}"
_FRESH_MS: Final = 900_000
"""How old the session of a user without a password may be for a download."""

Confirm = Callable[[web.Request, User, str], Awaitable[None]]
"""Checks a user's password; raises `BadRequestError` or `TooManyRequestsError`."""


class BackupsPages:
    """Shows, makes, downloads and deletes backups."""

    def __init__(
        self, backups: Backups | None, confirm: Confirm, shell: Shell, clock: Clock
    ) -> None:
        self._backups, self._confirm = backups, confirm
        self._shell, self._clock = shell, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access, page = Access.ADMIN, Surface.PAGE
        return (
            self._shell.route(BACKUPS, self.show),
            Route("POST", BACKUPS.path, self.make, access, page),
            Route("POST", f"{_BACKUP}/download", self.download, access, page),
            Route("POST", f"{_BACKUP}/remove", self.remove, access, page),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the backups."""
        return await self._page(request, 200, {})

    async def _page(
        self, request: web.Request, status: int, problems: Mapping[str, str]
    ) -> web.Response:
        backups = self._backups
        state = None if backups is None else backups.state
        return await self._shell.page(
            request,
            BACKUPS,
            status,
            backups=() if backups is None else await backups.all(),
            state=state,
            every=format_duration(state.every_ms) if state is not None and state.every_ms else "",
            has_password=bool(user_of(request).password_hash),
            problems=problems,
        )

    def _available(self) -> Backups:
        if self._backups is None:
            raise ConflictError("this server makes no backups; use redshank backup")
        return self._backups

    async def make(self, request: web.Request) -> web.Response:
        """Request a backup."""
        self._available().request()
        note(request, "backup.request")
        raise web.HTTPSeeOther(f"{BACKUPS.path}?notice=requested")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Send a backup after the sender has proved once more who they are.

        A backup holds password hashes, sessions and keys: an open browser must not suffice.
        """
        name, form = request.match_info["name"], await read_form(request)
        path = await asyncio.to_thread(self._available().path, name)
        try:
            await self._prove(request, form.get("current_password", ""))
        except (BadRequestError, TooManyRequestsError) as exc:
            return await self._page(request, exc.status, {name: exc.message})
        note(request, "backup.download", name)
        disposition = f'attachment; filename="{name}"'
        return web.FileResponse(
            path,
            headers={"Content-Disposition": disposition, "Content-Type": "application/x-tar"},
        )

    async def _prove(self, request: web.Request, password: str) -> None:
        user, credential = user_of(request), principal_of(request).credential
        if user.password_hash:
            await self._confirm(request, user, password)
        elif credential is None or self._clock() - credential.created_ms > _FRESH_MS:
            raise BadRequestError(
                "log out and in again first: users without a password download within"
                " 15 minutes of their login"
            )

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a backup."""
        name = request.match_info["name"]
        await self._available().remove(name)
        note(request, "backup.remove", name)
        raise web.HTTPSeeOther(f"{BACKUPS.path}?notice=removed")
