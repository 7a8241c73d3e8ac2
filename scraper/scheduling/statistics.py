"""Counters of the scraper; the daemon exports them as `redshank_` metrics."""

from dataclasses import dataclass

from scraper.recording.recorder import RecordedScrape


@dataclass(slots=True)
class ScraperStatistics:
    """Totals since the start of the scraper.

    Attributes:
        scrapes: completed scrapes.
        failures: failed scrapes.
        exhausted: scrapes without a result, because this server lacked descriptors, ports,
            threads or memory.
        missed: scrapes that did not start, because the process was blocked or the
            target's last scrape was still in progress.
        samples: scraped samples.
        stored: samples appended to the store.
        body_bytes: size of the expositions after decompression.
        duplicates: samples dropped because an earlier one has their series.
        out_of_order, out_of_bounds, duplicate_timestamps: samples rejected because of
            their explicit timestamps.
        append_failures: scrapes that the store refused.
        clock_jumps: changes of the system clock.
        lag_s: delay between the due time and the start of scrapes.
        fetch_s, parse_s: time spent fetching and parsing, including parser threads.
    """

    scrapes: int = 0
    failures: int = 0
    exhausted: int = 0
    missed: int = 0
    samples: int = 0
    stored: int = 0
    body_bytes: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    out_of_bounds: int = 0
    duplicate_timestamps: int = 0
    append_failures: int = 0
    clock_jumps: int = 0
    lag_s: float = 0.0
    fetch_s: float = 0.0
    parse_s: float = 0.0

    def add_missed(self, count: int) -> None:
        """Count scrapes that did not start."""
        self.missed += count

    def add(self, recorded: RecordedScrape) -> None:
        """Count the samples of one scrape."""
        self.samples += recorded.samples
        self.stored += recorded.stored
        self.duplicates += recorded.duplicates
        self.out_of_order += recorded.timestamps.out_of_order
        self.out_of_bounds += recorded.timestamps.out_of_bounds
        self.duplicate_timestamps += recorded.timestamps.duplicate
