"""The sections `remote_write` and `remote_read`.

Source: Prometheus documentation, "Configuration", remote_write and remote_read.
"""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from model.quantities import Seconds, YamlBool, YamlInt
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.ignored_sections.cloud_credentials import (
    AzureAdSettings,
    GoogleIamSettings,
    SigV4Settings,
)
from scraper.configuration.ignored_sections.headers import RemoteHeaders
from scraper.configuration.prometheus_relabelling import RelabelSettings
from scraper.configuration.sections import Count, LabelMap, Section

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"^[^:]*(?::\d*)?$|\](?::\d*)?$", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _check_url(url: str) -> str:
    """Refuse what Go's url.Parse refuses; it accepts relative URLs."""
    if any(ord(character) < 0x20 or character == "\x7f" for character in url):
        raise ValueError("a URL has no control characters")
    if not _SCHEME.match(url) and ":" in url.partition("/")[0]:
        raise ValueError(f'"{url}": write the scheme too, such as http://{url}')
    if _BAD_ESCAPE.search(url):
        raise ValueError(f'"{url}": % begins two hexadecimal digits')
    host = urlsplit(url).netloc.rpartition("@")[2]
    if " " in host or not _PORT.search(host):
        raise ValueError(f'"{url}" has no valid host and port')
    return url


Url = Annotated[str, AfterValidator(_check_url)]


class QueueSettings(Section):
    """The queue of a remote write endpoint."""

    capacity: YamlInt = 0
    max_shards: YamlInt = 0
    min_shards: YamlInt = 0
    max_samples_per_send: YamlInt = 0
    batch_send_deadline: Seconds = 0.0
    min_backoff: Seconds = 0.0
    max_backoff: Seconds = 0.0
    retry_on_http_429: YamlBool = False
    sample_age_limit: Seconds = 0.0


class MetadataSettings(Section):
    """Whether and how often metadata are sent."""

    send: YamlBool = True
    send_interval: Seconds = 0.0
    max_samples_per_send: YamlInt = 0


class RemoteSettings(HttpSettings):
    """The keys of both sections."""

    url: Url
    name: str = ""
    remote_timeout: Seconds = 0.0
    headers: RemoteHeaders = Field(default_factory=dict)


class RemoteWriteSettings(RemoteSettings):
    """One endpoint that samples are sent to."""

    write_relabel_configs: tuple[RelabelSettings, ...] = ()
    send_exemplars: YamlBool = False
    send_native_histograms: YamlBool = False
    round_robin_dns: YamlBool = False
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = (
        "prometheus.WriteRequest"
    )
    queue_config: QueueSettings | None = None
    metadata_config: MetadataSettings | None = None
    sigv4: SigV4Settings | None = None
    azuread: AzureAdSettings | None = None
    google_iam: GoogleIamSettings | None = None

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        kinds = ("basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam")
        if sum(getattr(self, kind) is not None for kind in kinds) > 1:
            raise ValueError(f"at most one of {', '.join(kinds)} may be given")
        return self


class RemoteReadSettings(RemoteSettings):
    """One endpoint that samples are read from."""

    chunked_read_limit: Count = 0
    read_recent: YamlBool = False
    required_matchers: LabelMap = Field(default_factory=dict)
    filter_external_labels: YamlBool = True
