"""The samples of the random queries: resets, gaps, special values, good and bad histograms."""

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from model.labels import Labels
from tests.promqltest.store import MemoryStore

BASE_MS: Final = 1_700_000_000_000 // 900_000 * 900_000
"""The first scrape; a multiple of all steps, so that some samples have the time of a step."""
INTERVAL_MS: Final = 15_000
SCRAPES: Final = 120


def samples() -> MemoryStore:
    """Return metrics with resets, gaps, special values, and good and bad histograms."""
    store, random = MemoryStore(), Random(35)
    for name, instance, labels, values in _metrics(random):
        shift = {"a": 0, "b": 4_321, "c": 0}[instance]
        series = Labels.of({"__name__": name, "job": "j", "instance": instance} | labels)
        times = (BASE_MS + shift + tick * INTERVAL_MS for tick in range(SCRAPES))
        store.load(
            {
                series: {
                    time: value
                    for time, value in zip(times, values, strict=True)
                    if value is not None
                }
            }
        )
    return store


def _metrics(random: Random) -> Iterator[tuple[str, str, dict[str, str], list[float | None]]]:
    ticks = range(SCRAPES)
    special = [1.0, math.nan, -3.5, 0.0, math.inf, 7.0, 1e6, -math.inf, 2.0, -0.0, 1e-3]
    for instance in "abc":
        gaps = {tick for tick in ticks if instance == "b" and (random.random() < 0.1)}
        gaps |= set(range(50, 75)) if instance == "b" else set()
        for mode in ("idle", "user"):
            own = {"mode": mode}
            yield "temp", instance, own, _gapped([random.gauss(20, 5) for _ in ticks], gaps)
            total, counts = 0.0, []
            for _ in ticks:
                total += random.random() * 3
                counts.append(total)
            yield "jobs_total", instance, own, _gapped(counts, gaps)
            restarted = [count % 17 for count in counts]
            yield "resets_total", instance, own, _gapped(restarted, gaps)
            yield "steps_count", instance, own, _gapped([float(tick // 4) for tick in ticks], gaps)
            yield "flat", instance, own, _gapped([4.0] * SCRAPES, gaps)
        yield "mixed", instance, {}, [random.choice(special) for _ in ticks]
        sparse = [1.5 * tick if tick % 11 == 0 else None for tick in ticks]
        yield "sparse", instance, {"mode": "x"}, sparse
        yield "odd:name", instance, {"job": "k"}, [math.sin(tick) for tick in ticks]
        late = [None if tick < 60 else float(tick) for tick in ticks]
        yield "late", instance, {"mode": "idle"}, late
        begun = [None if tick < 40 else (tick - 40) * 0.5 for tick in ticks]
        yield "begun_total", instance, {}, begun
        yield from _histograms(random, instance)


def _histograms(
    random: Random, instance: str
) -> Iterator[tuple[str, str, dict[str, str], list[float | None]]]:
    bounds = ("0.1", "0.5", "1", "2.5", "+Inf")
    counts = dict.fromkeys(bounds, 0)
    rows: dict[str, list[float | None]] = {bound: [] for bound in bounds}
    for _ in range(SCRAPES):
        for _ in range(random.randrange(6)):
            value = random.expovariate(1)
            for bound in bounds:
                counts[bound] += value <= float(bound)
        for bound in bounds:
            rows[bound].append(float(counts[bound]))
    for bound in bounds:
        yield "latency_bucket", instance, {"le": bound}, rows[bound]
    for bound in ("-1", "0", "1", "+Inf"):
        uneven: list[float | None] = [float(random.randrange(40)) for _ in range(SCRAPES)]
        yield "uneven_bucket", instance, {"le": bound}, uneven
    for bound in ("1", "x", "1.0", "", "4"):
        broken: list[float | None] = [float(tick) for tick in range(SCRAPES)]
        yield "broken_bucket", instance, {"le": bound}, broken


def _gapped(values: Sequence[float], gaps: set[int]) -> list[float | None]:
    return [None if tick in gaps else value for tick, value in enumerate(values)]
