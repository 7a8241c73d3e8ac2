"""Excludes objects that live long from garbage collections."""

import ctypes
from typing import Final

from model.labels import Labels

# The C API of Python: "Remove the object op from the set of container objects tracked by the
# collector." https://docs.python.org/3/c-api/gcsupport.html
_UNTRACK: Final = ctypes.pythonapi.PyObject_GC_UnTrack
_UNTRACK.argtypes, _UNTRACK.restype = [ctypes.py_object], None


def exclude_from_collections(labels: Labels) -> None:
    """Exclude a label set from garbage collections; it is freed with its last reference.

    A label set holds only pairs of texts, so it is part of no reference cycle. The collector
    finds that out for plain tuples, and excludes them by itself, but not for subclasses.
    """
    _UNTRACK(labels)
