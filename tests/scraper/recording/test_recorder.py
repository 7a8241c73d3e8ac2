import pytest

from model.label_limits import LabelLimits
from model.labels import Labels
from scraper.exposition.errors import LimitError, SeriesNameError
from scraper.fetching.targets import ScrapeLimits
from storage.api.errors import StorageError
from tests.scraper.recording.scrapes import NOW_MS, Scrapes, rule, target
from tests.scraper.recording_appender import STALE


def test_scrape_appends_its_samples_and_the_synthetic_series() -> None:
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


def test_failed_scrape_ends_series_and_the_next_success_restores_them() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\nb 2\n")
    scrapes.failed()
    scrapes.failed()
    scrapes.good("a 1\nb 2\n")
    assert scrapes.of("a") == [(1, 1), (2, STALE), (4, 1)]
    assert scrapes.of("up") == [(1, 1), (2, 0), (3, 0), (4, 1)]
    assert scrapes.of("scrape_samples_scraped") == [(1, 2), (2, 0), (3, 0), (4, 2)]


def test_target_that_never_responded_is_down() -> None:
    scrapes = Scrapes()
    scrapes.failed()
    scrapes.good("a 1\n")
    assert scrapes.of("up") == [(1, 0), (2, 1)]
    assert scrapes.of("a") == [(2, 1)]


def test_removing_a_target_ends_its_synthetic_series() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1\n")
    scrapes.recorder.end(NOW_MS + 2)
    assert scrapes.of("a") == [(1, 1), (2, STALE)]
    assert scrapes.of("up") == [(1, 1), (2, STALE)]


def test_many_ended_series_cause_a_new_layout() -> None:
    scrapes = Scrapes()
    scrapes.good("".join(f"a{i} 1\n" for i in range(40)))
    scrapes.good("".join(f"a{i} 2\n" for i in range(20, 40)))
    scrapes.good("".join(f"a{i} 3\n" for i in range(20, 40)))
    assert len(scrapes.store.vectors[-1][1].layout.series) == 5 + 20
    assert scrapes.of("a0") == [(1, 1), (2, STALE)]
    assert scrapes.of("a39") == [(1, 1), (2, 2), (3, 3)]
    scrapes.good("".join(f"a{i} 4\n" for i in range(20, 40)))
    assert scrapes.of("a20") == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_vector_after_a_refused_one_is_complete() -> None:
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


def test_scraped_up_is_a_duplicate_of_the_scrapers_own() -> None:
    scrapes = Scrapes()
    assert scrapes.good("up 7\na 1\n").duplicates == 1
    assert scrapes.of("up") == [(1, 1)]


def test_duplicates_are_counted_at_every_scrape() -> None:
    scrapes = Scrapes()
    for value in (1, 2):
        recorded = scrapes.good(f"a {value}\na{{}} 5\n")
        assert (recorded.samples, recorded.stored, recorded.duplicates) == (2, 1, 1)
    assert scrapes.of("a") == [(1, 1), (2, 2)]
    assert scrapes.of("scrape_samples_scraped") == [(1, 2), (2, 2)]
    assert scrapes.of("scrape_samples_post_metric_relabeling") == [(1, 2), (2, 2)]
    # Two texts are two series for Prometheus's count, although they have equal labels.
    assert scrapes.of("scrape_series_added") == [(1, 2), (2, 0)]


@pytest.mark.parametrize(
    "body", ['a{job="x"} 1\n', f"a 1 {NOW_MS}\n", 'a{le="1"} 1 \n', "a 1\na 2\n"]
)
def test_series_added_counts_each_kind_of_series_once(body: str) -> None:
    scrapes = Scrapes(honor_labels=True)
    for _ in range(2):
        scrapes.good(body)
    assert [value for _, value in scrapes.of("scrape_series_added")] == [1, 0]


def test_series_out_of_bounds_is_not_added() -> None:
    scrapes = Scrapes()
    scrapes.good("a 1 5\n")
    assert scrapes.of("scrape_series_added") == [(1, 0)]


def test_rejected_body_is_counted_up_to_its_error() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("drop", "__name__", regex="go_.*"),))
    for body in ("go_x 1\na 1\nb{\nc 1\n", "a 1\nb 1\n", "a 2\nb{x=1} 1\n", "", "a 1\nb 1\nc 1\n"):
        scrapes.attempt(body)
    assert [value for _, value in scrapes.of("up")] == [0, 1, 0, 1, 1]
    assert [value for _, value in scrapes.of("scrape_samples_scraped")] == [2, 2, 1, 0, 3]
    kept = scrapes.of("scrape_samples_post_metric_relabeling")
    assert [value for _, value in kept] == [1, 2, 1, 0, 3]
    assert [value for _, value in scrapes.of("scrape_series_added")] == [1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("body", "samples"),
    [
        ('a 1\nb{x="1",x="2"} 1\n', 2),
        ("a 1\nb{__name__='x'} 1\n", 1),
        ('a 1\nb{__name__="x"} 1\n', 2),
        ('a 1\nb{very_long_name="1"} 1\n', 2),
    ],
)
def test_well_formed_sample_that_cannot_be_stored_is_counted(body: str, samples: int) -> None:
    scrapes = Scrapes(limits=ScrapeLimits(labels=LabelLimits(name_length=10)))
    scrapes.attempt(body)
    assert scrapes.of("scrape_samples_scraped") == [(1, samples)]
    assert scrapes.of("scrape_samples_post_metric_relabeling") == [(1, 1)]


def test_body_beyond_the_sample_limit_is_counted_to_its_end() -> None:
    scrapes = Scrapes(limits=ScrapeLimits(samples=2))
    scrapes.attempt("a 1\n" * 5)
    scrapes.attempt("a 1\nb 1\n# a comment\nc 1\nd 1\n")
    assert scrapes.of("up") == [(1, 1), (2, 0)]
    assert scrapes.of("scrape_samples_scraped") == [(1, 5), (2, 4)]


def test_conflicting_labels_are_kept_as_exported() -> None:
    scrapes = Scrapes()
    scrapes.good('a{job="x",exported_job="y"} 1\n')
    assert list(scrapes.store.samples)[-1] == Labels.of(
        __name__="a", instance="a:9100", job="node", exported_job="y", exported_exported_job="x"
    )


def test_exceeded_limit_fails_the_scrape_and_leaves_no_trace() -> None:
    limits = ScrapeLimits(samples=2, labels=LabelLimits(4, 8, 9))
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


def test_series_that_relabelling_made_equal_keep_the_first() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="x"),))
    assert scrapes.good('a{x="1"} 1\na{x="2"} 2\n').duplicates == 1
    scrapes.good('a{x="1"} 3\na{x="2"} 4\n')
    assert scrapes.of("scrape_samples_post_metric_relabeling")[-1] == (2, 2)
    scrapes.good('a{x="2"} 5\n')
    assert scrapes.of("a") == [(1, 1), (2, 3), (3, 5)]


def test_series_without_a_metric_name_fails_the_scrape() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="__name__"),))
    with pytest.raises(SeriesNameError, match="without a metric name"):
        scrapes.good("a 1\n")


def test_utf8_names_fail_the_scrape_with_legacy_validation() -> None:
    scrapes = Scrapes(legacy_names=True)
    with pytest.raises(SeriesNameError, match="invalid metric name"):
        scrapes.good('{"a.b"} 1\n')
    with pytest.raises(SeriesNameError, match="invalid label name"):
        scrapes.good('a{"b.c"="1"} 1\n')
