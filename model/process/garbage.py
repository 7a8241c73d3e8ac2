"""Excludes objects that live long from garbage collections."""

import ctypes
from typing import Final

from model.labels import Labels

# The C API of Python: "Remove the object op from the set of container objects tracked by the
# collector." https://docs.python.org/3/c-api/gcsupport.html
_UNTRACK: Final = ctypes.pythonapi.PyObject_GC_UnTrack
_UNTRACK.argtypes, _UNTRACK.restype = [ctypes.py_object], None


def exclude_from_collections(labels: Labels | tuple[Labels, ...]) -> None:
    """Exclude a label set, or a tuple of them, from garbage collections.

    It is freed with its last reference. A label set holds only pairs of texts, so neither it
    nor the tuple is part of a reference cycle. The collector finds that out for plain tuples
    of texts, and excludes them by itself, but not for subclasses and what holds them. It would
    look at each label set of a tuple: at 200,000 of them in 60 ms, while all threads wait.
    """
    _UNTRACK(labels)
