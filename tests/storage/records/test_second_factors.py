import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.accounts import Role
from storage.api.errors import NotFoundError, TakenError
from storage.records.second_factors import SqliteSecondFactors
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
ADA = 1


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    await records.accounts.add_user("ada", Role.ADMIN, "hash", NOW_MS)
    yield records
    await asyncio.to_thread(records.close)


@pytest.fixture
def factors(records: Records) -> SqliteSecondFactors:
    return records.second_factors


async def test_secret_is_used_after_confirmation(factors: SqliteSecondFactors) -> None:
    await factors.begin(ADA, "sealed")
    begun = await factors.find(ADA)
    assert begun is not None
    assert (begun.sealed_secret, begun.confirmed_ms) == ("sealed", None)
    assert await factors.users() == frozenset()
    assert await factors.confirm(ADA, 7, ["a", "b"], NOW_MS)
    confirmed = await factors.find(ADA)
    assert confirmed is not None
    assert (confirmed.confirmed_ms, confirmed.recovery_codes) == (NOW_MS, 2)
    assert await factors.users() == {ADA}
    assert not await factors.confirm(ADA, 8, ["c"], NOW_MS)


async def test_unconfirmed_secret_is_replaced_and_a_confirmed_one_is_not(
    factors: SqliteSecondFactors,
) -> None:
    await factors.begin(ADA, "first")
    await factors.begin(ADA, "second")
    await factors.confirm(ADA, 7, ["a"], NOW_MS)
    with pytest.raises(TakenError):
        await factors.begin(ADA, "third")
    found = await factors.find(ADA)
    assert found is not None
    assert found.sealed_secret == "second"


async def test_unknown_user_has_none(factors: SqliteSecondFactors) -> None:
    assert await factors.find(99) is None
    assert not await factors.confirm(99, 1, [], NOW_MS)
    assert not await factors.remove(99)
    with pytest.raises(NotFoundError):
        await factors.begin(99, "sealed")


async def test_step_is_used_once_even_concurrently(factors: SqliteSecondFactors) -> None:
    await factors.begin(ADA, "sealed")
    await factors.confirm(ADA, 7, [], NOW_MS)
    assert not await factors.use_step(ADA, 7)
    used = await asyncio.gather(*(factors.use_step(ADA, 8) for _ in range(5)))
    assert used.count(True) == 1
    assert not await factors.use_step(ADA, 6)


async def test_recovery_code_is_used_once(factors: SqliteSecondFactors) -> None:
    await factors.begin(ADA, "sealed")
    await factors.confirm(ADA, 7, ["a", "b"], NOW_MS)
    used = await asyncio.gather(*(factors.use_recovery_code(ADA, "a") for _ in range(3)))
    assert used.count(True) == 1
    assert not await factors.use_recovery_code(ADA, "unknown")
    found = await factors.find(ADA)
    assert found is not None
    assert found.recovery_codes == 1


async def test_renewed_recovery_codes_take_the_place_of_the_old(
    factors: SqliteSecondFactors,
) -> None:
    await factors.begin(ADA, "sealed")
    assert not await factors.renew_recovery_codes(ADA, 7, ["early"])
    await factors.confirm(ADA, 7, ["a", "b"], NOW_MS)
    assert not await factors.renew_recovery_codes(ADA, 7, ["replayed"])
    assert await factors.renew_recovery_codes(ADA, 8, ["c", "d", "e"])
    found = await factors.find(ADA)
    assert found is not None
    assert found.recovery_codes == 3
    assert not await factors.use_recovery_code(ADA, "a")
    assert await factors.use_recovery_code(ADA, "c")
    assert not await factors.use_step(ADA, 8)
    assert not await factors.renew_recovery_codes(99, 9, ["nobody"])


async def test_second_factor_is_deleted_by_its_removal_and_with_the_user(records: Records) -> None:
    factors = records.second_factors
    await records.accounts.add_user("grace", Role.ADMIN, "hash", NOW_MS)
    await factors.begin(ADA, "sealed")
    await factors.confirm(ADA, 7, ["a"], NOW_MS)
    assert await factors.remove(ADA)
    assert not await factors.use_recovery_code(ADA, "a")
    await factors.begin(ADA, "again")
    await factors.confirm(ADA, 9, ["b"], NOW_MS)
    await records.accounts.remove_user("ada")
    assert await factors.find(ADA) is None
