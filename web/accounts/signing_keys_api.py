"""`/api/keys/rotate`: rotates the key that signs access tokens, for admins."""

import asyncio

from aiohttp import web

from model.clock import Clock
from web.accounts.forms import SigningKeyRotationForm
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.routing import Access, Route, Surface
from web.identity.keys import KeyRing
from web.settings import WebSettings


class SigningKeysApi:
    """Rotates the signing key."""

    def __init__(self, keys: KeyRing, clock: Clock, settings: WebSettings) -> None:
        self._keys, self._clock = keys, clock
        self._overlap_ms = settings.token_lifetime_s * 1000
        self._lock = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("accounts", None, SigningKeyRotationForm, status=204)
        path, access, surface = "/api/keys/rotate", Access.ADMIN, Surface.JSON
        return (Route("POST", path, self.rotate, access, surface, operation=operation),)

    async def rotate(self, request: web.Request) -> web.Response:
        """Sign with a new key from now on."""
        form = await read_json(request, SigningKeyRotationForm)
        overlap_ms = 0 if form.at_once else self._overlap_ms
        async with self._lock:
            await asyncio.to_thread(self._keys.rotate, self._clock(), overlap_ms)
        note(request, "keys.rotate", at_once=str(form.at_once).lower())
        return web.Response(status=204)
