"""What every page behind the login shares: the frame around it, and its live region."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from storage.api.alerts import AlertState
from web.accounts.authentication import Authenticator
from web.answers import html_answer
from web.errors import UnauthorizedError
from web.fleet import Fleet
from web.live import LiveStreams
from web.rendering import Renderer
from web.routing import principal_of

Region = Callable[[web.Request], Awaitable[Mapping[str, Any]]]
"""Reads what a live region shows."""

NOTICES: Final = {
    "host-removed": "The host is removed. Its samples stay until retention drops them.",
    "keys-revoked": "The keys are revoked; reports with them are refused from now on.",
    "check-saved": "The check is saved.",
    "check-reset": "The check is back at its default.",
    "acknowledged": "Acknowledged.",
    "password-changed": "Your password is changed; other sessions and tokens have ended.",
    "credential-revoked": "Revoked.",
    "user-added": "The user is added.",
    "user-removed": "The user is removed.",
    "password-reset": "The password is reset; the user's sessions and tokens have ended.",
}
"""Told once after a form, by `?notice=` in the address it leads to."""


class Shell:
    """Renders pages in their frame and keeps their regions live."""

    def __init__(
        self,
        renderer: Renderer,
        fleet: Fleet,
        streams: LiveStreams,
        authenticator: Authenticator,
    ) -> None:
        self._renderer, self._fleet = renderer, fleet
        self._streams, self._authenticator = streams, authenticator

    async def page(
        self, request: web.Request, template: str, status: int = 200, /, **values: Any
    ) -> web.Response:
        """Return a page in its frame."""
        values |= await self._frame()
        values["notice"] = NOTICES.get(request.query.get("notice", ""), "")
        # 60 us a host: a large fleet's table would hold the loop up.
        text = await asyncio.to_thread(self._renderer.text, request, template, values)
        return html_answer(text, status)

    async def live(self, request: web.Request, template: str, region: Region) -> web.StreamResponse:
        """Return a stream of a page's region, rendered by its own small template."""
        was_logged_in = principal_of(request).user is not None

        async def render() -> str:
            if was_logged_in and await self._authenticator.principal(request) is None:
                raise UnauthorizedError("the session ended")
            values = {**await region(request), **await self._frame(), "notice": ""}
            return await asyncio.to_thread(self._renderer.text, request, template, values)

        return await self._streams.serve(request, render)

    async def _frame(self) -> dict[str, Any]:
        view = await self._fleet.view()
        firing = [alert for alert in view.alerts if alert.state is not AlertState.PENDING]
        return {
            "firing": len(firing),
            "firing_unseen": sum(1 for alert in firing if alert.acknowledged_by is None),
            "now_ms": view.time_ms,
        }
