"""The sections of Prometheus's configuration, as pydantic models.

Scalars come as text (`parse_document(plain_text=True)`): the field says what they are.
Every key that Prometheus 3 knows is here; what Redshank cannot do is refused, and what
it may ignore without harm is told as a warning by `prometheus_config`.

Source: Prometheus documentation, "Configuration".
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from model.labels import METRIC_NAME, Labels
from model.quantities import Bytes, PositiveSeconds, Seconds
from scraper.configuration.http_settings import HttpSettings, Section, Unsupported
from scraper.discovery.groups import StaticGroup
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol
from scraper.relabel import (
    DEFAULT_REGEX,
    DEFAULT_REPLACEMENT,
    DEFAULT_SEPARATOR,
    RelabelAction,
    RelabelRule,
)

Count = Annotated[int, Field(ge=0)]

_FILE_PATTERN = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class RelabelSettings(Section):
    """One relabelling rule."""

    source_labels: tuple[str, ...] = ()
    separator: str = DEFAULT_SEPARATOR
    target_label: str = ""
    regex: str = DEFAULT_REGEX
    modulus: Count = 0
    replacement: str = DEFAULT_REPLACEMENT
    action: Annotated[RelabelAction, BeforeValidator(_lowered)] = RelabelAction.REPLACE

    @model_validator(mode="after")
    def _check(self) -> Self:
        action = self.action
        by_name = action in (RelabelAction.LABEL_DROP, RelabelAction.LABEL_KEEP)
        compares = action in (RelabelAction.KEEP_EQUAL, RelabelAction.DROP_EQUAL)
        if by_name and self.model_fields_set - {"action", "regex"}:
            raise ValueError(f"{action} takes only regex")
        if compares and self.model_fields_set - {"action", "source_labels", "target_label"}:
            raise ValueError(f"{action} takes only source_labels and target_label")
        writes = action not in (
            RelabelAction.KEEP,
            RelabelAction.DROP,
            RelabelAction.LABEL_MAP,
            RelabelAction.LABEL_DROP,
            RelabelAction.LABEL_KEEP,
        )
        if writes and not self.target_label:
            raise ValueError(f"{action} requires target_label")
        if action is RelabelAction.HASH_MOD and not self.modulus:
            raise ValueError("hashmod requires a modulus above 0")
        if action is RelabelAction.LABEL_MAP and not self.replacement:
            raise ValueError("labelmap requires a replacement")
        # Compiled once here, so that a bad pattern is told with its place.
        self.rule()
        return self

    def rule(self) -> RelabelRule:
        """Return the rule, its pattern compiled."""
        return RelabelRule(
            self.action,
            self.source_labels,
            self.separator,
            self.regex,
            self.modulus,
            self.target_label,
            self.replacement,
        )


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
    """Targets listed by a URL."""

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
    """Targets behind names in the DNS."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    type: Literal["A", "AAAA", "SRV", "MX", "NS"] = "SRV"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    refresh_interval: PositiveSeconds = 30.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type != "SRV" and not self.port:
            raise ValueError(f"type {self.type} requires a port")
        return self


class LimitKeys(Section):
    """Limits, global or a job's; 0 takes the wider scope's."""

    body_size_limit: Bytes = 0
    sample_limit: Count = 0
    label_limit: Count = 0
    label_name_length_limit: Count = 0
    label_value_length_limit: Count = 0
    target_limit: Count = 0
    keep_dropped_targets: Count = 0


