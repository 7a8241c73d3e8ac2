"""`/api/hosts/{key}/keys`: the keys of a host that pushes."""

from typing import Final

from aiohttp import web

from model.base_models import DeferredModel
from storage.api.host_keys import HostKey
from web.fleet.fleet import Fleet
from web.hosts.forms import HostKeyRotationForm
from web.hosts.keys import HostKeyring, IssuedKey
from web.hosts.lookup import find_host
from web.http.audit_trail import note
from web.http.host_paths import HOST_KEY
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_TAG: Final = "hosts"


class HostKeyDocument(DeferredModel):
    """A key without its secret; `fingerprint` is the start of its SHA-256."""

    fingerprint: str
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None


class IssuedKeyDocument(HostKeyDocument):
    """A new key; `key`, its secret, is returned only once."""

    key: str


class HostKeyList(DeferredModel):
    """A host's valid keys, newest first."""

    keys: list[HostKeyDocument]


class HostKeysApi:
    """Host keys as JSON."""

    def __init__(self, fleet: Fleet, keyring: HostKeyring) -> None:
        self._fleet, self._keyring = fleet, keyring

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path = f"/api/hosts/{HOST_KEY}/keys"
        listing = Operation(_TAG, HostKeyList, errors=(404,))
        rotation = Operation(
            _TAG, IssuedKeyDocument, HostKeyRotationForm, status=201, errors=(404, 409)
        )
        end = Operation(_TAG, None, status=204, errors=(404, 409))
        access, surface = Access.EDITOR, Surface.JSON
        return (
            Route("GET", path, self.keys, access, surface, operation=listing),
            Route("POST", path, self.rotate, access, surface, operation=rotation),
            Route("DELETE", path, self.revoke, access, surface, operation=end),
        )

    async def keys(self, request: web.Request) -> web.Response:
        """List the host's valid keys."""
        keys = await self._keyring.of_host(await find_host(self._fleet, request))
        listed = HostKeyList(keys=[_document(key) for key in keys])
        return json_response(listed.model_dump())

    async def rotate(self, request: web.Request) -> web.Response:
        """Give the host another key; the old one stays valid for a while."""
        host = await find_host(self._fleet, request)
        issued = await self._keyring.rotate(host, await read_json(request, HostKeyRotationForm))
        note(request, "host-key.rotate", host.name)
        return json_response(issued_document(issued).model_dump(), 201)

    async def revoke(self, request: web.Request) -> web.Response:
        """End every key of the host at once."""
        host = await find_host(self._fleet, request)
        await self._keyring.revoke(host)
        note(request, "host-key.revoke", host.name)
        return web.Response(status=204)


def _document(key: HostKey) -> HostKeyDocument:
    return HostKeyDocument(
        fingerprint=key.fingerprint,
        created_ms=key.created_ms,
        expires_ms=key.expires_ms,
        last_used_ms=key.last_used_ms,
    )


def issued_document(issued: IssuedKey) -> IssuedKeyDocument:
    """Return a new key with its secret."""
    return IssuedKeyDocument(key=issued.secret, **_document(issued.key).model_dump())
