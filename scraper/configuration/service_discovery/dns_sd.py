"""The section `dns_sd_configs`.

Source: Prometheus documentation, "Configuration", dns_sd_config.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from model.quantities import PositiveSeconds, YamlInt
from scraper.configuration.sections import Section
from scraper.discovery.dns_sd import DnsDiscoverer


class DnsSdSettings(Section):
    """Targets from DNS records."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    type: Annotated[
        Literal["A", "AAAA", "SRV", "MX", "NS"],
        BeforeValidator(lambda text: text.upper() if isinstance(text, str) else text),
    ] = "SRV"
    port: Annotated[YamlInt, Field(ge=0, le=65_535)] = 0
    refresh_interval: PositiveSeconds = 30.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type != "SRV" and not self.port:
            raise ValueError(f"type {self.type} requires a port")
        return self

    def discoverer(self, directory: Path) -> DnsDiscoverer:
        """Return the discoverer; no file is read."""
        return DnsDiscoverer(self.names, self.type, self.port, self.refresh_interval)
