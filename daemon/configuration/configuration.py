"""Reads the whole configuration: files, environment variables and flags.

Reading applies nothing. If any part is invalid, the whole configuration is rejected.
"""

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerting.errors import AlertingError
from alerting.rules.definitions import RuleGroup
from alerting.rules.files import load_rule_files
from daemon.configuration.otlp_translation import translation_of
from daemon.configuration.settings import Settings, load_settings, settings_file
from daemon.errors import ConfigurationError
from ingest.otlp.translation_settings import TranslationSettings
from model.documents import DocumentError, render_document
from model.durations import format_duration
from model.labels import Labels
from promql.syntax.parser import parse
from scraper.configuration.settings import JobSettings
from scraper.discovery.jobs import AlertmanagerJob, ScrapeJob
from web.settings import WebSettings

if TYPE_CHECKING:
    from alerting.routing.files.routing_file import RoutingFile
    from scraper.configuration.prometheus_config import PrometheusConfig

HANDLED_SECTIONS = frozenset({"rule_files", "otlp", "alerting"})
"""Sections of a Prometheus file that have an effect, besides `global` and its jobs."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A valid configuration.

    Attributes:
        files: the configuration files that were read, `redshank.yml` first.
        jobs: the jobs of the Prometheus file.
        rule_groups: the groups of all rule files, including those of the Prometheus file.
        warnings: settings without an effect, each with its place in a file.
        text: the configuration in the form of a Prometheus file, without secrets.
        otlp: how metrics that arrive by OTLP become series.
        routing: the `alertmanager.yml`, None without one.
        alertmanagers: the sets of external Alertmanagers that get our alerts.
        external_labels: those of the Prometheus file; alerts for Alertmanagers have them.
    """

    settings: Settings
    files: tuple[Path, ...] = ()
    jobs: tuple[ScrapeJob, ...] = ()
    rule_groups: tuple[RuleGroup, ...] = ()
    warnings: tuple[str, ...] = ()
    text: str = ""
    otlp: TranslationSettings = field(default_factory=TranslationSettings)
    routing: "RoutingFile | None" = None
    alertmanagers: tuple[AlertmanagerJob, ...] = ()
    external_labels: Labels = field(default_factory=Labels)


