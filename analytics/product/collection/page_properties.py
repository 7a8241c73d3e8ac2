"""Properties from the URLs of a page and its referrer: host, path, campaign, domain."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

URL: Final = "$current_url"
REFERRER: Final = "$referrer"
CAMPAIGN: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_LONGEST_URL: Final = 8192
_LONGEST_VALUE: Final = 500
_MOST_PARAMETERS: Final = 100


def page_properties(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that follow from the address of the page and its referrer.

    A referrer on the page's own host is no source: a visit that was resumed by a link inside
    the site begins without one.

    Args:
        properties: the properties of an event, as it was sent.
    """
    found: dict[str, str] = {}
    page = _split(properties.get(URL))
    if page is not None:
        host, path, query = page
        found["$host"], found["$pathname"] = host, path[:_LONGEST_VALUE] or "/"
        found |= _campaign(query)
    referrer = _split(properties.get(REFERRER))
    if referrer is not None:
        own = properties.get("$host") if page is None else page[0]
        if referrer[0] != own:
            found["$referring_domain"] = referrer[0]
    return found


def _split(url: Any) -> tuple[str, str, str] | None:
    """Return host (with a port that is not the default), path and query of an HTTP URL."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(url[:_LONGEST_URL])
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    usual = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname if usual else f"{parts.hostname}:{port}"
    return host[:_LONGEST_VALUE], parts.path, parts.query


def _campaign(query: str) -> dict[str, str]:
    if "utm_" not in query:
        return {}
    try:
        pairs = parse_qsl(query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return {}
    return {name: value[:_LONGEST_VALUE] for name, value in pairs if name in CAMPAIGN}
