"""Reads a `prometheus.yml` into scrape jobs.

As strict as Prometheus: an unknown key or an invalid value is refused, with its line.
Sections without effect (remote write, tracing) are checked too, and become warnings.

Source: Prometheus documentation, "Configuration".
"""

import glob
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.documents import Document, DocumentError, parse_document, validate
from model.labels import Labels
from model.process.regular_files import read_regular_text
from scraper.configuration.ignored_sections import sections as ignored_sections
from scraper.configuration.ignored_sections.otlp import OtlpSettings
from scraper.configuration.prometheus_document import (
    GlobalSettings,
    PrometheusDocument,
    ScrapeConfigFile,
    ScrapeConfigSettings,
    ScrapeKeys,
)
from scraper.configuration.prometheus_jobs import JobBuilder
from scraper.configuration.secret_masking import mask_secrets
from scraper.configuration.settings import LimitSettings
from scraper.discovery.jobs import AlertmanagerJob, ScrapeJob
from scraper.fetching.targets import ScrapeLimits

_DEFAULT_EVALUATION_S = 60.0
_IGNORED_KEYS = (
    "scrape_failure_log_file",
    "scrape_native_histograms",
    "convert_classic_histograms_to_nhcb",
    "always_scrape_classic_histograms",
    "extra_scrape_metrics",
    "query_log_file",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
)
_OTHER_SECTIONS = ("rule_files", *ignored_sections.NAMES)

_Place = tuple[str | int, ...]
"""The keys and indices that lead to a part of a document."""
_LocatedConfig = tuple[Document, _Place, ScrapeConfigSettings]
"""A job's configuration, with its document and place."""


@dataclass(frozen=True, slots=True)
class PrometheusConfig:
    """The contents of a `prometheus.yml`.

    Attributes:
        jobs: the scrape jobs.
        rule_files: absolute names or patterns of rule files.
        evaluation_interval_s: default evaluation interval of their rule groups.
        rule_query_offset_s: default offset of the queries of their rule groups.
        external_labels: labels that identify this server to other systems.
        sections: non-empty sections that are not about scraping, `rule_files` among
            them, each with its place, FILE:LINE.
        warnings: settings that have no effect in Redshank, each with its place.
        document: `global` and every job as written, with secrets masked.
        otlp: the section `otlp`, None if there is none.
        alertmanagers: the sets of Alertmanagers that get alerts.
    """

    jobs: tuple[ScrapeJob, ...]
    rule_files: tuple[str, ...]
    evaluation_interval_s: float
    rule_query_offset_s: float
    external_labels: Labels
    sections: Mapping[str, str]
    warnings: tuple[str, ...]
    document: Mapping[str, Any]
    otlp: OtlpSettings | None = None
    alertmanagers: tuple[AlertmanagerJob, ...] = ()

    def unhandled(self, handled: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Return the warnings, with one for each section that is not in `handled`."""
        return self.warnings + tuple(
            f"{place}: {section} has no effect in Redshank"
            for section, place in self.sections.items()
            if section not in handled
        )


def load_prometheus_config(path: Path, limits: ScrapeLimits | None = None) -> PrometheusConfig:
    """Read a configuration file and the files that it includes; blocks.

    Args:
        path: the file. File names in it are relative to its directory.
        limits: limits where the file sets none, because Prometheus's default of no limit
            would let one target use all memory. None for the defaults of `LimitSettings`.

    Raises:
        DocumentError: a file cannot be read or is invalid; the message names each place.
    """
    document = _read(path)
    settings = validate(PrometheusDocument, document)
    directory = path.absolute().parent
    configs = _scrape_configs(document, settings, directory)
    builder = JobBuilder(settings.global_settings, limits or LimitSettings().limits())
    warnings = list(_ignored(document, ("global",), settings.global_settings))
    for source, place, config in configs:
        warnings += _ignored(source, place, config)
    return PrometheusConfig(
        _jobs(configs, builder),
        tuple(str(directory / pattern) for pattern in settings.rule_files),
        settings.global_settings.evaluation_interval or _DEFAULT_EVALUATION_S,
        settings.global_settings.rule_query_offset,
        _external_labels(settings.global_settings, dict(os.environ)),
        {
            name: f"{document.name}:{document.line((name,))}"
            for name in _OTHER_SECTIONS
            if document.data.get(name)
        },
        tuple(warnings),
        {
            "global": mask_secrets(document.data.get("global") or {}),
            "scrape_configs": [
                mask_secrets(source.data["scrape_configs"][place[-1]])
                for source, place, _ in configs
            ],
        },
        settings.otlp,
        settings.alerting.jobs(directory) if settings.alerting is not None else (),
    )


def _read(path: Path) -> Document:
    try:
        text = read_regular_text(path)
    except OSError as exc:
        raise DocumentError(str(path), [(0, exc.strerror or str(exc))]) from exc
    except UnicodeDecodeError as exc:
        raise DocumentError(str(path), [(0, str(exc))]) from exc
    return parse_document(text, str(path), plain_text=True)


def _scrape_configs(
    document: Document, settings: PrometheusDocument, directory: Path
) -> list[_LocatedConfig]:
    """Return the job configurations of the file and of the files it includes."""
    configs: list[_LocatedConfig] = [
        (document, ("scrape_configs", index), config)
        for index, config in enumerate(settings.scrape_configs)
    ]
    for pattern in settings.scrape_config_files:
        for name in sorted(glob.glob(str(directory / pattern))):  # noqa: PTH207
            included = _read(Path(name))
            configs += [
                (included, ("scrape_configs", index), config)
                for index, config in enumerate(validate(ScrapeConfigFile, included).scrape_configs)
            ]
    return configs


def _jobs(configs: list[_LocatedConfig], builder: JobBuilder) -> tuple[ScrapeJob, ...]:
    jobs: dict[str, ScrapeJob] = {}
    for source, place, config in configs:
        if config.job_name in jobs:
            message = f'job_name "{config.job_name}" is defined twice'
            raise DocumentError(source.name, [(source.line((*place, "job_name")), message)])
        try:
            jobs[config.job_name] = builder.job(config, Path(source.name).absolute().parent)
        except ValueError as exc:
            message = f'job "{config.job_name}": {exc}'
            raise DocumentError(source.name, [(source.line(place), message)]) from exc
    return tuple(jobs.values())


def _ignored(document: Document, place: _Place, settings: ScrapeKeys) -> Iterator[str]:
    """Yield a warning for each key that is set and has no effect."""
    for key in _IGNORED_KEYS:
        if getattr(settings, key, None):
            line = document.line((*place, key))
            yield f"{document.name}:{line}: {key} has no effect in Redshank"
    if "PrometheusProto" in (settings.scrape_protocols or ()):
        line = document.line((*place, "scrape_protocols"))
        yield f"{document.name}:{line}: PrometheusProto is not supported by Redshank"


def _external_labels(settings: GlobalSettings, environment: dict[str, str]) -> Labels:
    """Return the external labels with `${NAME}` replaced from the environment."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] else environment.get(match[2] or match[3], "")

    return Labels.of(
        {
            name: re.sub(r"\$(?:(\$)|(\w+)|\{(\w+)\})", value, text)
            for name, text in settings.external_labels.items()
        }
    )
