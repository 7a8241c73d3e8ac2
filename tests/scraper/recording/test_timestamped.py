from tests.scraper.recording.scrapes import NOW_MS, Scrapes, target
from tests.scraper.recording_appender import STALE


def test_explicit_timestamps_are_kept() -> None:
    scrapes = Scrapes()
    scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\nc 6 {NOW_MS - 7}\n")
    scrapes.good(f"a 1\nb 6 {NOW_MS - 6}\nc 6 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(-7, 5), (-6, 6)]
    assert scrapes.of("c") == [(-7, 6), (-6, 6)]
    assert scrapes.of("a") == [(1, 1), (2, 1)]


def test_explicit_timestamps_are_ignored_unless_honored() -> None:
    scrapes = Scrapes(honor_timestamps=False)
    scrapes.good(f"b 5 {NOW_MS - 7}\n")
    scrapes.good(f"b 6 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(1, 5), (2, 6)]


def test_repeated_timestamp_appends_no_sample() -> None:
    scrapes = Scrapes()
    for _ in range(3):
        recorded = scrapes.good(f"b 5 {NOW_MS - 7}\n")
        assert recorded.timestamps.duplicate == 0
    scrapes.failed()
    scrapes.good(f"b 5 {NOW_MS - 7}\n")
    assert scrapes.of("b") == [(-7, 5)]


def test_timestamped_series_become_stale_only_if_tracked() -> None:
    for tracked, end in ((False, []), (True, [(2, STALE)])):
        scrapes = Scrapes(track_timestamps_staleness=tracked)
        scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\n")
        scrapes.good("a 1\n")
        assert scrapes.of("b") == [(-7, 5), *end]


def test_series_with_diverging_timestamps_are_both_stored() -> None:
    scrapes = Scrapes()
    scrapes.good(f"b 1 {NOW_MS - 9}\nc 1 {NOW_MS - 9}\n")
    scrapes.good(f"b 2 {NOW_MS - 8}\nc 2 {NOW_MS - 7}\n")
    scrapes.good(f"b 2 {NOW_MS - 8}\nc 3 {NOW_MS - 6}\n")
    scrapes.good(f"b 3 {NOW_MS - 5}\nc 3 {NOW_MS - 6}\n")
    assert scrapes.of("b") == [(-9, 1), (-8, 2), (-5, 3)]
    assert scrapes.of("c") == [(-9, 1), (-7, 2), (-6, 3)]


def test_rejected_timestamps_are_counted() -> None:
    scrapes = Scrapes()
    day_ms = 86_400_000
    recorded = scrapes.good(f"b 1 {NOW_MS - 5}\nc 1 {NOW_MS + day_ms}\nd 1 {NOW_MS - day_ms}\n")
    assert (recorded.timestamps.out_of_bounds, recorded.stored) == (2, 1)
    assert scrapes.good(f"b 1 {NOW_MS - 6}\nx 1\n").timestamps.out_of_order == 1
    assert scrapes.good(f"b 2 {NOW_MS - 5}\nx 1\n").timestamps.duplicate == 1


def test_churning_timestamped_series_are_removed() -> None:
    scrapes = Scrapes()
    for i in range(30):
        scrapes.good("".join(f"c{i}_{k} 1 {NOW_MS + i}\n" for k in range(10)))
    layouts = [vector.layout for source, vector in scrapes.store.vectors if source.stream]
    assert max(len(layout.series) for layout in layouts) <= 40
    assert scrapes.of("c29_9") == [(29, 1)]


def test_changed_staleness_tracking_takes_effect() -> None:
    scrapes = Scrapes()
    scrapes.good(f"a 1\nb 5 {NOW_MS - 7}\n")
    scrapes.recorder.reconfigure(target(track_timestamps_staleness=True))
    scrapes.good("a 1\n")
    assert scrapes.of("b") == [(-7, 5), (2, STALE)]
