"""Scrape targets: endpoints with their scrape options."""

from dataclasses import dataclass, field

from model.label_limits import LabelLimits
from model.labels import Labels
from model.probing.definitions import ProbeDefinition
from model.targets import Target
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.protocols import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from scraper.relabel import RelabelRule


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """Limits of one scrape; 0 means no limit."""

    body_bytes: int = 64 * 2**20
    samples: int = 0
    labels: LabelLimits = field(default_factory=LabelLimits)


@dataclass(frozen=True, slots=True)
class ScrapeTarget(Target):
    """One endpoint to scrape, with its scrape options.

    Attributes:
        limits: limits of one scrape.
        honor_labels: whether a scraped label overrides the target's label of that name.
        honor_timestamps: whether explicit timestamps are stored; otherwise ignored.
        start_times: whether `_created` series give the start times of counters.
        track_timestamps_staleness: whether a vanished series with explicit timestamps
            gets a staleness marker.
        metric_relabel_rules: applied to each series.
        legacy_names: whether a name outside the legacy character set fails the scrape.
        escaping: how the target is asked to escape UTF-8 names.
        access: credentials, TLS, headers, proxy and address policy.
        protocols: accepted scrape protocols, preferred first.
        fallback_protocol: protocol of a body with an unknown content type; None fails
            the scrape.
        probe: the probe that the server runs in place of a request for an exposition.
    """

    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    honor_labels: bool = False
    honor_timestamps: bool = True
    start_times: bool = False
    track_timestamps_staleness: bool = False
    metric_relabel_rules: tuple[RelabelRule, ...] = ()
    legacy_names: bool = False
    escaping: EscapingScheme = EscapingScheme.ALLOW_UTF_8
    access: HttpAccess = field(default_factory=HttpAccess)
    protocols: tuple[ScrapeProtocol, ...] = DEFAULT_PROTOCOLS
    fallback_protocol: ScrapeProtocol | None = None
    probe: ProbeDefinition | None = None

    @property
    def is_added_by_user(self) -> bool:
        """Whether a user chose the URL in the pages or by the API, not the configuration."""
        return self.host_id is not None


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """A discovered target that is not scraped.

    Attributes:
        pool: name of the scrape configuration.
        discovered: its labels before relabelling.
        reason: the rule that dropped it, or why it is no valid target.
    """

    pool: str
    discovered: Labels
    reason: str = ""


def host_name(instance: str) -> str:
    """Return a machine's name from its `instance` label.

    The default port of node_exporter is left out; any other port distinguishes two
    exporters on one machine.
    """
    return instance.removesuffix(":9100")
