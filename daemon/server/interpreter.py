"""How the interpreter is set for a server that runs for months."""

import ctypes
import gc
import sys

_TURN_S, _SHORT_TURN_S = 0.001, 0.0002
_THRESHOLDS = (50_000, 1_000, 50)
# malloc.h of glibc
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_KEPT_BYTES = 32 * 2**20
_MAPPED_FROM_BYTES = 16 * 2**20


def settle_malloc() -> None:
    """Make glibc's allocator fit what runs here; call it before there are threads.

    All threads allocate from one arena. By default each gets its own, whose free memory
    no other thread can use: 13 MB of 194 with 400 targets. Threads here hardly ever
    allocate at the same time.

    A query's arrays of some megabytes are made and freed again and again. By default
    such memory goes back to the kernel each time and is faulted in anew, page by page: a
    third of the time of a query over 400 series and six hours.

    Other C libraries are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def share_lock(evaluating: bool) -> None:
    """Say how soon threads have the interpreter's lock back: sooner while one evaluates.

    A request gives the lock up some fifty times, at every turn of the event loop and
    every larger numpy call, and beside a thread that computes waits so long each time.
    Beside a first query over a million series a small one took up to 300 ms with the
    default of five milliseconds, 250 with one, 70 with a fifth. Short turns cost a tenth
    of the messages that devices can push while nobody evaluates, hence not always.
    """
    sys.setswitchinterval(_SHORT_TURN_S if evaluating else _TURN_S)


def settle_garbage_collection() -> None:
    """Take what stands now out of garbage collection; call it once everything runs.

    Imports, configuration and the first targets are some 130,000 objects that never go.
    Looking through them took 60 to 250 ms at a time, in which the event loop stood
    still and scrapes came late. The hot paths make no cycles, so that collections may
    be rare: at the default thresholds they took 3 % of the CPU time of 400 targets a
    second, at these none to speak of. What is left to look at takes some 10 ms.

    What has survived a first look is looked at again a thousand looks later, not twenty: a
    join of a million series keeps a million label sets meanwhile, and a look at those
    stopped everything for 130 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