@dataclass(frozen=True, slots=True)
class ConfigurationSource:
    """The file and flags that a configuration is read from.

    Attributes:
        file: the configuration file, None for the first default file that exists.
        listen, scrape_config, web_config: flags, which take precedence over the file.
    """

    file: Path | None = None
    listen: str | None = None
    scrape_config: Path | None = None
    web_config: Path | None = None

    def settings(self) -> Settings:
        """Return the settings of file, variables and flags; blocks.

        Raises:
            ConfigurationError: the file or a variable is invalid.
        """
        try:
            settings = load_settings(self.file)
        except DocumentError as exc:
            raise ConfigurationError(str(exc)) from exc
        changed: dict[str, Any] = {}
        if self.listen is not None:
            changed["server"] = settings.server.model_copy(update={"listen": self.listen})
        file = self.scrape_config
        if file is None and settings.scrape.config_file is not None:
            file = self._directory / settings.scrape.config_file
        changed["web"] = self._web(settings.web)
        backups = settings.backups.directory
        if backups is not None:
            absolute = {"directory": self._directory / backups}
            changed["backups"] = settings.backups.model_copy(update=absolute)
        changed["scrape"] = settings.scrape.model_copy(update={"config_file": file})
        return settings.model_copy(update=changed)

    def _web(self, web: WebSettings) -> WebSettings:
        """Return the section `web` with absolute paths."""
        if web.oidc is not None and web.oidc.client_secret_file is not None:
            file = self._directory / web.oidc.client_secret_file
            oidc = web.oidc.model_copy(update={"client_secret_file": file})
            web = web.model_copy(update={"oidc": oidc})
        if self.web_config is not None:
            if web.tls is not None:
                raise ConfigurationError(
                    "web.tls and --web.config.file cannot be combined: move web.tls into the file"
                )
            return web.model_copy(update={"config_file": self.web_config.absolute()})
        if web.config_file is not None:
            return web.model_copy(update={"config_file": self._directory / web.config_file})
        if web.tls is None:
            return web
        names = ("cert_file", "key_file", "client_ca_file")
        given = {name: getattr(web.tls, name) for name in names}
        files = {name: self._directory / file for name, file in given.items() if file is not None}
        return web.model_copy(update={"tls": web.tls.model_copy(update=files)})

    @property
    def _directory(self) -> Path:
        """The directory that relative paths in the configuration file start from."""
        found = settings_file(self.file)
        return Path.cwd() if found is None else found.absolute().parent

    def read(self) -> Configuration:
        """Read every file; blocks.

        Raises:
            ConfigurationError: a file is invalid.
        """
        settings = self.settings()
        file, own = settings.scrape.config_file, settings_file(self.file)
        patterns = [str(self._directory / pattern) for pattern in settings.alerting.rule_files]
        files = tuple(path.absolute() for path in (own, file) if path is not None)
        try:
            routing = self._routing(settings.alerting.alertmanager_file)
            ineffective = () if routing is None else routing.warnings
            if settings.alerting.escalations:
                from alerting.receiver_set import escalation_steps

                escalation_steps(settings.alerting, routing)
            if file is None:
                found = read_rules(patterns, None)
                return Configuration(
                    settings,
                    files,
                    (),
                    found.groups,
                    found.warnings + ineffective,
                    _text(settings, patterns),
                    translation_of(None, settings.query.lookback_ms),
                    routing,
                )
            # Its sections, every kind of service discovery included, take 13 MB of memory.
            from scraper.configuration.prometheus_config import load_prometheus_config

            prometheus = load_prometheus_config(file, settings.scrape.limits.limits())
            found = read_rules(patterns, prometheus)
        except (DocumentError, AlertingError) as exc:
            raise ConfigurationError(str(exc)) from exc
        return Configuration(
            settings,
            files,
            prometheus.jobs,
            found.groups,
            prometheus.unhandled(HANDLED_SECTIONS) + found.warnings + ineffective,
            _text(settings, patterns, prometheus),
            translation_of(prometheus.otlp, settings.query.lookback_ms),
            routing,
            prometheus.alertmanagers,
            prometheus.external_labels,
        )

    def _routing(self, name: str) -> "RoutingFile | None":
        """Return the `alertmanager.yml`; blocks."""
        if not name:
            return None
        # The sections of all kinds of receivers take memory that most servers need not spend.
        from alerting.routing.files.routing_file import read_routing_file
        from daemon.configuration.receiver_http import http_problems

        return read_routing_file(self._directory / name, http_problems)


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The groups of all rule files, and warnings about patterns that match no file."""

    groups: tuple[RuleGroup, ...]
    warnings: tuple[str, ...]


def read_rules(patterns: Iterable[str], prometheus: "PrometheusConfig | None") -> LoadedRules:
    """Read rule files; blocks.

    Args:
        patterns: absolute glob patterns of rule files.
        prometheus: a Prometheus file, whose rule files are read too. Their groups have
            its evaluation interval and its offset of queries as defaults. Templates of all
            groups know its external labels.

    Raises:
        RuleFileError: a file cannot be read, or is not a rule file.
    """
    of_prometheus: dict[str, bool] = {}
    warnings = []
    theirs = prometheus.rule_files if prometheus is not None else ()
    interval_ms: int | None = None
    offset_ms = 0
    if prometheus is not None:
        interval_ms = round(prometheus.evaluation_interval_s * 1000)
        offset_ms = round(prometheus.rule_query_offset_s * 1000)
    external_labels = prometheus.external_labels if prometheus is not None else Labels()
    for pattern, is_theirs in [
        *((pattern, False) for pattern in patterns),
        *((pattern, True) for pattern in theirs),
    ]:
        # Path.glob does not accept absolute patterns.
        matching = sorted(glob.glob(pattern))  # noqa: PTH207
        if not matching:
            warnings.append(f"{pattern}: no rule file has this name")
        for path in matching:
            of_prometheus.setdefault(path, is_theirs)
    groups = load_rule_files([Path(path) for path in of_prometheus], parse)

    def completed(group: RuleGroup) -> RuleGroup:
        found = replace(group, external_labels=external_labels)
        if not of_prometheus[group.file]:
            return found
        own_ms = group.offset_ms
        return replace(
            found,
            interval_ms=group.interval_ms or interval_ms,
            offset_ms=offset_ms if own_ms is None else own_ms,
        )

    return LoadedRules(tuple(map(completed, groups)), tuple(warnings))


def _text(
    settings: Settings, rule_files: list[str], prometheus: "PrometheusConfig | None" = None
) -> str:
    """Return the configuration in the form of a Prometheus file."""
    scrape = settings.scrape
    document: dict[str, Any] = {
        "global": {
            "scrape_interval": _duration(scrape.interval),
            "scrape_timeout": _duration(scrape.timeout),
            "evaluation_interval": format_duration(settings.alerting.evaluation_interval_ms),
        }
    }
    jobs: list[Mapping[str, Any]] = []
    if prometheus is not None:
        document["global"] = prometheus.document["global"]
        rule_files = [*rule_files, *prometheus.rule_files]
        jobs += prometheus.document["scrape_configs"]
    if rule_files:
        document["rule_files"] = rule_files
    own = [_job_document(job, settings) for job in scrape.jobs]
    return render_document(document | {"scrape_configs": [*own, *jobs]})


def _job_document(job: JobSettings, settings: Settings) -> Mapping[str, Any]:
    group: dict[str, Any] = {"targets": list(job.targets)}
    if job.labels:
        group["labels"] = dict(job.labels)
    interval_s = job.interval or settings.scrape.interval
    return {
        "job_name": job.name,
        "scrape_interval": _duration(interval_s),
        "scrape_timeout": _duration(min(job.timeout or settings.scrape.timeout, interval_s)),
        "metrics_path": job.metrics_path,
        "scheme": job.scheme,
        "static_configs": [group],
    }


def _duration(length_s: float) -> str:
    return format_duration(round(length_s * 1000))
