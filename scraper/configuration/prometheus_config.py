"""Prometheus's own configuration file, read into scrape jobs.

Strict as Prometheus is: an unknown key is refused with its line. Sections that belong
to other parts (rules, alerting, remote write) are handed on, or told as warnings.

Source: Prometheus documentation, "Configuration".
"""

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.documents import Document, DocumentError, parse_document, validate
from model.labels import Labels
from scraper.configuration.prometheus_sections import (
    GlobalSettings,
    PrometheusDocument,
    ScrapeConfigFile,
    ScrapeConfigSettings,
    ScrapeKeys,
    relative_to,
    static_labels,
    without_secrets,
)
from scraper.configuration.settings import LimitSettings
from scraper.discovery.dns_sd import DnsSource
from scraper.discovery.file_sd import FileSource
from scraper.discovery.groups import TargetSource
from scraper.discovery.http_sd import HttpSource
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.protocols import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from scraper.fetching.targets import ScrapeLimits

_DEFAULT_INTERVAL_S = 60.0
_DEFAULT_TIMEOUT_S = 10.0
_IGNORED_KEYS = (
    "scrape_failure_log_file",
    "scrape_native_histograms",
    "convert_classic_histograms_to_nhcb",
    "always_scrape_classic_histograms",
    "extra_scrape_metrics",
    "rule_query_offset",
    "query_log_file",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "external_labels",
)
_OTHER_SECTIONS = (
    "rule_files",
    "alerting",
    "remote_write",
    "remote_read",
    "otlp",
    "storage",
    "tracing",
    "runtime",
)


