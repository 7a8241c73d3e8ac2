"""The section `http_sd_configs`.

Source: Prometheus documentation, "Configuration", http_sd_config.
"""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import field_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HttpSettings
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.discovery.http_sd import HttpLookup


class HttpSdSettings(HttpSettings):
    """Targets listed by an HTTP endpoint."""

    url: str
    refresh_interval: PositiveSeconds = 60.0

    @field_validator("url")
    @classmethod
    def _check(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f'"{url}" is not an HTTP URL')
        return url

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        refresh_s = self.refresh_interval
        return PollingDiscoverer(HttpLookup(self.url, refresh_s, self.access(directory)), refresh_s)
