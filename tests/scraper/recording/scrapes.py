"""Scrapes one target into a recording appender, for tests of the recorder."""

from model.labels import Labels
from scraper.exposition.errors import RejectedExpositionError
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.targets import ScrapeTarget
from scraper.recording.recorder import RecordedScrape, Recorder
from scraper.relabel import RelabelAction, RelabelRule
from tests.scraper.recording_appender import RecordingAppender

TEXT = ExpositionFormat.TEXT
NOW_MS = 1_700_000_000_000
LABELS = Labels.of(job="node", instance="a:9100")


def target(**fields: object) -> ScrapeTarget:
    return ScrapeTarget("http://a:9100/metrics", LABELS, 15.0, 10.0, **fields)  # type: ignore[arg-type]


class Scrapes:
    """Scrapes one target once a millisecond."""

    def __init__(self, **fields: object) -> None:
        self.store = RecordingAppender()
        self.recorder = Recorder(self.store, target(**fields), FamilyInterner())
        self.at = 0

    def good(self, body: str) -> RecordedScrape:
        self.at += 1
        delta = self.recorder.read(body.encode(), TEXT)
        return self.recorder.record(delta, NOW_MS + self.at, 0.25)

    def failed(self) -> None:
        self.at += 1
        self.recorder.record_failure(NOW_MS + self.at, 0.5)

    def attempt(self, body: str) -> None:
        """Scrape a body that may be rejected."""
        try:
            self.good(body)
        except RejectedExpositionError as exc:
            self.recorder.record_failure(NOW_MS + self.at, 0.5, exc.counts)

    def of(self, metric: str, **labels: str) -> list[tuple[int, float | str]]:
        return [(at - NOW_MS, value) for at, value in self.store.of(metric, **labels)]


def rule(action: str, *source_labels: str, **fields: object) -> RelabelRule:
    return RelabelRule(RelabelAction(action), source_labels, **fields)  # type: ignore[arg-type]
