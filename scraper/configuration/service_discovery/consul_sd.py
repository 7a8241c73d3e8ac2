"""The section `consul_sd_configs`.

Source: Prometheus documentation, "Configuration", consul_sd_config.
"""

from dataclasses import replace
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HiddenText, HttpSettings
from scraper.discovery.hashicorp.consul import ConsulDiscoverer
from scraper.fetching.http_access import BasicAuth
from scraper.fetching.secrets import Secret


class ConsulSdSettings(HttpSettings):
    """Targets from the services of a Consul catalog."""

    server: str = "localhost:8500"
    path_prefix: str = ""
    token: HiddenText = ""
    datacenter: str = ""
    namespace: str = ""
    partition: str = ""
    tag_separator: str = ","
    scheme: str = "http"
    username: str = ""
    password: HiddenText = ""
    allow_stale: bool = True
    refresh_interval: PositiveSeconds = 30.0
    services: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    node_meta: dict[str, str] = Field(default_factory=dict)
    filter: str = ""
    health_filter: str = ""

    @field_validator("server")
    @classmethod
    def _check_server(cls, server: str) -> str:
        if not server.strip():
            raise ValueError("give the address of a Consul agent")
        return server

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if (self.username or self.password) and self.basic_auth is not None:
            raise ValueError("give either username and password or basic_auth")
        if self.token and (self.authorization is not None or self.oauth2 is not None):
            raise ValueError("at most one of token, authorization and oauth2 may be given")
        return self

    def discoverer(self, directory: Path) -> ConsulDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        access = self.access(directory)
        if self.username or self.password:
            access = replace(access, auth=BasicAuth(Secret(self.username), Secret(self.password)))
        if self.token:
            token = ("X-Consul-Token", Secret(self.token))
            access = replace(access, headers=(*access.headers, token))
        scope = {"ns": self.namespace, "partition": self.partition}
        # The server may be written as a URL, and then its scheme wins.
        server = self.server if "://" in self.server else f"{self.scheme}://{self.server}"
        prefix = self.path_prefix.strip("/")
        return ConsulDiscoverer(
            server.rstrip("/") + (f"/{prefix}" if prefix else ""),
            access,
            self.refresh_interval,
            self.datacenter,
            (
                *((name, value) for name, value in scope.items() if value),
                *(("node-meta", f"{key}:{value}") for key, value in self.node_meta.items()),
            ),
            self.services,
            self.tags,
            self.filter,
            self.health_filter,
            self.allow_stale,
            self.tag_separator,
        )
