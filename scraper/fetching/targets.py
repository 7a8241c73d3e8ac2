"""Targets: what is scraped, how, and how it went."""

from dataclasses import dataclass, field
from enum import StrEnum

from model.labels import Labels
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.protocols import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from scraper.relabel import RelabelRule


class Health(StrEnum):
    """How a target's last scrape went; the values are Prometheus's."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """Bounds of one scrape; 0 is no bound."""

    body_bytes: int = 64 * 2**20
    samples: int = 0
    label_count: int = 0
    label_name_length: int = 0
    label_value_length: int = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint to scrape.

    Attributes:
        url: the whole URL of its exposition.
        labels: the target's labels, `job` and `instance` among them.
        interval_s, timeout_s: how often, and how long one scrape may take.
        discovered: labels before relabelling, `__address__` and the like.
        limits: bounds of one scrape.
        host: the registered or configured host's name where this target is a
            machine (it has a row in the fleet and host checks), else None.
        host_id: its record, None for one from configuration.
        honor_labels: whether a scraped label wins over the target's.
        honor_timestamps: whether explicit timestamps are used, or ignored.
        start_times: whether `_created` series tell since when others count.
        track_timestamps_staleness: whether a series with explicit timestamps ends when
            it vanishes.
        metric_relabel_rules: applied to each series.
        legacy_names: whether names with UTF-8 fail the scrape.
        escaping: how the target is asked to write names with UTF-8.
        access: credentials, TLS and the like.
        protocols: what is asked for, best first.
        fallback_protocol: how a body of no known content type is read, None to fail.
        pool: the scrape configuration's name where that is not the `job` label.
        refused: why it is not to be scraped but shown as down, "" if it is scraped.
    """

    url: str
    labels: Labels
    interval_s: float
    timeout_s: float
    discovered: Labels = field(default_factory=Labels)
    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    host: str | None = None
    host_id: int | None = None
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
    pool: str = ""
    refused: str = ""

    @property
    def scrape_pool(self) -> str:
        """The name of the scrape configuration it belongs to."""
        return self.pool or self.job

    @property
    def job(self) -> str:
        """The `job` label."""
        return self.labels.get("job")

    @property
    def instance(self) -> str:
        """The `instance` label."""
        return self.labels.get("instance")


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """A discovered target that is not scraped.

    Attributes:
        pool: the scrape configuration's name.
        discovered: its labels before relabelling.
        reason: the rule that dropped it, or why no target can be made of it.
    """

    pool: str
    discovered: Labels
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How scraping a target goes.

    Attributes:
        health: UNKNOWN until the first scrape ended.
        last_error: why the last scrape failed, "" if it did not.
        last_scrape_ms: when it began, None before the first.
        last_up_ms: when the last successful one began.
        duration_s: how long the last one took.
        samples: how many samples it yielded.
        next_scrape_ms: when the next is due.
    """

    target: Target
    health: Health
    last_error: str
    last_scrape_ms: int | None
    last_up_ms: int | None
    duration_s: float
    samples: int
    next_scrape_ms: int
