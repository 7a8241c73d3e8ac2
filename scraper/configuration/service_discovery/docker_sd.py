"""The sections `docker_sd_configs` and `dockerswarm_sd_configs`.

Source: Prometheus documentation, "Configuration", docker_sd_config and
dockerswarm_sd_config.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.sections import Section
from scraper.discovery.containers.docker import DockerLookup
from scraper.discovery.containers.docker_api import DockerDaemon, Filters
from scraper.discovery.containers.swarm import SwarmLookup, SwarmRole
from scraper.discovery.engine.polling import PollingDiscoverer


class FilterSettings(Section):
    """A filter of the Docker API."""

    name: str = ""
    values: tuple[str, ...] = ()


class _DaemonSettings(HttpSettings):
    """The keys that containers and swarms have in common."""

    host: Annotated[str, Field(min_length=1)]
    port: int = 80
    filters: tuple[FilterSettings, ...] = ()
    refresh_interval: PositiveSeconds = 60.0

    def daemon(self, directory: Path) -> DockerDaemon:
        """Return the daemon; file names are relative to `directory`."""
        return DockerDaemon(self.host, self.access(directory))

    def all_filters(self) -> Filters:
        """Return the filters."""
        return tuple((each.name, each.values) for each in self.filters)


class DockerSdSettings(_DaemonSettings):
    """Targets from the containers of a Docker daemon."""

    host_networking_host: str = "localhost"
    match_first_network: bool = True

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        lookup = DockerLookup(
            self.daemon(directory),
            self.port,
            self.all_filters(),
            self.host_networking_host,
            self.match_first_network,
        )
        return PollingDiscoverer(lookup, self.refresh_interval)


class DockerSwarmSdSettings(_DaemonSettings):
    """Targets from the services, tasks or nodes of a swarm."""

    role: SwarmRole

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        lookup = SwarmLookup(self.daemon(directory), self.role, self.port, self.all_filters())
        return PollingDiscoverer(lookup, self.refresh_interval)
