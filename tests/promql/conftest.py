"""Fixtures for queries over handwritten samples."""

from collections.abc import Callable, Iterator

import pytest

from promql.engine import EngineSettings, LocalEngine
from tests.promqltest.points import parse_points, parse_series
from tests.promqltest.store import MemoryStore

MakeEngine = Callable[..., LocalEngine]


@pytest.fixture
def make_engine() -> Iterator[MakeEngine]:
    """Return a function that builds an engine over lines such as `up{job="a"} 1+1x5`."""
    engines: list[LocalEngine] = []

    def make(
        *lines: str, interval_ms: int = 15_000, settings: EngineSettings | None = None
    ) -> LocalEngine:
        store = MemoryStore()
        for line in lines:
            labels, rest = parse_series(line)
            values = {
                index * interval_ms: point
                for index, point in enumerate(parse_points(rest))
                if isinstance(point, float)
            }
            store.load({labels: values})
        engines.append(LocalEngine(store.reader, settings))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close_blocking()
