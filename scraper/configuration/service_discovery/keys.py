"""The keys of service discovery in a scrape configuration.

Source: Prometheus documentation, "Configuration", scrape_config.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator

from scraper.configuration.sections import Section
from scraper.configuration.service_discovery.azure_sd import AzureSdSettings
from scraper.configuration.service_discovery.cloud_sd import (
    DigitalOceanSdSettings,
    Ec2SdSettings,
    GceSdSettings,
    HetznerSdSettings,
)
from scraper.configuration.service_discovery.consul_sd import ConsulSdSettings
from scraper.configuration.service_discovery.dns_sd import DnsSdSettings
from scraper.configuration.service_discovery.docker_sd import (
    DockerSdSettings,
    DockerSwarmSdSettings,
)
from scraper.configuration.service_discovery.file_sd import FileSdSettings
from scraper.configuration.service_discovery.http_sd import HttpSdSettings
from scraper.configuration.service_discovery.kubernetes_sd import KubernetesSdSettings
from scraper.configuration.service_discovery.nomad_sd import NomadSdSettings
from scraper.configuration.service_discovery.openstack_sd import OpenStackSdSettings
from scraper.discovery.engine.discoverer import Discoverer


def _refuse(_: object) -> object:
    raise ValueError(
        "not supported by Redshank: list these targets in a file (file_sd_configs) or serve "
        "the list over HTTP (http_sd_configs)"
    )


_Unsupported = Annotated[Any, AfterValidator(_refuse)]


class DiscoverySection(Protocol):
    """One entry of an `*_sd_configs` list."""

    def discoverer(self, directory: Path) -> Discoverer:
        """Return the discoverer; file names are relative to `directory`."""


class DiscoveryKeys(Section):
    """Every key of service discovery; the kinds that Redshank lacks are refused."""

    file_sd_configs: tuple[FileSdSettings, ...] = ()
    http_sd_configs: tuple[HttpSdSettings, ...] = ()
    dns_sd_configs: tuple[DnsSdSettings, ...] = ()
    kubernetes_sd_configs: tuple[KubernetesSdSettings, ...] = ()
    docker_sd_configs: tuple[DockerSdSettings, ...] = ()
    dockerswarm_sd_configs: tuple[DockerSwarmSdSettings, ...] = ()
    consul_sd_configs: tuple[ConsulSdSettings, ...] = ()
    nomad_sd_configs: tuple[NomadSdSettings, ...] = ()
    ec2_sd_configs: tuple[Ec2SdSettings, ...] = ()
    digitalocean_sd_configs: tuple[DigitalOceanSdSettings, ...] = ()
    hetzner_sd_configs: tuple[HetznerSdSettings, ...] = ()
    gce_sd_configs: tuple[GceSdSettings, ...] = ()
    azure_sd_configs: tuple[AzureSdSettings, ...] = ()
    openstack_sd_configs: tuple[OpenStackSdSettings, ...] = ()

    aws_sd_configs: _Unsupported = None
    eureka_sd_configs: _Unsupported = None
    ionos_sd_configs: _Unsupported = None
    kuma_sd_configs: _Unsupported = None
    lightsail_sd_configs: _Unsupported = None
    linode_sd_configs: _Unsupported = None
    marathon_sd_configs: _Unsupported = None
    nerve_sd_configs: _Unsupported = None
    outscale_sd_configs: _Unsupported = None
    ovhcloud_sd_configs: _Unsupported = None
    puppetdb_sd_configs: _Unsupported = None
    scaleway_sd_configs: _Unsupported = None
    serverset_sd_configs: _Unsupported = None
    stackit_sd_configs: _Unsupported = None
    triton_sd_configs: _Unsupported = None
    uyuni_sd_configs: _Unsupported = None
    vultr_sd_configs: _Unsupported = None

    def discovery_sections(self) -> Iterator[DiscoverySection]:
        """Yield every entry of every list, kind by kind."""
        for key in DiscoveryKeys.model_fields:
            yield from getattr(self, key) or ()


@functools.cache
def unsupported_keys() -> frozenset[str]:
    """Return the keys of the kinds that Redshank lacks."""
    return frozenset(
        key for key, field in DiscoveryKeys.model_fields.items() if field.annotation is Any
    )
