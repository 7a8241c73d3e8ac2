"""The section `nomad_sd_configs`.

Source: Prometheus documentation, "Configuration", nomad_sd_config.
"""

from pathlib import Path

from pydantic import field_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HttpSettings
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.discovery.hashicorp.nomad import NomadLookup


class NomadSdSettings(HttpSettings):
    """Targets from the services that Nomad registers."""

    allow_stale: bool = True
    namespace: str = "default"
    region: str = "global"
    server: str = "http://localhost:4646"
    tag_separator: str = ","
    refresh_interval: PositiveSeconds = 60.0

    @field_validator("server")
    @classmethod
    def _check_server(cls, server: str) -> str:
        if not server.strip():
            raise ValueError("give the URL of a Nomad agent")
        return server

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        lookup = NomadLookup(
            self.server,
            self.access(directory),
            self.namespace,
            self.region,
            self.allow_stale,
            self.tag_separator,
        )
        return PollingDiscoverer(lookup, self.refresh_interval)
