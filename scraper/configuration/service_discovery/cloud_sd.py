"""The sections of single cloud providers: EC2, DigitalOcean, Hetzner and GCE.

Source: Prometheus documentation, "Configuration", ec2_sd_config, digitalocean_sd_config,
hetzner_sd_config and gce_sd_config.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HiddenText, HttpSettings
from scraper.configuration.sections import Section
from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.digitalocean import DigitalOceanLookup
from scraper.discovery.clouds.ec2 import Ec2Lookup
from scraper.discovery.clouds.gce import GceLookup
from scraper.discovery.clouds.hetzner import HetznerCloudLookup, HetznerRobotLookup
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.engine.polling import Lookup, PollingDiscoverer


class Ec2FilterSettings(Section):
    """A filter of DescribeInstances."""

    name: str
    values: Annotated[tuple[str, ...], Field(min_length=1)]


class Ec2SdSettings(HttpSettings):
    """Targets from the instances of an AWS region."""

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: HiddenText = ""
    profile: str = ""
    role_arn: str = ""
    refresh_interval: PositiveSeconds = 60.0
    port: int = 80
    filters: tuple[Ec2FilterSettings, ...] = ()

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("give access_key and secret_key together")
        return self

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        key = AccessKey(self.access_key, self.secret_key) if self.access_key else None
        lookup = Ec2Lookup(
            self.region,
            self.endpoint,
            AwsCredentials(key, self.profile, self.role_arn),
            self.access(directory),
            self.port,
            tuple((each.name, each.values) for each in self.filters),
        )
        return PollingDiscoverer(lookup, self.refresh_interval)


class DigitalOceanSdSettings(HttpSettings):
    """Targets from the droplets of a DigitalOcean account."""

    port: int = 80
    refresh_interval: PositiveSeconds = 60.0

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        lookup = DigitalOceanLookup(self.access(directory), self.port)
        return PollingDiscoverer(lookup, self.refresh_interval)


class HetznerSdSettings(HttpSettings):
    """Targets from the servers of Hetzner Cloud or Robot."""

    role: Literal["hcloud", "robot"]
    label_selector: str = ""
    port: int = 80
    refresh_interval: PositiveSeconds = 60.0

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        access = self.access(directory)
        lookup: Lookup = (
            HetznerCloudLookup(access, self.port, self.label_selector)
            if self.role == "hcloud"
            else HetznerRobotLookup(access, self.port)
        )
        return PollingDiscoverer(lookup, self.refresh_interval)


class GceSdSettings(Section):
    """Targets from the instances of a zone of Google Compute Engine."""

    project: Annotated[str, Field(min_length=1)]
    zone: Annotated[str, Field(min_length=1)]
    filter: str = ""
    port: int = 80
    tag_separator: str = ","
    refresh_interval: PositiveSeconds = 60.0

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; the credentials are those of Google's own programs."""
        lookup = GceLookup(self.project, self.zone, self.filter, self.port, self.tag_separator)
        return PollingDiscoverer(lookup, self.refresh_interval)
