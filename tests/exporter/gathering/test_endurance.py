"""Many scrapes leave nothing behind; `./run bench exporter --endurance` makes 10,000."""

import pytest

from benchmarks.exporter.endurance import growth
from tests.ports import free_port


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_descriptors_and_threads_do_not_grow_with_scrapes() -> None:
    found = growth(1000, free_port())
    assert found.is_flat, found
