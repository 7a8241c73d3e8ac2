"""The section `alerting`: Alertmanagers and the relabelling of alerts.

Source: Prometheus documentation, "Configuration", alertmanager_config.
"""

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from model.quantities import Seconds
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.ignored_sections.cloud_credentials import SigV4Settings
from scraper.configuration.prometheus_relabelling import RelabelSettings
from scraper.configuration.sections import Section
from scraper.configuration.service_discovery.keys import DiscoveryKeys
from scraper.discovery.groups import StaticGroup
from scraper.discovery.jobs import AlertmanagerJob, ScrapeJob

_API_PATH = "api/v2/alerts"
# Unused: an Alertmanager is not scraped.
_INTERVAL_S = 60.0


class AlertmanagerSettings(HttpSettings, DiscoveryKeys):
    """A set of Alertmanagers."""

    scheme: str = "http"
    path_prefix: str = ""
    timeout: Seconds = 10.0
    api_version: Literal["v2"] = "v2"
    sigv4: SigV4Settings | None = None
    static_configs: tuple[StaticGroup, ...] = ()
    relabel_configs: tuple[RelabelSettings, ...] = ()
    alert_relabel_configs: tuple[RelabelSettings, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sigv4 is not None and (self.basic_auth or self.authorization or self.oauth2):
            raise ValueError("at most one of basic_auth, authorization, oauth2 and sigv4")
        if self.sigv4 is not None:
            raise ValueError("sigv4 is not supported by Redshank: use basic_auth or authorization")
        addresses = [address for group in self.static_configs for address in group.targets]
        wrong = next((address for address in addresses if "/" in address), None)
        if wrong is not None and not self.relabel_configs:
            raise ValueError(f'"{wrong}" is not a valid host')
        return self

    def job(self, name: str, directory: Path) -> AlertmanagerJob:
        """Return how the set is discovered; file names are relative to `directory`."""
        job = ScrapeJob(
            name,
            max(_INTERVAL_S, self.timeout),
            self.timeout,
            posixpath.join("/", self.path_prefix.strip("/"), _API_PATH),
            self.scheme,
            static=tuple(group.group() for group in self.static_configs),
            discoverers=tuple(each.discoverer(directory) for each in self.discovery_sections()),
            relabel_rules=tuple(each.rule() for each in self.relabel_configs),
            access=self.access(directory),
            path_label="__alerts_path__",
        )
        return AlertmanagerJob(job, tuple(each.rule() for each in self.alert_relabel_configs))


class AlertmanagersSettings(Section):
    """The section `alerting`: which Alertmanagers get which alerts."""

    alert_relabel_configs: tuple[RelabelSettings, ...] = ()
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()

    def jobs(self, directory: Path) -> tuple[AlertmanagerJob, ...]:
        """Return each set; alerts are relabelled for all sets first, then for the set."""
        shared = tuple(each.rule() for each in self.alert_relabel_configs)
        found = (
            each.job(f"config-{number}", directory)
            for number, each in enumerate(self.alertmanagers)
        )
        return tuple(replace(each, alert_rules=shared + each.alert_rules) for each in found)
