"""The section `alerting`: Alertmanagers and the relabelling of alerts.

Source: Prometheus documentation, "Configuration", alertmanager_config.
"""

from typing import Any, Literal, Self

from pydantic import model_validator

from model.quantities import Seconds
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.ignored_sections.cloud_credentials import SigV4Settings
from scraper.configuration.prometheus_relabelling import RelabelSettings
from scraper.configuration.sections import Section
from scraper.configuration.service_discovery.keys import DiscoveryKeys, unsupported_keys
from scraper.discovery.groups import StaticGroup


class AlertmanagerSettings(HttpSettings, DiscoveryKeys):
    """A set of Alertmanagers; any kind of discovery is accepted, because none is used."""

    scheme: str = "http"
    path_prefix: str = ""
    timeout: Seconds = 10.0
    api_version: Literal["v2"] = "v2"
    sigv4: SigV4Settings | None = None
    static_configs: tuple[StaticGroup, ...] = ()
    relabel_configs: tuple[RelabelSettings, ...] = ()
    alert_relabel_configs: tuple[RelabelSettings, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _drop_unsupported(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if key not in unsupported_keys()}
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sigv4 is not None and (self.basic_auth or self.authorization or self.oauth2):
            raise ValueError("at most one of basic_auth, authorization, oauth2 and sigv4")
        addresses = [address for group in self.static_configs for address in group.targets]
        wrong = next((address for address in addresses if "/" in address), None)
        if wrong is not None and not self.relabel_configs:
            raise ValueError(f'"{wrong}" is not a valid host')
        return self


class AlertmanagersSettings(Section):
    """The section `alerting`: which Alertmanagers get which alerts."""

    alert_relabel_configs: tuple[RelabelSettings, ...] = ()
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()
