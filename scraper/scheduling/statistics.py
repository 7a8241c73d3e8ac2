"""The scraper's own counters; the daemon shows them as `redshank_` metrics."""

from dataclasses import dataclass

from scraper.scheduling.recorder import Recorded


@dataclass(slots=True)
class ScraperStatistics:
    """Counts since the start.

    Attributes:
        scrapes: that ended, well or not.
        failures: of these, how many failed.
        missed: scrapes that never began: the process was held up, or the last scrape
            of the target was still under way.
        samples: scraped.
        stored: samples appended.
        body_bytes: size of the expositions, decompressed.
        collisions: samples dropped because relabelling made two series one.
        out_of_order, out_of_bounds, duplicate_timestamps: samples dropped because of
            their explicit timestamps.
        append_failures: scrapes that the store refused.
        clock_jumps: how often the machine's clock was set.
        lag_s: how much later than their time scrapes began, summed.
        fetch_s, parse_s: time spent, summed; a parse in a thread included.
    """

    scrapes: int = 0
    failures: int = 0
    missed: int = 0
    samples: int = 0
    stored: int = 0
    body_bytes: int = 0
    collisions: int = 0
    out_of_order: int = 0
    out_of_bounds: int = 0
    duplicate_timestamps: int = 0
    append_failures: int = 0
    clock_jumps: int = 0
    lag_s: float = 0.0
    fetch_s: float = 0.0
    parse_s: float = 0.0

    def add_missed(self, count: int) -> None:
        """Count scrapes that never began."""
        self.missed += count

    def add(self, recorded: Recorded) -> None:
        """Count what one scrape came to."""
        self.samples += recorded.samples
        self.stored += recorded.stored
        self.collisions += recorded.collisions
        self.out_of_order += recorded.timestamps.out_of_order
        self.out_of_bounds += recorded.timestamps.out_of_bounds
        self.duplicate_timestamps += recorded.timestamps.duplicate
