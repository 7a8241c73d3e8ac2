"""What the server tells about itself."""

from prometheus_client import CollectorRegistry

from daemon.metrics import StoreCollector
from storage.api.samples import StoreStats


def test_store_tells_of_refused_writes_and_damage() -> None:
    registry = CollectorRegistry()
    stats = StoreStats(0, 0, 0, 0, 0, 0, 7, None, None, failed_writes=3, corrupt_items=2)
    registry.register(StoreCollector(lambda: stats))
    assert registry.get_sample_value("redshank_store_failed_writes_total") == 3
    assert registry.get_sample_value("redshank_store_corrupt_items_total") == 2
    assert registry.get_sample_value("redshank_store_samples_total") == 7
