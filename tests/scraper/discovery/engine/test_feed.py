from structlog.testing import capture_logs

from scraper.discovery.engine.feed import Feed, MechanismStatistics
from scraper.discovery.groups import DiscoveryError, TargetGroup


def test_only_changed_groups_are_passed_on() -> None:
    seen: list[list[TargetGroup]] = []
    feed = Feed("http", lambda groups: seen.append(list(groups)))
    for groups in ([], [], [TargetGroup(("a:1",))], [TargetGroup(("a:1",))]):
        feed.publish(groups)
    assert seen == [[], [TargetGroup(("a:1",))]]


def test_failures_are_counted_each_and_logged_once_until_a_success() -> None:
    statistics = MechanismStatistics()
    feed = Feed("http", lambda _: None, statistics, lambda: 7)
    error = DiscoveryError("refused")
    with capture_logs() as logs:
        feed.failed(error, url="a")
        feed.failed(error, url="a")
        feed.failed(error, url="b")
        feed.succeeded(url="a")
        feed.failed(error, url="a")
    assert [(entry["kind"], entry["url"], entry["error"]) for entry in logs] == [
        ("http_sd", url, "refused") for url in "aba"
    ]
    assert statistics == MechanismStatistics(refreshes=5, failures=4, success_ms=7)
