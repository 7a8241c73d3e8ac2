import pytest

from model.labels import Labels
from scraper.exposition.errors import LimitError, SeriesNameError
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from scraper.recording.recorder import RecordedScrape, Recorder
from scraper.relabel import RelabelAction, RelabelRule
from storage.api.errors import StorageError
from tests.scraper.recording_appender import STALE, RecordingAppender

TEXT = ExpositionFormat.TEXT
NOW_MS = 1_700_000_000_000
LABELS = Labels.of(job="node", instance="a:9100")


def target(**fields: object) -> ScrapeTarget:
    return ScrapeTarget("http://a:9100/metrics", LABELS, 15.0, 10.0, **fields)  # type: ignore[arg-type]


class Scrapes:
    """Scrapes one target second by second."""

    def __init__(self, **fields: object) -> None:
        self.store = RecordingAppender()
        self.recorder = Recorder(self.store, target(**fields), FamilyInterner())
        self.at = 0

    def good(self, body: str) -> RecordedScrape:
        self.at += 1
        reading = self.recorder.read(body.encode(), TEXT)
        return self.recorder.record(reading, NOW_MS + self.at, 0.25)

    def failed(self) -> None:
        self.at += 1
        self.recorder.record_failure(NOW_MS + self.at, 0.5)

    def of(self, metric: str, **labels: str) -> list[tuple[int, float | str]]:
        return [(at - NOW_MS, value) for at, value in self.store.of(metric, **labels)]


def test_scrape_appends_its_samples_and_what_the_scraper_knows() -> None:
    scrapes = Scrapes()
    scrapes.good('a{x="1"} 5\nb 6\n')
    scrapes.good('a{x="1"} 5\nb 7\n')
    assert scrapes.of("a", x="1", job="node", instance="a:9100") == [(1, 5), (2, 5)]
    assert scrapes.of("b") == [(1, 6), (2, 7)]
    assert scrapes.of("up") == [(1, 1), (2, 1)]
    assert scrapes.of("scrape_duration_seconds") == [(1, 0.25), (2, 0.25)]
    assert scrapes.of("scrape_samples_scraped") == [(1, 2), (2, 2)]
    assert scrapes.of("scrape_samples_post_metric_relabeling") == [(1, 2), (2, 2)]
    assert scrapes.of("scrape_series_added") == [(1, 2), (2, 0)]


def test_only_changes_are_appended() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\nb 2\n")
    scrapes.good("a 1\nb 3\n")
    scrapes.good("a 1\nb 4\n")
    _, vector = scrapes.store.vectors[-1]
    assert vector.columns is not None
    assert [str(vector.layout.series[column]) for column in vector.columns] == ["b"]


def test_vanished_series_becomes_stale_and_returns_in_its_column() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\nb 2\nc 3\nd 4\n")
    scrapes.good("a 1\nc 3\nd 4\n")
    scrapes.good("a 1\nc 3\nd 4\n")
    scrapes.good("a 1\nb 2\nc 3\nd 4\n")
    assert scrapes.of("b") == [(1, 2), (2, STALE), (4, 2)]
    assert len(scrapes.store.vectors[-1][1].layout.series) == 5 + 4
    assert scrapes.of("scrape_series_added")[-1] == (4, 1)


def test_failed_scrape_ends_series_once_and_the_next_good_one_brings_all_back() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\nb 2\n")
    scrapes.failed()
    scrapes.failed()
    scrapes.good("a 1\nb 2\n")
    assert scrapes.of("a") == [(1, 1), (2, STALE), (4, 1)]
    assert scrapes.of("up") == [(1, 1), (2, 0), (3, 0), (4, 1)]
    assert scrapes.of("scrape_samples_scraped") == [(1, 2), (2, 0), (3, 0), (4, 2)]


def test_target_that_never_answered_is_down() -> None:
    scrapes = Scrapes()
    scrapes.failed()
    scrapes.good("a 1\n")
    assert scrapes.of("up") == [(1, 0), (2, 1)]
    assert scrapes.of("a") == [(2, 1)]


def test_removed_target_ends_its_own_series_too() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\n")
    scrapes.recorder.end(NOW_MS + 2)
    assert scrapes.of("a") == [(1, 1), (2, STALE)]
    assert scrapes.of("up") == [(1, 1), (2, STALE)]


