"""Every seed and every input that once failed is parsed without an unexpected error."""

import random
from pathlib import Path

import pytest

from tests.fuzz.targets.registry import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 64 * 1024
SEEDS = sorted(CORPUS.glob("*/*"))


def test_each_target_has_a_small_corpus() -> None:
    assert {path.parent.name for path in SEEDS} == TARGETS.keys()
    assert sum(path.stat().st_size for path in SEEDS) < MOST_BYTES


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_seed_and_damaged_forms_of_it_are_parsed_or_refused(seed: Path) -> None:
    target, data = TARGETS[seed.parent.name], seed.read_bytes()
    target.run(data)
    made_up = random.Random(0)
    for _ in range(30):
        damaged = bytearray(data)
        for _ in range(made_up.randint(1, 4)):
            at = made_up.randrange(len(damaged) + 1)
            damaged[at : at + made_up.randint(0, 3)] = made_up.randbytes(made_up.randint(0, 2))
        target.run(bytes(damaged[: made_up.randint(0, len(damaged))]))
        target.run(bytes(damaged))
