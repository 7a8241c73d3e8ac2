"""Builds scrape jobs from the sections of a `prometheus.yml`."""

from dataclasses import dataclass
from pathlib import Path

from model.label_limits import LabelLimits
from scraper.configuration.prometheus_document import (
    DEFAULT_INTERVAL_S,
    GlobalSettings,
    ScrapeConfigSettings,
)
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.protocols import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from scraper.fetching.targets import ScrapeLimits

_DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class JobBuilder:
    """Builds the jobs of one configuration file.

    Attributes:
        defaults: the section `global`.
        fallback_limits: limits where neither the job nor `global` sets one.
    """

    defaults: GlobalSettings
    fallback_limits: ScrapeLimits

    def job(self, config: ScrapeConfigSettings, directory: Path) -> ScrapeJob:
        """Return a job with every default filled in; its file names start in `directory`.

        Raises:
            ValueError: its settings contradict each other.
        """
        interval_s, timeout_s = self._times(config)
        legacy = self._own_or_default("metric_name_validation_scheme", config) == "legacy"
        return ScrapeJob(
            config.job_name,
            interval_s,
            timeout_s,
            config.metrics_path,
            config.scheme,
            tuple(sorted(config.params.items())),
            static=tuple(group.group() for group in config.static_configs),
            discoverers=tuple(
                section.discoverer(directory) for section in config.discovery_sections()
            ),
            relabel_rules=tuple(one.rule() for one in config.relabel_configs),
            metric_relabel_rules=tuple(one.rule() for one in config.metric_relabel_configs),
            access=config.access(directory, compression=config.enable_compression),
            limits=self._limits(config),
            honor_labels=config.honor_labels,
            honor_timestamps=config.honor_timestamps,
            track_timestamps_staleness=config.track_timestamps_staleness,
            protocols=self._protocols(config),
            fallback_protocol=config.fallback_scrape_protocol,
            legacy_names=legacy,
            escaping=self._escaping(config, legacy=legacy),
            target_limit=config.target_limit or self.defaults.target_limit,
            keep_dropped=config.keep_dropped_targets or self.defaults.keep_dropped_targets,
        )

    def _escaping(self, config: ScrapeConfigSettings, *, legacy: bool) -> EscapingScheme:
        default = EscapingScheme.UNDERSCORES if legacy else EscapingScheme.ALLOW_UTF_8
        # A job with a validation scheme of its own does not take over the global escaping.
        inherited = (
            ""
            if config.metric_name_validation_scheme
            else (self.defaults.metric_name_escaping_scheme)
        )
        escaping = EscapingScheme(config.metric_name_escaping_scheme or inherited or default)
        if legacy and escaping is EscapingScheme.ALLOW_UTF_8:
            raise ValueError("allow-utf-8 escaping needs the validation scheme utf8")
        return escaping

    def _own_or_default(self, key: str, config: ScrapeConfigSettings) -> str:
        return str(getattr(config, key) or getattr(self.defaults, key))

    def _times(self, config: ScrapeConfigSettings) -> tuple[float, float]:
        """Return interval and timeout in seconds."""
        interval_s = config.scrape_interval or self.defaults.scrape_interval or DEFAULT_INTERVAL_S
        if config.scrape_timeout is None:
            return interval_s, min(self.defaults.scrape_timeout or _DEFAULT_TIMEOUT_S, interval_s)
        if config.scrape_timeout > interval_s:
            raise ValueError("scrape_timeout is longer than scrape_interval")
        return interval_s, config.scrape_timeout

    def _limits(self, config: ScrapeConfigSettings) -> ScrapeLimits:
        defaults, fallback = self.defaults, self.fallback_limits
        return ScrapeLimits(
            config.body_size_limit or defaults.body_size_limit or fallback.body_bytes,
            config.sample_limit or defaults.sample_limit or fallback.samples,
            LabelLimits(
                config.label_limit or defaults.label_limit or fallback.labels.labels,
                config.label_name_length_limit
                or defaults.label_name_length_limit
                or fallback.labels.name_length,
                config.label_value_length_limit
                or defaults.label_value_length_limit
                or fallback.labels.value_length,
            ),
        )

    def _protocols(self, config: ScrapeConfigSettings) -> tuple[ScrapeProtocol, ...]:
        names = config.scrape_protocols or self.defaults.scrape_protocols or DEFAULT_PROTOCOLS
        return tuple(ScrapeProtocol(name) for name in names if name != "PrometheusProto")