def test_many_ended_series_lead_to_a_fresh_layout() -> None:
    scrapes = Scrapes()
    scrapes.good("".join(f"a{i} 1\n" for i in range(40)))
    scrapes.good("".join(f"a{i} 2\n" for i in range(20, 40)))
    scrapes.good("".join(f"a{i} 3\n" for i in range(20, 40)))
    assert len(scrapes.store.vectors[-1][1].layout.series) == 5 + 20
    assert scrapes.of("a0") == [(1, 1), (2, STALE)]
    assert scrapes.of("a39") == [(1, 1), (2, 2), (3, 3)]
    scrapes.good("".join(f"a{i} 4\n" for i in range(20, 40)))
    assert scrapes.of("a20") == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_vector_the_store_refused_is_made_good_by_the_next() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\nb 1\nc 1\n")
    scrapes.store.failing = StorageError("disk full")
    with pytest.raises(StorageError):
        scrapes.good("a 2\nc 1\nd 1\n")
    scrapes.store.failing = None
    scrapes.good("a 2\nc 1\nd 1\n")
    assert scrapes.of("a") == [(1, 1), (3, 2)]
    assert scrapes.of("b") == [(1, 1), (3, STALE)]
    assert scrapes.of("d") == [(3, 1)]


def test_scraped_up_does_not_replace_the_scrapers() -> None:
    scrapes = Scrapes()
    assert scrapes.good("up 7\na 1\n").collisions == 0
    assert scrapes.of("up") == [(1, 1)]


def test_conflicting_labels_are_kept_as_exported() -> None:
    scrapes = Scrapes()
    scrapes.good('a{job="x",exported_job="y"} 1\n')
    assert list(scrapes.store.samples)[-1] == Labels.of(
        __name__="a", instance="a:9100", job="node", exported_job="y", exported_exported_job="x"
    )


def test_honored_labels_win_and_empty_ones_take_the_targets_away() -> None:
    scrapes = Scrapes(honor_labels=True)
    scrapes.good('a{job="x"} 1\nb{instance=""} 2\n')
    scrapes.good('a{job="x"} 1\nb{instance=""} 3\n')
    scrapes.good('a{job="x"} 1\n')
    assert scrapes.of("a", job="x", instance="a:9100") == [(1, 1), (2, 1), (3, 1)]
    assert scrapes.store.samples[Labels.of(__name__="b", job="node")] == [
        (NOW_MS + 1, 2),
        (NOW_MS + 2, 3),
        (NOW_MS + 3, STALE),
    ]


