import gc
import sys
from collections.abc import Iterator

import pytest

from daemon.server.interpreter import configure_garbage_collection, set_switch_interval


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval_s)
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_existing_objects_are_no_longer_traversed() -> None:
    configure_garbage_collection()
    assert gc.get_freeze_count() > 1000
    assert len(gc.get_objects()) < 1000


def test_later_garbage_is_still_collected() -> None:
    configure_garbage_collection()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
    assert gc.isenabled()


def test_switch_interval_is_shorter_during_queries() -> None:
    set_switch_interval(evaluating=False)
    usual_s = sys.getswitchinterval()
    set_switch_interval(evaluating=True)
    assert sys.getswitchinterval() < usual_s
    set_switch_interval(evaluating=False)
    assert sys.getswitchinterval() == usual_s
