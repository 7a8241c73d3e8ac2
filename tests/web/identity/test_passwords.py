"""Passwords are hashed by few threads; logins that would wait for long are refused."""

import asyncio
from unittest.mock import patch

from model.limits import LimitName, Refusals
from web.http.errors import UnavailableError
from web.identity import passwords
from web.identity.passwords import Passwords, hash_password


async def test_logins_beyond_those_that_wait_are_refused_and_counted() -> None:
    refusals = Refusals()
    hashing = Passwords(refusals)
    with patch.object(passwords, "_MOST_WAITING", 3):
        found = await asyncio.gather(
            *(hashing.hash("correct horse") for _ in range(5)), return_exceptions=True
        )
        assert [type(one) for one in found] == [str] * 3 + [UnavailableError] * 2
        assert refusals.totals()[LimitName.WAITING_LOGINS] == 2
        # The places are free again.
        assert await hashing.verify(hash_password("correct horse"), "correct horse")
    hashing.close()


async def test_unknown_user_has_no_password_that_fits() -> None:
    hashing = Passwords(Refusals())
    assert not await hashing.verify(None, "correct horse")
    hashing.close()
