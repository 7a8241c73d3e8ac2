"""The server's own metrics."""

from collections import Counter

from prometheus_client import CollectorRegistry

from daemon.server.metrics import DiscoveryCollector, HttpCollector, StoreCollector
from scraper.discovery.engine.feed import MechanismStatistics
from scraper.discovery.manager import DiscoveryManager
from storage.api.sample_stats import StoreStats
from web.http.quotas import Holder


def test_store_metrics_count_failed_writes_and_damage() -> None:
    registry = CollectorRegistry()
    stats = StoreStats(0, 0, 0, 0, 0, 0, 7, None, None, failed_writes=3, corrupt_items=2)
    registry.register(StoreCollector(lambda: stats))
    assert registry.get_sample_value("redshank_store_failed_writes_total") == 3
    assert registry.get_sample_value("redshank_store_corrupt_items_total") == 2
    assert registry.get_sample_value("redshank_store_samples_total") == 7


def test_refused_requests_are_counted_by_reason_from_zero() -> None:
    registry, refusals = CollectorRegistry(), Counter[Holder]()
    registry.register(HttpCollector(refusals))

    def refused(reason: str) -> float | None:
        return registry.get_sample_value("redshank_http_requests_refused_total", {"reason": reason})

    assert (refused("address_quota"), refused("key_quota")) == (0, 0)
    refusals[Holder.KEY] += 2
    assert (refused("address_quota"), refused("key_quota")) == (0, 2)


def test_discovery_is_counted_by_mechanism() -> None:
    async def nothing_changes() -> None: ...

    discovery = DiscoveryManager(nothing_changes)
    discovery.statistics["http"] = MechanismStatistics(5, 2, 3_000)
    registry = CollectorRegistry()
    registry.register(DiscoveryCollector(discovery))

    def value(name: str) -> float | None:
        return registry.get_sample_value(f"redshank_discovery_{name}", {"mechanism": "http"})

    assert value("refreshes_total") == 5
    assert value("refresh_failures_total") == 2
    assert value("last_success_timestamp_seconds") == 3
    assert value("targets") == 0
