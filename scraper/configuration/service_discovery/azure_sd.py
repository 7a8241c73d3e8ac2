"""The section `azure_sd_configs`.

Source: Prometheus documentation, "Configuration", azure_sd_config.
"""

from pathlib import Path
from typing import Self

from pydantic import field_validator, model_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HiddenText, HttpSettings
from scraper.discovery.clouds.azure import AzureCloud, AzureLookup
from scraper.discovery.clouds.azure_credentials import AzureCredentials, AzureMethod
from scraper.discovery.engine.polling import PollingDiscoverer

_PUBLIC = AzureCloud("https://login.microsoftonline.com", "https://management.azure.com")
_CHINA = AzureCloud("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn")
_GOVERNMENT = AzureCloud("https://login.microsoftonline.us", "https://management.usgovcloudapi.net")
_CLOUDS = {
    "AZURECHINACLOUD": _CHINA,
    "AZURECLOUD": _PUBLIC,
    "AZUREGERMANCLOUD": _PUBLIC,
    "AZUREPUBLICCLOUD": _PUBLIC,
    "AZUREUSGOVERNMENT": _GOVERNMENT,
    "AZUREUSGOVERNMENTCLOUD": _GOVERNMENT,
}


class AzureSdSettings(HttpSettings):
    """Targets from the virtual machines of an Azure subscription."""

    environment: str = "AzurePublicCloud"
    authentication_method: AzureMethod = "OAuth"
    subscription_id: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: HiddenText = ""
    resource_group: str = ""
    port: int = 80
    refresh_interval: PositiveSeconds = 300.0

    @field_validator("environment")
    @classmethod
    def _check_environment(cls, name: str) -> str:
        if name.upper() not in _CLOUDS:
            raise ValueError(f'"{name}" is none of Azure\'s clouds')
        return name

    @model_validator(mode="after")
    def _check_required(self) -> Self:
        required = ["subscription_id"]
        if self.authentication_method == "OAuth":
            required += ["tenant_id", "client_id", "client_secret"]
        for name in required:
            if not getattr(self, name):
                raise ValueError(f"{name} is missing")
        return self

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        lookup = AzureLookup(
            _CLOUDS[self.environment.upper()],
            AzureCredentials(
                self.authentication_method, self.tenant_id, self.client_id, self.client_secret
            ),
            self.access(directory),
            self.subscription_id,
            self.resource_group,
            self.port,
        )
        return PollingDiscoverer(lookup, self.refresh_interval)
