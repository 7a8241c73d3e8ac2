"""HTTP discovery: targets that an HTTP endpoint lists as JSON."""

import asyncio
from dataclasses import dataclass

import aiohttp
import structlog

from scraper.discovery.groups import DiscoveryError, Publish, TargetGroup, parse_groups
from scraper.errors import FetchError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession, failure_message

log = structlog.get_logger(__name__)

_MAX_BODY_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class HttpDiscoverer:
    """Requests a URL at regular intervals.

    Attributes:
        url: the URL.
        refresh_s: time between two requests, and the timeout of each.
        access: credentials, TLS, headers and proxy.
    """

    url: str
    refresh_s: float
    access: HttpAccess

    async def run(self, session: HttpSession, publish: Publish) -> None:
        """See `Discoverer.run`."""
        known: list[TargetGroup] | None = None
        failing = False
        while True:
            try:
                found = await self._request(session)
            except DiscoveryError as exc:
                if not failing:
                    log.warning("discovery_failed", kind="http_sd", url=self.url, error=str(exc))
                failing = True
            else:
                failing = False
                if found != known:
                    known = found
                    publish(found)
            await asyncio.sleep(self.refresh_s)

    async def _request(self, session: HttpSession) -> list[TargetGroup]:
        headers = {
            "Accept": "application/json",
            "X-Prometheus-Refresh-Interval-Seconds": f"{self.refresh_s:g}",
        }
        try:
            async with (
                asyncio.timeout(self.refresh_s),
                session.get(self.url, self.access, headers) as response,
            ):
                text = await _read(response)
        except TimeoutError as exc:
            raise DiscoveryError(f"timed out after {self.refresh_s:g} s") from exc
        except FetchError as exc:
            raise DiscoveryError(str(exc)) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise DiscoveryError(failure_message(exc)) from exc
        groups = await asyncio.to_thread(parse_groups, text, self.url, is_json=True)
        return [group.group(__meta_url=self.url) for group in groups]


async def _read(response: aiohttp.ClientResponse) -> str:
    if response.status != 200:
        raise DiscoveryError(f"server returned HTTP status {response.status}")
    if response.content_type != "application/json":
        raise DiscoveryError(f'unsupported Content-Type "{response.content_type[:64]}"')
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            response.close()
            raise DiscoveryError(f"body larger than {_MAX_BODY_BYTES} bytes")
    return body.decode()
