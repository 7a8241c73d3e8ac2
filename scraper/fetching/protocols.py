"""Scrape protocols: the Accept header of a scrape and the format of each response.

Source: Prometheus documentation, "Configuration", scrape_protocols.
"""

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