@dataclass(frozen=True, slots=True)
class PrometheusConfig:
    """What the file asks for.

    Attributes:
        jobs: what to scrape.
        rule_files: absolute names or patterns of rule files.
        evaluation_interval_s: how often their rules are to run.
        external_labels: what tells this server from others.
        sections: sections that are not about scraping and not empty, `rule_files`
            among them, each with its place, FILE:LINE.
        warnings: what the file sets and Redshank does without, each with its place.
        document: `global` and every job as they are written, secrets left out.
    """

    jobs: tuple[ScrapeJob, ...]
    rule_files: tuple[str, ...]
    evaluation_interval_s: float
    external_labels: Labels
    sections: Mapping[str, str]
    warnings: tuple[str, ...]
    document: Mapping[str, Any]

    def unhandled(self, handled: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Return the warnings, with one for each section that nobody handles."""
        return self.warnings + tuple(
            f"{place}: {section} has no effect in Redshank"
            for section, place in self.sections.items()
            if section not in handled
        )


def load_prometheus_config(path: Path, ceilings: ScrapeLimits | None = None) -> PrometheusConfig:
    """Read a configuration file and the files it includes; blocks.

    Args:
        path: the file. Names in it are relative to its directory.
        ceilings: limits where the file sets none: Prometheus's "no limit" would let
            one target take the memory of all.

    Raises:
        DocumentError: a file cannot be read, or something in it is wrong; the message
            names each place.
    """
    document = _read(path)
    settings = validate(PrometheusDocument, document)
    directory = path.absolute().parent
    scope = _Scope(settings.global_settings, directory, ceilings or LimitSettings().limits())
    found = [
        (document, ("scrape_configs", index), config)
        for index, config in enumerate(settings.scrape_configs)
    ]
    for name in _included(settings.scrape_config_files, directory):
        included = _read(Path(name))
        found += [
            (included, ("scrape_configs", index), config)
            for index, config in enumerate(validate(ScrapeConfigFile, included).scrape_configs)
        ]
    warnings = list(_ignored(document, ("global",), settings.global_settings))
    jobs: dict[str, ScrapeJob] = {}
    for source, place, config in found:
        if config.job_name in jobs:
            message = f'job_name "{config.job_name}" stands twice'
            raise DocumentError(source.name, [(source.line((*place, "job_name")), message)])
        try:
            jobs[config.job_name] = scope.job(config)
        except ValueError as exc:
            message = f'job "{config.job_name}": {exc}'
            raise DocumentError(source.name, [(source.line(place), message)]) from exc
        warnings += _ignored(source, place, config)
    return PrometheusConfig(
        tuple(jobs.values()),
        tuple(relative_to(directory, pattern) for pattern in settings.rule_files),
        settings.global_settings.evaluation_interval,
        static_labels(settings.global_settings, dict(os.environ)),
        {
            name: f"{document.name}:{document.line((name,))}"
            for name in _OTHER_SECTIONS
            if getattr(settings, name)
        },
        tuple(warnings),
        {
            "global": without_secrets(document.data.get("global") or {}),
            "scrape_configs": [
                without_secrets(source.data["scrape_configs"][place[-1]])
                for source, place, _ in found
            ],
        },
    )


def _read(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise DocumentError(str(path), [(0, exc.strerror or str(exc))]) from exc
    except UnicodeDecodeError as exc:
        raise DocumentError(str(path), [(0, str(exc))]) from exc
    return parse_document(text, str(path), plain_text=True)


def _included(patterns: tuple[str, ...], directory: Path) -> list[str]:
    absolute = [relative_to(directory, pattern) for pattern in patterns]
    return [name for pattern in absolute for name in sorted(glob.glob(pattern))]  # noqa: PTH207


def _ignored(
    document: Document, place: tuple[str | int, ...], settings: ScrapeKeys
) -> Iterator[str]:
    """Yield a warning for each key that is set and has no effect here."""
    for key in _IGNORED_KEYS:
        if getattr(settings, key, None):
            line = document.line((*place, key))
            yield f"{document.name}:{line}: {key} has no effect in Redshank"
    if "PrometheusProto" in (settings.scrape_protocols or ()):
        line = document.line((*place, "scrape_protocols"))
        yield f"{document.name}:{line}: PrometheusProto is not asked for by Redshank"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What all jobs of a configuration share."""

    defaults: GlobalSettings
    directory: Path
    ceilings: ScrapeLimits

    def job(self, config: ScrapeConfigSettings) -> ScrapeJob:
        """Return a job with every default filled in.

        Raises:
            ValueError: its settings do not fit together.
        """
        interval_s, timeout_s = self._times(config)
        legacy = self._first("metric_name_validation_scheme", config) == "legacy"
        usual = EscapingScheme.UNDERSCORES if legacy else EscapingScheme.ALLOW_UTF_8
        return ScrapeJob(
            config.job_name,
            interval_s,
            timeout_s,
            config.metrics_path,
            config.scheme,
            tuple(sorted(config.params.items())),
            static=tuple(group.group() for group in config.static_configs),
            sources=self._sources(config),
            relabel_rules=tuple(one.rule() for one in config.relabel_configs),
            metric_relabel_rules=tuple(one.rule() for one in config.metric_relabel_configs),
            access=config.access(self.directory, compression=config.enable_compression),
            limits=self._limits(config),
            honor_labels=config.honor_labels,
            honor_timestamps=config.honor_timestamps,
            track_timestamps_staleness=config.track_timestamps_staleness,
            protocols=self._protocols(config),
            fallback_protocol=config.fallback_scrape_protocol,
            legacy_names=legacy,
            escaping=EscapingScheme(self._first("metric_name_escaping_scheme", config) or usual),
            target_limit=config.target_limit or self.defaults.target_limit,
            keep_dropped=config.keep_dropped_targets or self.defaults.keep_dropped_targets,
        )

    def _first(self, key: str, config: ScrapeConfigSettings) -> str:
        return str(getattr(config, key) or getattr(self.defaults, key))

    def _times(self, config: ScrapeConfigSettings) -> tuple[float, float]:
        interval_s = config.scrape_interval or self.defaults.scrape_interval or _DEFAULT_INTERVAL_S
        if config.scrape_timeout is None:
            return interval_s, min(self.defaults.scrape_timeout or _DEFAULT_TIMEOUT_S, interval_s)
        if config.scrape_timeout > interval_s:
            raise ValueError("scrape_timeout is longer than scrape_interval")
        return interval_s, config.scrape_timeout

    def _limits(self, config: ScrapeConfigSettings) -> ScrapeLimits:
        wide, ceilings = self.defaults, self.ceilings
        return ScrapeLimits(
            config.body_size_limit or wide.body_size_limit or ceilings.body_bytes,
            config.sample_limit or wide.sample_limit or ceilings.samples,
            config.label_limit or wide.label_limit or ceilings.label_count,
            config.label_name_length_limit
            or wide.label_name_length_limit
            or ceilings.label_name_length,
            config.label_value_length_limit
            or wide.label_value_length_limit
            or ceilings.label_value_length,
        )

    def _protocols(self, config: ScrapeConfigSettings) -> tuple[ScrapeProtocol, ...]:
        names = config.scrape_protocols or self.defaults.scrape_protocols or DEFAULT_PROTOCOLS
        return tuple(ScrapeProtocol(name) for name in names if name != "PrometheusProto")

    def _sources(self, config: ScrapeConfigSettings) -> tuple[TargetSource, ...]:
        sources: list[TargetSource] = [
            FileSource(
                tuple(relative_to(self.directory, file) for file in one.files),
                one.refresh_interval,
            )
            for one in config.file_sd_configs
        ]
        sources += [
            HttpSource(one.url, one.refresh_interval, one.access(self.directory))
            for one in config.http_sd_configs
        ]
        sources += [
            DnsSource(one.names, one.type, one.port, one.refresh_interval)
            for one in config.dns_sd_configs
        ]
        return tuple(sources)
