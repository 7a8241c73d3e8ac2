"""Appends to a store until it is killed; prints the ticks that are durable.

Usage: python crash_writer.py DIRECTORY SEED. Run by test_crash.py.
"""

import asyncio
import random
import sys
from pathlib import Path

import numpy as np

from storage.api.samples import Vector
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.crash_history import FIRST_MS, LAYOUT, SOURCES, values_at
from tests.storage.samples.sample_builders import column_array


async def main(directory: Path, seed: int) -> None:
    rng = random.Random(seed)
    settings = StoreSettings.model_validate(
        {"chunk_vectors": 7, "commit_interval": "5ms", "window": "1m", "chunk_age": "30s"}
    )
    store = SqliteSampleStore(directory, settings, clock=lambda: 0)
    await asyncio.to_thread(store.open)
    layout = store.layout(LAYOUT)
    sources = [store.source(labels) for labels in SOURCES]
    known = await asyncio.to_thread(lambda: store.stats().newest_ms)
    tick = 0 if known is None else (known - FIRST_MS) // 1000 + 1
    first = True
    while True:
        now_ms = FIRST_MS + tick * 1000
        for number, source in enumerate(sources):
            values, before = values_at(number, tick), values_at(number, tick - 1)
            changed = np.flatnonzero(values != before)
            columns = None if first else column_array(changed)
            given = values if first else values[changed]
            store.append(source, Vector(now_ms, layout, columns, given))
        first = False
        tick += 1
        if rng.random() < 0.2:
            await store.commit()
            sys.stdout.write(f"{tick}\n")
            sys.stdout.flush()
        if rng.random() < 0.1:
            await asyncio.to_thread(store.maintain, now_ms + 120_000)
        if rng.random() < 0.01:
            await asyncio.to_thread(store.maintain, now_ms + 10**7)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
