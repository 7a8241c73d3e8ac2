"""Settings of the interpreter and the allocator for a server that runs for months."""

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.process.resident_memory import resident_bytes

_SWITCH_INTERVAL_S, _SHORT_SWITCH_INTERVAL_S = 0.001, 0.0002
_THRESHOLDS, _EVALUATING_THRESHOLDS = (50_000, 1_000, 50), (100_000, 1_000, 50)
# Parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_TRIM_THRESHOLD_BYTES = 32 * 2**20
_MMAP_THRESHOLD_BYTES = 16 * 2**20
# A process up to this size is trimmed everywhere.
_TRIMMED_WHOLE_BYTES = 256 * 2**20
# glibc checks the trim threshold when it frees 64 KiB (FASTBIN_CONSOLIDATION_THRESHOLD) or more.
_CHECKED_BYTES = 128 * 2**10


def configure_malloc() -> None:
    """Configure glibc's allocator; call it before other threads start.

    All threads allocate from one arena. By default each thread has its own arena, whose
    free memory other threads cannot use: 13 MB of 194 with 400 targets. The threads of
    the server hardly ever allocate at the same time.

    Freed memory of up to 32 MB stays in the process for some seconds. Queries create and
    free arrays of some megabytes again and again. By default this memory returns to the
    kernel each time, and its pages are faulted in again: a third of the time of a query
    over 400 series and six hours.

    Does nothing with another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)


def trim_malloc() -> None:
    """Return all free memory to the system; nothing with a C library other than glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def trim_heap(resident: Callable[[], int] = resident_bytes) -> None:
    """Return free memory of the heap to the system; takes about 1 ms.

    Sealing needs some megabytes every ten seconds, and leaves them free in between.
    malloc_trim returns free memory everywhere, but visits each free block while all other
    threads wait: 1 ms in a process of 170 MB, 2 s in one of 600 MB. In a larger process,
    only the free memory at the end of the heap is returned.

    Does nothing with a C library other than glibc.

    Args:
        resident: returns the resident memory in bytes.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    if resident() < _TRIMMED_WHOLE_BYTES:
        trim_malloc()
        return
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.mallopt(_M_TRIM_THRESHOLD, _CHECKED_BYTES)
    libc.free(libc.malloc(_CHECKED_BYTES))
    libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)


def tune_for_evaluations(evaluating: bool) -> None:
    """Set how threads share the GIL and how often garbage is collected, during queries or not.

    A thread must release the GIL after 0.2 ms during queries, else after 1 ms. A request
    releases the GIL some fifty times, at each step of the event loop and each larger numpy
    call. While another thread computes, it waits for a switch interval each time. Beside a
    first query over a million series, a small query took up to 300 ms with the default
    interval of 5 ms, 250 ms with 1 ms, and 70 ms with 0.2 ms. The interval is short only
    during queries because it reduces the rate of pushed messages by a tenth.

    The youngest objects are collected after 100,000 new ones during queries, else after
    50,000. Most of them belong to the queries, and a collection finds nothing. After 500,000
    one held the GIL for 0.15 s; after 100,000 it holds it for 30 ms.
    """
    sys.setswitchinterval(_SHORT_SWITCH_INTERVAL_S if evaluating else _SWITCH_INTERVAL_S)
    gc.set_threshold(*(_EVALUATING_THRESHOLDS if evaluating else _THRESHOLDS))


@contextmanager
def collections_paused() -> Iterator[None]:
    """Collect no garbage while a `with` block creates objects that stay; freeze them then.

    Opening a store of 200,000 sources creates 5 million of them; collections that found
    nothing were a third of its time, and the last one before all is frozen took 0.7 s.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def configure_garbage_collection() -> None:
    """Freeze the existing objects and make collections rare; call it once everything runs.

    Modules, configuration and the first targets are some 130,000 objects that live as
    long as the process. Each full collection traversed them, which stopped the event
    loop for 60 to 250 ms and made scrapes late. Frozen, they are no longer traversed, and
    a full collection takes some 10 ms.

    The hot paths create no reference cycles, so collections may be rare: with the default
    thresholds they took 3 % of the CPU time at 400 targets a second, with these almost
    none. Generation 1 is collected after 1,000 collections of generation 0, not 20: a
    join of a million series holds a million label sets, and traversing those stopped
    everything for 130 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
