import gc
from collections.abc import Iterator

import pytest

from daemon.interpreter import settle_garbage_collection


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_stands_is_not_looked_at_again() -> None:
    settle_garbage_collection()
    assert gc.get_freeze_count() > 1000
    assert len(gc.get_objects()) < 1000


def test_later_garbage_is_still_collected() -> None:
    settle_garbage_collection()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
    assert gc.isenabled()
