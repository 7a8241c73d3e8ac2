"""Builders of the settings, matchers and vectors that tests use."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from storage.api.samples import Layout, Vector
from storage.samples.settings import StoreSettings

BASE_MS = 1_700_000_000_000


def small(**settings: object) -> StoreSettings:
    """Return settings with small chunks and without timers."""
    return StoreSettings.model_validate({"chunk_vectors": 5, "commit_interval": "1h"} | settings)


def column_array(columns: Iterable[int]) -> NDArray[np.uint32]:
    """Return column numbers in the type of `Vector.columns`."""
    return np.fromiter(columns, dtype=np.uint32)


def named(name: str) -> list[Matcher]:
    return [Matcher.of("__name__", "=", name)]


def series(*names: str) -> list[Labels]:
    return [Labels.of(__name__=name) for name in names]


def whole(layout: Layout, time_ms: int, *values: float) -> Vector:
    return Vector(time_ms, layout, None, np.array(values, np.float64))


def change(layout: Layout, time_ms: int, changes: dict[int, float]) -> Vector:
    return Vector(
        time_ms, layout, column_array(changes), np.array(list(changes.values()), np.float64)
    )
