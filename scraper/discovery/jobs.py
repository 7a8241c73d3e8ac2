"""Scrape jobs: scrape configurations with every default filled in.

Source: Prometheus documentation, "Configuration", scrape_config.
"""

from dataclasses import dataclass, field

from scraper.discovery.engine.discoverer import Discoverer
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.protocols import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from scraper.fetching.targets import ScrapeLimits
from scraper.relabel import RelabelRule


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """How the targets of a job are discovered and scraped.

    `ScrapeTarget` explains the attributes that each target takes from its job.

    Attributes:
        name: the `job` label unless discovery or relabelling sets another.
        static: groups that are always present.
        discoverers: find further groups.
        relabel_rules: applied to each target's labels.
        target_limit: if a job has more targets, all are refused; 0 for no limit.
        keep_dropped: number of dropped targets that are shown; 0 for all.
        path_label: the label that relabelling sees and changes the path by.
    """

    name: str
    interval_s: float
    timeout_s: float
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    static: tuple[TargetGroup, ...] = ()
    discoverers: tuple[Discoverer, ...] = ()
    relabel_rules: tuple[RelabelRule, ...] = ()
    metric_relabel_rules: tuple[RelabelRule, ...] = ()
    access: HttpAccess = field(default_factory=HttpAccess)
    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    protocols: tuple[ScrapeProtocol, ...] = DEFAULT_PROTOCOLS
    fallback_protocol: ScrapeProtocol | None = None
    legacy_names: bool = False
    escaping: EscapingScheme = EscapingScheme.ALLOW_UTF_8
    target_limit: int = 0
    keep_dropped: int = 0
    path_label: str = "__metrics_path__"


@dataclass(frozen=True, slots=True)
class AlertmanagerJob:
    """How a set of Alertmanagers is discovered, and which labels alerts have for it.

    Attributes:
        job: discovers them; its timeout and access are those of requests.
        alert_rules: applied to the labels of each alert.
    """

    job: ScrapeJob
    alert_rules: tuple[RelabelRule, ...] = ()
