"""The section `openstack_sd_configs`.

Source: Prometheus documentation, "Configuration", openstack_sd_config.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HiddenText, TlsSettings
from scraper.configuration.sections import Section
from scraper.discovery.clouds.openstack import OpenStackLookup, OpenStackRole
from scraper.discovery.clouds.openstack_session import OpenStackAccount
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.fetching.http_access import HttpAccess


class OpenStackSdSettings(Section):
    """Targets from the instances, hypervisors or load balancers of OpenStack."""

    role: OpenStackRole
    identity_endpoint: str = ""
    username: str = ""
    userid: str = ""
    password: HiddenText = ""
    project_name: str = ""
    project_id: str = ""
    domain_name: str = ""
    domain_id: str = ""
    application_credential_name: str = ""
    application_credential_id: str = ""
    application_credential_secret: HiddenText = ""
    region: str = ""
    availability: Literal["public", "admin", "internal"] = "public"
    all_tenants: bool = False
    port: int = 80
    refresh_interval: PositiveSeconds = 60.0
    tls_config: TlsSettings | None = None

    def discoverer(self, directory: Path) -> PollingDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        tls = self.tls_config.access(directory) if self.tls_config is not None else None
        lookup = OpenStackLookup(
            self._account() if self.identity_endpoint else _account_of(os.environ),
            HttpAccess(tls=tls),
            self.role,
            self.region,
            self.availability,
            self.port,
            self.all_tenants,
        )
        return PollingDiscoverer(lookup, self.refresh_interval)

    def _account(self) -> OpenStackAccount:
        return OpenStackAccount(
            self.identity_endpoint,
            self.username,
            self.userid,
            self.password,
            self.project_name,
            self.project_id,
            self.domain_name,
            self.domain_id,
            self.application_credential_name,
            self.application_credential_id,
            self.application_credential_secret,
        )


def _account_of(environment: Mapping[str, str]) -> OpenStackAccount:
    """Return the account that OpenStack's environment variables describe."""

    def value(*names: str) -> str:
        return next((found for name in names if (found := environment.get(f"OS_{name}"))), "")

    return OpenStackAccount(
        value("AUTH_URL"),
        value("USERNAME"),
        value("USERID", "USER_ID"),
        value("PASSWORD"),
        value("PROJECT_NAME", "TENANT_NAME"),
        value("PROJECT_ID", "TENANT_ID"),
        value("DOMAIN_NAME", "USER_DOMAIN_NAME"),
        value("DOMAIN_ID", "USER_DOMAIN_ID"),
        value("APPLICATION_CREDENTIAL_NAME"),
        value("APPLICATION_CREDENTIAL_ID"),
        value("APPLICATION_CREDENTIAL_SECRET"),
    )
