"""The section `tracing`.

Source: Prometheus documentation, "Configuration", tracing_config.
"""

from typing import Annotated, Literal

from pydantic import Field

from model.quantities import Seconds, YamlBool
from scraper.configuration.http_settings import TlsSettings
from scraper.configuration.ignored_sections.headers import RemoteHeaders
from scraper.configuration.sections import Section


class TracingSettings(Section):
    """Where Prometheus sends its own traces."""

    client_type: Literal["http", "grpc"] = "grpc"
    endpoint: Annotated[str, Field(min_length=1)]
    sampling_fraction: float = 0.0
    insecure: YamlBool = False
    tls_config: TlsSettings | None = None
    headers: RemoteHeaders = Field(default_factory=dict)
    compression: Literal["", "gzip"] = ""
    timeout: Seconds = 0.0
