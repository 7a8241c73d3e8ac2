"""Scrape protocols: the Accept header of a scrape and the format of each response.

Source: Prometheus documentation, "Configuration", scrape_protocols; RFC 9110, section 8.3
(Content-Type).
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from scraper.exposition.formats import ExpositionFormat


class ScrapeProtocol(StrEnum):
    """The supported protocols, by Prometheus's names."""

    OPENMETRICS_1_0_0 = "OpenMetricsText1.0.0"
    OPENMETRICS_0_0_1 = "OpenMetricsText0.0.1"
    TEXT_1_0_0 = "PrometheusText1.0.0"
    TEXT_0_0_4 = "PrometheusText0.0.4"

    @property
    def exposition_format(self) -> ExpositionFormat:
        """The format of the protocol's responses."""
        is_text = self in (ScrapeProtocol.TEXT_1_0_0, ScrapeProtocol.TEXT_0_0_4)
        return ExpositionFormat.TEXT if is_text else ExpositionFormat.OPENMETRICS


class EscapingScheme(StrEnum):
    """How a target escapes names that older Prometheus servers cannot parse."""

    ALLOW_UTF_8 = "allow-utf-8"
    UNDERSCORES = "underscores"
    DOTS = "dots"
    VALUES = "values"


DEFAULT_PROTOCOLS = tuple(ScrapeProtocol)
"""The protocols of a target without configured ones."""

_MEDIA_TYPES = {
    ScrapeProtocol.OPENMETRICS_1_0_0: "application/openmetrics-text;version=1.0.0",
    ScrapeProtocol.OPENMETRICS_0_0_1: "application/openmetrics-text;version=0.0.1",
    ScrapeProtocol.TEXT_1_0_0: "text/plain;version=1.0.0",
    ScrapeProtocol.TEXT_0_0_4: "text/plain;version=0.0.4",
}


def accept_header(protocols: Sequence[ScrapeProtocol], escaping: EscapingScheme) -> str:
    """Return the Accept header for `protocols`, preferred first."""
    parts = []
    for index, protocol in enumerate(protocols):
        media_type = _MEDIA_TYPES[protocol]
        if protocol in (ScrapeProtocol.OPENMETRICS_1_0_0, ScrapeProtocol.TEXT_1_0_0):
            media_type += f";escaping={escaping.value}"
        parts.append(f"{media_type};q=0.{len(protocols) + 1 - index}")
    return ",".join([*parts, "*/*;q=0.1"])


_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_STRING = r'"(?:[^"\\\r\n]|\\[^\r\n])*"'
_MEDIA_TYPE = re.compile(rf"\s*({_WORD}/{_WORD})\s*(?=;|$)")
_PARAMETER = re.compile(rf"\s*;\s*({_WORD})\s*=\s*(?:{_WORD}|{_STRING})")


def parse_media_type(content_type: str) -> str | None:
    """Return the media type of a Content-Type header in lower case, None if malformed.

    A header that repeats the Accept header's list is malformed.
    """
    media_type = _MEDIA_TYPE.match(content_type)
    if media_type is None:
        return None
    at = media_type.end()
    names = set()
    while (parameter := _PARAMETER.match(content_type, at)) is not None:
        name = parameter[1].lower()
        if name in names:
            return None
        names.add(name)
        at = parameter.end()
    rest = content_type[at:].strip()
    return media_type[1].lower() if rest in ("", ";") else None