class ScrapeKeys(LimitKeys):
    """What may stand both under `global` and in a job."""

    scrape_interval: PositiveSeconds | None = None
    scrape_timeout: PositiveSeconds | None = None
    scrape_protocols: tuple[ScrapeProtocol | Literal["PrometheusProto"], ...] | None = None
    metric_name_validation_scheme: Literal["", "utf8", "legacy"] = ""
    metric_name_escaping_scheme: EscapingScheme | Literal[""] = ""
    scrape_failure_log_file: str = ""
    scrape_native_histograms: bool = False
    convert_classic_histograms_to_nhcb: bool = False
    always_scrape_classic_histograms: bool = False
    extra_scrape_metrics: bool = False

    @field_validator("scrape_protocols")
    @classmethod
    def _check_protocols(cls, protocols: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if protocols is None:
            return None
        if len(set(protocols)) != len(protocols):
            raise ValueError("a protocol stands twice")
        if not [name for name in protocols if name != "PrometheusProto"]:
            raise ValueError("PrometheusProto alone is not supported by Redshank")
        return protocols


class GlobalSettings(ScrapeKeys):
    """Defaults of all jobs."""

    evaluation_interval: PositiveSeconds = 60.0
    rule_query_offset: Seconds = 0.0
    external_labels: dict[str, str] = Field(default_factory=dict)
    query_log_file: str = ""


class ScrapeConfigSettings(ScrapeKeys, HttpSettings):
    """One job."""

    job_name: Annotated[str, Field(min_length=1)]
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    params: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    enable_compression: bool = True
    fallback_scrape_protocol: ScrapeProtocol | None = None
    native_histogram_bucket_limit: Count = 0
    native_histogram_min_bucket_factor: float = 0.0
    relabel_configs: tuple[RelabelSettings, ...] = ()
    metric_relabel_configs: tuple[RelabelSettings, ...] = ()

    static_configs: tuple[StaticGroup, ...] = ()
    file_sd_configs: tuple[FileSdSettings, ...] = ()
    http_sd_configs: tuple[HttpSdSettings, ...] = ()
    dns_sd_configs: tuple[DnsSdSettings, ...] = ()

    aws_sd_configs: Unsupported = None
    azure_sd_configs: Unsupported = None
    consul_sd_configs: Unsupported = None
    digitalocean_sd_configs: Unsupported = None
    docker_sd_configs: Unsupported = None
    dockerswarm_sd_configs: Unsupported = None
    ec2_sd_configs: Unsupported = None
    eureka_sd_configs: Unsupported = None
    gce_sd_configs: Unsupported = None
    hetzner_sd_configs: Unsupported = None
    ionos_sd_configs: Unsupported = None
    kubernetes_sd_configs: Unsupported = None
    kuma_sd_configs: Unsupported = None
    lightsail_sd_configs: Unsupported = None
    linode_sd_configs: Unsupported = None
    marathon_sd_configs: Unsupported = None
    nerve_sd_configs: Unsupported = None
    nomad_sd_configs: Unsupported = None
    openstack_sd_configs: Unsupported = None
    ovhcloud_sd_configs: Unsupported = None
    puppetdb_sd_configs: Unsupported = None
    scaleway_sd_configs: Unsupported = None
    serverset_sd_configs: Unsupported = None
    stackit_sd_configs: Unsupported = None
    triton_sd_configs: Unsupported = None
    uyuni_sd_configs: Unsupported = None
    vultr_sd_configs: Unsupported = None

    @field_validator("static_configs")
    @classmethod
    def _check_static(cls, groups: tuple[StaticGroup, ...]) -> tuple[StaticGroup, ...]:
        for group in groups:
            if METRIC_NAME in group.labels or "" in group.labels:
                raise ValueError("a target's labels need names other than __name__")
        return groups

    @model_validator(mode="after")
    def _check_addresses(self) -> Self:
        # With relabelling a target may be anything, a URL for a prober to try say.
        addresses = [address for group in self.static_configs for address in group.targets]
        wrong = next((address for address in addresses if "/" in address), None)
        if wrong is not None and not self.relabel_configs:
            raise ValueError(f'"{wrong}" is not a valid host')
        return self


class PrometheusDocument(Section):
    """The whole file."""

    # A keyword of Python, hence the alias.
    global_settings: GlobalSettings = Field(default_factory=GlobalSettings, alias="global")
    runtime: Any = None
    rule_files: tuple[str, ...] = ()
    scrape_config_files: tuple[str, ...] = ()
    scrape_configs: tuple[ScrapeConfigSettings, ...] = ()
    alerting: Any = None
    remote_write: Any = None
    remote_read: Any = None
    otlp: Any = None
    storage: Any = None
    tracing: Any = None


class ScrapeConfigFile(Section):
    """A file that `scrape_config_files` names."""

    scrape_configs: tuple[ScrapeConfigSettings, ...] = ()


def static_labels(settings: GlobalSettings, environment: dict[str, str]) -> Labels:
    """Return the external labels, `${NAME}` replaced from the environment."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] else environment.get(match[2] or match[3], "")

    return Labels.of(
        {
            name: re.sub(r"\$(?:(\$)|(\w+)|\{(\w+)\})", value, text)
            for name, text in settings.external_labels.items()
        }
    )


_SECRET_KEYS = frozenset(
    {"password", "credentials", "key", "secrets", "client_secret", "bearer_token"}
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


def without_secrets(data: Any) -> Any:
    """Return a part of a document in which `<secret>` stands for passwords and the like."""
    match data:
        case dict():
            return {
                key: "<secret>" if key in _SECRET_KEYS and value else without_secrets(value)
                for key, value in data.items()
            }
        case list():
            return [without_secrets(item) for item in data]
        case str():
            return _URL_PASSWORD.sub(r"\1:<secret>", data)
    return data


def relative_to(directory: Path, pattern: str) -> str:
    """Return a file name or pattern as an absolute one."""
    return str(directory / pattern)
