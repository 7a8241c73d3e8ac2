"""HTTP discovery: targets that an HTTP endpoint lists as JSON.

Source: Prometheus documentation, "HTTP Service Discovery".
"""

import asyncio
from dataclasses import dataclass

from yarl import URL

from scraper.discovery.engine.api import ApiRequest, request
from scraper.discovery.groups import DiscoveryError, TargetGroup, parse_groups
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.messages import shown_url


@dataclass(frozen=True, slots=True)
class HttpLookup:
    """Requests a URL.

    Attributes:
        url: the URL.
        refresh_s: time between two requests, which the endpoint receives as a header.
        access: credentials, TLS, headers and proxy.
    """

    url: str
    refresh_s: float
    access: HttpAccess

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "http"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"url": shown_url(self.url)}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        interval = ("X-Prometheus-Refresh-Interval-Seconds", f"{self.refresh_s:g}")
        answer = await request(session, ApiRequest(self.url, self.access, (interval,)))
        kind = answer.headers.get("Content-Type", "")
        if answer.status != 200:
            raise DiscoveryError(f"server returned HTTP status {answer.status}")
        if _media_type(kind) != "application/json":
            raise DiscoveryError(f'unsupported Content-Type "{kind[:64]}"')
        try:
            text = answer.body.decode()
        except UnicodeDecodeError as exc:
            raise DiscoveryError("the body is not UTF-8") from exc
        found = await asyncio.to_thread(parse_groups, text, shown_url(self.url), is_json=True)
        # Viewers see this label, so it shows no password.
        url = str(URL(self.url).with_user(None))
        return [group.group(__meta_url=url) for group in found]


def _media_type(content_type: str) -> str:
    """Return the media type of a header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()
