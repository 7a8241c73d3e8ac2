import asyncio

import pytest

from benchmarks.harness.attacks import kinds
from benchmarks.harness.attacks.attack_process import attack
from tests.patience import PATIENCE_S


async def test_attack_ends_though_its_client_turns_the_cancellation_into_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def deaf(_: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    monkeypatch.setitem(kinds.KINDS, "deaf", deaf)
    async with asyncio.timeout(PATIENCE_S):
        seen = await attack({"deaf": 2}, "127.0.0.1:9", (), 0.1)
    assert seen["deaf"] == {"ConnectionError": 2}
