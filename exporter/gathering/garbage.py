"""How often Python looks for garbage while the exporter runs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A scrape makes 3,000 objects, and frees them without the collector: none is in a cycle.
_OBJECTS = 50_000


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Collect garbage after 50,000 new objects instead of 700, and never what exists already.

    By default, each scrape runs the collector four times, for a twentieth of its CPU time.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
