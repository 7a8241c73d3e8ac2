import gc
import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest

from daemon.server.interpreter import (
    collections_paused,
    configure_garbage_collection,
    tune_for_evaluations,
)


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


def test_what_is_created_while_collections_pause_is_never_traversed() -> None:
    with collections_paused():
        assert not gc.isenabled()
        created = [[number] for number in range(5_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 5_000
    assert not any(each is created for each in gc.get_objects())


def test_later_garbage_is_still_collected() -> None:
    configure_garbage_collection()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
    assert gc.isenabled()


# Blocks of half a megabyte lie in the heap, and the last ones at its end.
_TRIMMED = """
import sys
from daemon.server.interpreter import configure_malloc, trim_heap
from model.process.resident_memory import resident_bytes
configure_malloc()
blocks = [b"x" * 2**19 for _ in range(40)]
kept = blocks.pop() if sys.argv[1] == "between" else None
del blocks[:]
before = resident_bytes()
trim_heap(lambda: int(sys.argv[2]))
print(before - resident_bytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps free memory so")
@pytest.mark.parametrize(("free", "resident"), [("end", 2**30), ("between", 2**26)])
def test_free_memory_of_the_heap_goes_back_to_the_system(free: str, resident: int) -> None:
    command = [sys.executable, "-c", _TRIMMED, free, str(resident)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(run.stdout) > 15 * 2**20


def test_threads_switch_sooner_and_collections_are_rarer_during_queries() -> None:
    tune_for_evaluations(evaluating=False)
    usual_s, usual_objects = sys.getswitchinterval(), gc.get_threshold()[0]
    tune_for_evaluations(evaluating=True)
    assert sys.getswitchinterval() < usual_s
    assert gc.get_threshold()[0] > usual_objects
    tune_for_evaluations(evaluating=False)
    assert (sys.getswitchinterval(), gc.get_threshold()[0]) == (usual_s, usual_objects)
