"""A killed store loses no committed vector and returns no wrong sample."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from storage.samples.store import SqliteSampleStore
from tests.storage.samples.crash_history import FIRST_MS, LAYOUT, SOURCES, values_at

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def killed_after(directory: Path, seed: int, confirmations: int) -> int:
    """Run the writer, kill it after some confirmations; return how many ticks are durable."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "crash_writer.py"), str(directory), str(seed)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert process.stdout is not None
    with process:
        durable = 0
        for _ in range(confirmations):
            durable = int(process.stdout.readline())
        process.kill()
        # Read the confirmations that were printed before the kill.
        for line in process.stdout:
            if line.endswith("\n"):
                durable = int(line)
    return durable


@pytest.mark.slow
def test_killed_store_keeps_what_it_confirmed(tmp_path: Path) -> None:
    rng = random.Random(7)
    for seed in range(5):
        durable = killed_after(tmp_path, seed, rng.randint(1, 40))
        store = SqliteSampleStore(tmp_path, clock=lambda: 0)
        store.open()
        held = check(store)
        store.close()
        assert held >= durable


def check(store: SqliteSampleStore) -> int:
    """Compare everything in the store with what was appended; return the ticks held."""
    parts = store.select([], 0, 2 * FIRST_MS)
    seen = sum(len(part.labels) for part in parts)
    assert seen == len(LAYOUT) * len(SOURCES)
    held = []
    for part in parts:
        for place, labels in enumerate(part.labels):
            column, source = int(labels.get("n")), int(labels.get("instance"))
            times = part.times_ms[part.rows[place]]
            ticks = (times - FIRST_MS) // 1000
            assert (ticks == np.arange(len(ticks))).all()
            expected = [values_at(source, tick)[column] for tick in ticks.tolist()]
            assert (part.values[place] == expected).all()
            held.append(len(ticks))
    # A commit may fall between two sources of one tick.
    assert max(held) - min(held) <= 1
    assert store.stats().corrupt_items == 0
    return min(held)
