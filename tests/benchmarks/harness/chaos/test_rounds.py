"""What a round draws."""

import random
from typing import Any, cast

from benchmarks.harness.chaos.faults import FAULTS, DiskFull, KillProcess, StopProcess
from benchmarks.harness.chaos.rounds import TargetDeck, draw


class ArenaOfChance:
    """An arena with nothing but random choices."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)


def drawn(seed: int, *kinds: Any) -> list[Any]:
    return draw(cast("Any", ArenaOfChance(seed)), kinds or FAULTS)


def test_a_seed_draws_the_same_faults_again() -> None:
    assert drawn(3) == drawn(3)
    assert len({tuple(drawn(seed)) for seed in range(50)}) > len(FAULTS)


def test_every_fault_is_drawn_at_some_time() -> None:
    assert {kind for seed in range(300) for kind in drawn(seed)} == set(FAULTS)


def test_no_round_both_kills_and_stops_the_process() -> None:
    for seed in range(50):
        assert set(drawn(seed, KillProcess, StopProcess, DiskFull)) != {KillProcess, StopProcess}


def test_one_possible_fault_is_drawn_in_every_round() -> None:
    assert all(drawn(seed, DiskFull) == [DiskFull] for seed in range(20))


def test_deck_deals_every_target_before_it_deals_one_again() -> None:
    deck = TargetDeck(range(10), random.Random(1))
    assert sorted(deck.deal(4) + deck.deal(6)) == list(range(10))
    assert sorted(deck.deal(10)) == list(range(10))


def test_deck_deals_half_of_the_targets_before_it_deals_one_again() -> None:
    deck = TargetDeck(range(20), random.Random(2))
    dealt = deck.deal(200)
    assert all(len(set(dealt[at : at + 10])) == 10 for at in range(190))


def test_names_of_faults_are_unique() -> None:
    assert len({kind.key for kind in FAULTS}) == len(FAULTS)
