"""The sections of service discovery in a `prometheus.yml`.

Source: Prometheus documentation, "Configuration", file_sd_config, http_sd_config and
dns_sd_config.
"""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from model.quantities import PositiveSeconds
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.sections import Section

_FILE_PATTERN = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")


class FileSdSettings(Section):
    """Targets listed in files."""

    files: Annotated[tuple[str, ...], Field(min_length=1)]
    refresh_interval: PositiveSeconds = 300.0

    @field_validator("files")
    @classmethod
    def _check(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for file in files:
            if _FILE_PATTERN.fullmatch(file) is None:
                raise ValueError(f'"{file}" is not the name of a .json, .yml or .yaml file')
        return files


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


class DnsSdSettings(Section):
    """Targets from DNS records."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    type: Literal["A", "AAAA", "SRV", "MX", "NS"] = "SRV"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    refresh_interval: PositiveSeconds = 30.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type != "SRV" and not self.port:
            raise ValueError(f"type {self.type} requires a port")
        return self
