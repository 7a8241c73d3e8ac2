from model.labels import Labels
from tests.scraper.recording.scrapes import NOW_MS, Scrapes, rule
from tests.scraper.recording_appender import STALE


def test_honored_labels_override_and_empty_ones_remove_target_labels() -> None:
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


def test_relabelling_may_remove_target_labels() -> None:
    scrapes = Scrapes(metric_relabel_rules=(rule("labeldrop", regex="instance"),))
    scrapes.good("a 1\n")
    scrapes.good("a 2\n")
    scrapes.failed()
    assert scrapes.store.samples[Labels.of(__name__="a", job="node")] == [
        (NOW_MS + 1, 1),
        (NOW_MS + 2, 2),
        (NOW_MS + 3, STALE),
    ]