def test_explicit_timestamps_are_kept() -> None:
    scrapes = Scrapes()
    scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\nc 6 {NOW_MS - 7}\n")
    scrapes.good(f"a 1\nb 6 {NOW_MS - 6}\nc 6 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(-7, 5), (-6, 6)]
    assert scrapes.of("c") == [(-7, 6), (-6, 6)]
    assert scrapes.of("a") == [(1, 1), (2, 1)]


def test_explicit_timestamps_are_ignored_where_not_honored() -> None:
    scrapes = Scrapes(honor_timestamps=False)
    scrapes.good(f"b 5 {NOW_MS - 7}\n")
    scrapes.good(f"b 6 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(1, 5), (2, 6)]


def test_repeated_timestamp_is_no_new_sample() -> None:
    scrapes = Scrapes()
    for _ in range(3):
        recorded = scrapes.good(f"b 5 {NOW_MS - 7}\n")
        assert recorded.timestamps.duplicate == 0
    scrapes.failed()
    scrapes.good(f"b 5 {NOW_MS - 7}\n")
    assert scrapes.of("b") == [(-7, 5)]


def test_series_with_a_timestamp_does_not_become_stale_unless_asked() -> None:
    for tracked, end in ((False, []), (True, [(2, STALE)])):
        scrapes = Scrapes(track_timestamps_staleness=tracked)
        scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\n")
        scrapes.good("a 1\n")
        assert scrapes.of("b") == [(-7, 5), *end]


def test_series_whose_timestamps_part_are_told_apart() -> None:
    scrapes = Scrapes()
    scrapes.good(f"b 1 {NOW_MS - 9}\nc 1 {NOW_MS - 9}\n")
    scrapes.good(f"b 2 {NOW_MS - 8}\nc 2 {NOW_MS - 7}\n")
    scrapes.good(f"b 2 {NOW_MS - 8}\nc 3 {NOW_MS - 6}\n")
    scrapes.good(f"b 3 {NOW_MS - 5}\nc 3 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(-9, 1), (-8, 2), (-5, 3)]
    assert scrapes.of("c") == [(-9, 1), (-7, 2), (-6, 3)]


def test_timestamps_that_cannot_be_stored_are_counted() -> None:
    scrapes = Scrapes()
    day_ms = 86_400_000
    recorded = scrapes.good(f"b 1 {NOW_MS - 5}\nc 1 {NOW_MS + day_ms}\nd 1 {NOW_MS - day_ms}\n")
    assert (recorded.timestamps.out_of_bounds, recorded.stored) == (2, 1)
    assert scrapes.good(f"b 1 {NOW_MS - 6}\nx 1\n").timestamps.out_of_order == 1
    assert scrapes.good(f"b 2 {NOW_MS - 5}\nx 1\n").timestamps.duplicate == 1


def test_churning_stamped_series_do_not_pile_up() -> None:
    scrapes = Scrapes()
    for i in range(30):
        scrapes.good("".join(f"c{i}_{k} 1 {NOW_MS + i}\n" for k in range(10)))
    layouts = [vector.layout for source, vector in scrapes.store.vectors if source.stream]
    assert max(len(layout.series) for layout in layouts) <= 40
    assert scrapes.of("c29_9") == [(29, 1)]


def test_limits_refuse_the_scrape_and_leave_nothing_behind() -> None:
    limits = ScrapeLimits(samples=2, label_count=4, label_name_length=8, label_value_length=9)
    scrapes = Scrapes(limits=limits)
    scrapes.good("a 1\nb 1\n")
    for body, reason in {
        "a 1\nb 1\nc 1\n": "sample limit of 2 exceeded",
        'a{x="1",y="2"} 1\n': "label limit exceeded .metric: a, number of labels: 5, limit: 4",
        'a{abcdefghi="1"} 1\n': "label name length limit exceeded",
        'a{x="0123456789"} 1\n': "label value length limit exceeded .metric: a, label name: x",
    }.items():
        with pytest.raises(LimitError, match=reason):
            scrapes.good(body)
    scrapes.good("a 1\nb 1\n")
    assert len(scrapes.store.vectors[-1][1].layout.series) == 5 + 2


def test_changed_target_keeps_its_columns() -> None:
    scrapes = Scrapes()
    scrapes.good('a{job="x"} 1\nb 1\n')
    scrapes.recorder.reconfigure(target(honor_labels=True))
    scrapes.good('a{job="x"} 1\nb 1\n')
    assert scrapes.of("a", exported_job="x") == [(1, 1), (2, STALE)]
    assert scrapes.of("b") == [(1, 1), (2, 1)]


def rule(action: str, *source_labels: str, **fields: object) -> RelabelRule:
    return RelabelRule(RelabelAction(action), source_labels, **fields)  # type: ignore[arg-type]


def test_metric_relabelling_drops_and_renames() -> None:
    scrapes = Scrapes(
        metric_relabel_rules=(
            rule("drop", "__name__", regex="go_.*"),
            rule("replace", "__name__", regex="b", target_label="__name__", replacement="c"),
        )
    )
    for value in (1, 2):
        scrapes.good(f"a {value}\nb {value}\ngo_x {value}\n")
    assert scrapes.of("c") == [(1, 1), (2, 2)]
    assert scrapes.of("scrape_samples_scraped")[-1] == (2, 3)
    assert scrapes.of("scrape_samples_post_metric_relabeling")[-1] == (2, 2)
    assert {labels.metric for labels in scrapes.store.samples}.isdisjoint({"b", "go_x"})


def test_series_made_equal_by_relabelling_keep_the_first_and_are_counted() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="x"),))
    assert scrapes.good('a{x="1"} 1\na{x="2"} 2\n').collisions == 1
    scrapes.good('a{x="1"} 3\na{x="2"} 4\n')
    assert scrapes.of("scrape_samples_post_metric_relabeling")[-1] == (2, 1)
    scrapes.good('a{x="2"} 5\n')
    assert scrapes.of("a") == [(1, 1), (2, 3), (3, 5)]


def test_target_labels_may_be_relabelled_away() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="instance"),))
    scrapes.good("a 1\n")
    scrapes.good("a 2\n")
    scrapes.failed()
    assert scrapes.store.samples[Labels.of(__name__="a", job="node")] == [
        (NOW_MS + 1, 1),
        (NOW_MS + 2, 2),
        (NOW_MS + 3, STALE),
    ]


def test_staleness_of_timestamps_follows_the_configuration() -> None:
    scrapes = Scrapes()
    scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\n")
    scrapes.recorder.reconfigure(target(track_timestamps_staleness=True))
    scrapes.good("a 1\n")
    assert scrapes.of("b") == [(-7, 5), (2, STALE)]


def test_series_without_a_name_fails_the_scrape() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="__name__"),))
    with pytest.raises(SeriesNameError, match="without a metric name"):
        scrapes.good("a 1\n")


def test_utf8_names_fail_the_scrape_where_only_legacy_ones_are_allowed() -> None:
    scrapes = Scrapes(legacy_names=True)
    with pytest.raises(SeriesNameError, match="invalid metric name"):
        scrapes.good('{"a.b"} 1\n')
    with pytest.raises(SeriesNameError, match="invalid label name"):
        scrapes.good('a{"b.c"="1"} 1\n')
