"""The server's own metrics."""

from prometheus_client import CollectorRegistry

from daemon.server.metrics import (
    ConditionCollector,
    DiscoveryCollector,
    LimitCollector,
    StoreCollector,
)
from model.conditions import CONDITION_KINDS, DISK_SLOW, Conditions
from model.limits import LimitName, Refusals
from scraper.discovery.engine.feed import MechanismStatistics
from scraper.discovery.manager import DiscoveryManager
from storage.api.sample_stats import StoreStats


def test_store_metrics_count_failed_writes_and_damage() -> None:
    registry = CollectorRegistry()
    stats = StoreStats(0, 0, 0, 0, 0, 0, 7, None, None, failed_writes=3, corrupt_items=2)
    registry.register(StoreCollector(lambda: stats))
    assert registry.get_sample_value("redshank_store_failed_writes_total") == 3
    assert registry.get_sample_value("redshank_store_corrupt_items_total") == 2
    assert registry.get_sample_value("redshank_store_samples_total") == 7


def test_refusals_are_counted_by_limit_from_zero() -> None:
    registry, refusals = CollectorRegistry(), Refusals()
    registry.register(LimitCollector(refusals))

    def refused(limit: str) -> float | None:
        return registry.get_sample_value("redshank_limit_refusals_total", {"limit": limit})

    assert (refused("address_quota"), refused("key_quota")) == (0, 0)
    refusals.count(LimitName.KEY_QUOTA, 2)
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


def test_every_condition_is_shown_with_0_until_it_holds() -> None:
    conditions, registry = Conditions(lambda: 0), CollectorRegistry()
    registry.register(ConditionCollector(conditions))

    def degraded(name: str) -> float | None:
        return registry.get_sample_value("redshank_degraded", {"condition": name})

    assert {degraded(kind.name) for kind in CONDITION_KINDS} == {0}
    conditions.set(DISK_SLOW)
    assert (degraded("disk_slow"), degraded("samples_unwritable")) == (1, 0)
    conditions.clear(DISK_SLOW)
    assert degraded("disk_slow") == 0
