"""The sections of a `prometheus.yml`, as pydantic models.

Scalars are read as text (`parse_document(plain_text=True)`); the fields convert them.
The models have every key of Prometheus 3. Keys that Redshank cannot support are refused;
for keys that are safe to ignore, `prometheus_config` returns warnings.

Source: Prometheus documentation, "Configuration".
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from model.labels import METRIC_NAME
from model.quantities import Bytes, PositiveSeconds, Seconds
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.prometheus_relabelling import RelabelSettings
from scraper.configuration.sections import Count, Section
from scraper.configuration.service_discovery.keys import DiscoveryKeys
from scraper.discovery.groups import StaticGroup
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol


class LimitKeys(Section):
    """Limits under `global` or in a job; 0 in a job means the global limit."""

    body_size_limit: Bytes = 0
    sample_limit: Count = 0
    label_limit: Count = 0
    label_name_length_limit: Count = 0
    label_value_length_limit: Count = 0
    target_limit: Count = 0
    keep_dropped_targets: Count = 0


class ScrapeKeys(LimitKeys):
    """The keys allowed both under `global` and in a job."""

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
            raise ValueError("a protocol is listed twice")
        if not [name for name in protocols if name != "PrometheusProto"]:
            raise ValueError("PrometheusProto alone is not supported by Redshank")
        return protocols


class GlobalSettings(ScrapeKeys):
    """The section `global`: defaults of all jobs."""

    evaluation_interval: PositiveSeconds = 60.0
    rule_query_offset: Seconds = 0.0
    external_labels: dict[str, str] = Field(default_factory=dict)
    query_log_file: str = ""


class ScrapeConfigSettings(ScrapeKeys, HttpSettings, DiscoveryKeys):
    """The configuration of one job."""

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

    @field_validator("static_configs")
    @classmethod
    def _check_static(cls, groups: tuple[StaticGroup, ...]) -> tuple[StaticGroup, ...]:
        for group in groups:
            if METRIC_NAME in group.labels or "" in group.labels:
                raise ValueError("a target cannot have the label __name__ or an empty label name")
        return groups

    @model_validator(mode="after")
    def _check_addresses(self) -> Self:
        # With relabelling a target may be any text, for example a URL for a prober.
        addresses = [address for group in self.static_configs for address in group.targets]
        wrong = next((address for address in addresses if "/" in address), None)
        if wrong is not None and not self.relabel_configs:
            raise ValueError(f'"{wrong}" is not a valid host')
        return self


class PrometheusDocument(Section):
    """A whole `prometheus.yml`."""

    # `global` is a keyword of Python.
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
    """A file listed in `scrape_config_files`."""

    scrape_configs: tuple[ScrapeConfigSettings, ...] = ()
