import gc
import sys
from collections.abc import Iterator

import pytest

from daemon.server.interpreter import settle_garbage_collection, share_lock


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval_s)
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


def test_threads_take_short_turns_while_one_evaluates() -> None:
    share_lock(evaluating=False)
    usual_s = sys.getswitchinterval()
    share_lock(evaluating=True)
    assert sys.getswitchinterval() < usual_s
    share_lock(evaluating=False)
    assert sys.getswitchinterval() == usual_s
