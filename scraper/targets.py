"""Targets: what is scraped, how, and how it went."""

from dataclasses import dataclass, field
from enum import StrEnum

from model.labels import Labels


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
        discovered: labels before relabelling, `__address__` and the like.
        interval_s, timeout_s: how often, and how long one scrape may take.
        limits: bounds of one scrape.
        host: the registered or configured host's name where this target is a
            machine (it has a row in the fleet and host checks), else None.
        host_id: its record, None for one from configuration.
        honor_labels: whether a scraped label wins over the target's.
        honor_timestamps: whether explicit timestamps are used, or ignored.
        track_timestamps_staleness: whether a series with explicit timestamps ends when
            it vanishes.
        follow_redirects: whether an answer elsewhere is fetched there.
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
    track_timestamps_staleness: bool = False
    follow_redirects: bool = True

    @property
    def job(self) -> str:
        """The `job` label."""
        return self.labels.get("job")

    @property
    def instance(self) -> str:
        """The `instance` label."""
        return self.labels.get("instance")


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
