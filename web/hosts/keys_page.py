"""The page of a host's new key; rotates and revokes host keys."""

import shlex
from typing import Final

import orjson
from aiohttp import web

from web.fleet.fleet import Fleet
from web.hosts.forms import DEFAULT_OVERLAP_S, HostKeyRotationForm
from web.hosts.installation import ExporterInstaller
from web.hosts.keys import HostKeyring, IssuedKey
from web.hosts.lookup import find_host
from web.http.audit_trail import note
from web.http.host_paths import HOST_KEY
from web.http.pages import Page
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell

_AGENT_INTERVAL_S: Final = 60
_EXAMPLE: Final = {
    "cpu_pct": 15.5,
    "mem_used_mb": 4096,
    "mem_total_mb": 16384,
    "mem_pct": 25.0,
    "disk_used_gb": 125.5,
    "disk_total_gb": 500.0,
    "disk_pct": 25.1,
}


NEW_KEY: Final = Page(
    path=f"/host/{HOST_KEY}/keys/rotate",
    title="Key",
    template="hosts/key_page.html",
    access=Access.EDITOR,
    parent="/",
)


class NewKeyPage:
    """Shows the new key of a host, which cannot be shown again."""

    def __init__(self, shell: Shell, installer: ExporterInstaller) -> None:
        self._shell, self._installer = shell, installer

    async def show(
        self, request: web.Request, name: str, link: str, issued: IssuedKey, overlap_s: int = 0
    ) -> web.Response:
        """Show a new key, and with it the line that installs an exporter, and other agents'."""
        url = f"{self._installer.url(request)}/report"
        line = await self._installer.line(request, issued.secret)
        agent = {
            "api_url": url,
            "host_key": issued.secret,
            "report_interval_seconds": _AGENT_INTERVAL_S,
        }
        return await self._shell.page(
            request,
            NEW_KEY,
            host_name=name,
            host_link=link,
            secret=issued.secret,
            old_until_ms=issued.key.created_ms + overlap_s * 1000 if overlap_s else None,
            line=None if line is None else line.command,
            warning=self._installer.warning(request),
            curl=curl_command(url, issued.secret),
            agent=orjson.dumps(agent).decode(),
        )


class HostKeyPages:
    """Rotates and revokes host keys."""

    def __init__(self, fleet: Fleet, keyring: HostKeyring, new_key: NewKeyPage) -> None:
        self._fleet, self._keyring, self._new_key = fleet, keyring, new_key

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access, page = Access.EDITOR, Surface.PAGE
        return (
            Route("POST", f"/host/{HOST_KEY}/keys/rotate", self.rotate, access, page),
            Route("POST", f"/host/{HOST_KEY}/keys/revoke", self.revoke, access, page),
        )

    async def rotate(self, request: web.Request) -> web.Response:
        """Give the host another key and show it once."""
        host = await find_host(self._fleet, request)
        issued = await self._keyring.rotate(host, HostKeyRotationForm())
        note(request, "host-key.rotate", host.name)
        return await self._new_key.show(request, host.name, host.path, issued, DEFAULT_OVERLAP_S)

    async def revoke(self, request: web.Request) -> web.Response:
        """End every key of the host at once."""
        host = await find_host(self._fleet, request)
        await self._keyring.revoke(host)
        note(request, "host-key.revoke", host.name)
        raise web.HTTPSeeOther(f"{host.path}?notice=keys-revoked#keys")


def curl_command(url: str, secret: str) -> str:
    """Return a curl command that sends an example report."""
    body = orjson.dumps(_EXAMPLE).decode()
    # The shell inserts the time when the command runs.
    stamped = body.replace("{", '{"collected_at":"\'$(date -u +%FT%TZ)\'",', 1)
    return (
        f"curl -X POST {shlex.quote(url)} -H {shlex.quote(f'Authorization: Bearer {secret}')}"
        f" -H 'Content-Type: application/json' -d '{stamped}'"
    )
