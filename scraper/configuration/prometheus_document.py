"""The sections of a `prometheus.yml`, as pydantic models.

Scalars are read as text (`parse_document(plain_text=True)`); the fields convert them.
The models have every key of Prometheus 3, and refuse what Prometheus refuses. Keys that
Redshank cannot support are refused too; for keys that are safe to ignore,
`prometheus_config` returns warnings.

Source: Prometheus documentation, "Configuration".
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from model.quantities import Base2Bytes, Seconds, YamlBool
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.ignored_sections.sections import IgnoredSections
from scraper.configuration.prometheus_relabelling import RelabelSettings
from scraper.configuration.sections import Count, LabelMap, Section
from scraper.configuration.service_discovery.keys import DiscoveryKeys
from scraper.discovery.groups import StaticGroup
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol

DEFAULT_INTERVAL_S = 60.0
_PATTERN = re.compile(r"[^*]*(\*[^/]*)?")


def _check_pattern(pattern: str) -> str:
    if _PATTERN.fullmatch(pattern) is None:
        raise ValueError(f'"{pattern}": only the last part of a path may contain *')
    return pattern


def _empty_as_list(data: object) -> object:
    if isinstance(data, dict):
        return {key: () if value is None else value for key, value in data.items()}
    return data


FilePattern = Annotated[str, AfterValidator(_check_pattern)]
"""A file name, or a pattern whose last part contains `*`."""
Period = Annotated[Seconds, AfterValidator(lambda length_s: length_s or None)]
"""A duration; 0 means the default."""


class LimitKeys(Section):
    """Limits under `global` or in a job; 0 in a job means the global limit."""

    body_size_limit: Base2Bytes = 0
    sample_limit: Count = 0
    label_limit: Count = 0
    label_name_length_limit: Count = 0
    label_value_length_limit: Count = 0
    target_limit: Count = 0
    keep_dropped_targets: Count = 0


class ScrapeKeys(LimitKeys):
    """The keys allowed both under `global` and in a job."""

    scrape_interval: Period | None = None
    scrape_timeout: Period | None = None
    scrape_protocols: tuple[ScrapeProtocol | Literal["PrometheusProto"], ...] | None = None
    metric_name_validation_scheme: Literal["", "utf8", "legacy"] = ""
    metric_name_escaping_scheme: EscapingScheme | Literal[""] = ""
    scrape_failure_log_file: str = ""
    scrape_native_histograms: YamlBool = False
    convert_classic_histograms_to_nhcb: YamlBool = False
    always_scrape_classic_histograms: YamlBool = False
    extra_scrape_metrics: YamlBool = False

    @field_validator("scrape_protocols")
    @classmethod
    def _check_protocols(cls, protocols: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if protocols is None:
            return None
        if not protocols:
            raise ValueError("a list of protocols cannot be empty")
        if len(set(protocols)) != len(protocols):
            raise ValueError("a protocol is listed twice")
        if not [name for name in protocols if name != "PrometheusProto"]:
            raise ValueError("PrometheusProto alone is not supported by Redshank")
        return protocols


class GlobalSettings(ScrapeKeys):
    """The section `global`: defaults of all jobs."""

    evaluation_interval: Period | None = None
    rule_query_offset: Seconds = 0.0
    external_labels: LabelMap = Field(default_factory=dict)
    query_log_file: str = ""

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if (self.scrape_timeout or 0) > (self.scrape_interval or DEFAULT_INTERVAL_S):
            raise ValueError("scrape_timeout is longer than scrape_interval")
        return self


class ScrapeConfigSettings(ScrapeKeys, HttpSettings, DiscoveryKeys):
    """The configuration of one job."""

    job_name: Annotated[str, Field(min_length=1)]
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    params: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_empty_as_list)] = Field(
        default_factory=dict
    )
    honor_labels: YamlBool = False
    honor_timestamps: YamlBool = True
    track_timestamps_staleness: YamlBool = False
    enable_compression: YamlBool = True
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
            if "" in group.labels:
                raise ValueError("a label needs a name")
        return groups

    @model_validator(mode="after")
    def _check_addresses(self) -> Self:
        # With relabelling a target may be any text, for example a URL for a prober.
        addresses = [address for group in self.static_configs for address in group.targets]
        wrong = next((address for address in addresses if "/" in address), None)
        if wrong is not None and not self.relabel_configs:
            raise ValueError(f'"{wrong}" is not a valid host')
        return self


class PrometheusDocument(IgnoredSections):
    """A whole `prometheus.yml`."""

    # `global` is a keyword of Python.
    global_settings: GlobalSettings = Field(default_factory=GlobalSettings, alias="global")
    rule_files: tuple[FilePattern, ...] = ()
    scrape_config_files: tuple[FilePattern, ...] = ()
    scrape_configs: tuple[ScrapeConfigSettings, ...] = ()

    @model_validator(mode="after")
    def _check_otlp(self) -> Self:
        legacy = self.global_settings.metric_name_validation_scheme == "legacy"
        if legacy and self.otlp is not None and self.otlp.needs_utf8_names:
            raise ValueError(
                f"otlp: translation_strategy {self.otlp.translation_strategy} needs names in "
                "UTF-8, and metric_name_validation_scheme is legacy"
            )
        return self


class ScrapeConfigFile(Section):
    """A file listed in `scrape_config_files`."""

    scrape_configs: tuple[ScrapeConfigSettings, ...] = ()
