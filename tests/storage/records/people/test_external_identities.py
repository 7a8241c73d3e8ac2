import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.accounts import Role
from storage.api.errors import NotFoundError, TakenError
from storage.api.people.external_identities import ExternalIdentity
from storage.records.store import Records

ANN = ExternalIdentity("https://login.example", "17")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_identity_finds_its_user_by_issuer_and_subject(records: Records) -> None:
    ann = await records.accounts.add_user("ann", Role.EDITOR, "", 0)
    assert await records.external_identities.find(ANN) is None
    await records.external_identities.link(ann.id, ANN)
    await records.external_identities.link(ann.id, ANN)
    assert await records.external_identities.find(ANN) == ann
    assert await records.external_identities.find(ExternalIdentity("https://b", "17")) is None


async def test_identity_belongs_to_one_user(records: Records) -> None:
    ann = await records.accounts.add_user("ann", Role.EDITOR, "", 0)
    bob = await records.accounts.add_user("bob", Role.EDITOR, "", 0)
    await records.external_identities.link(ann.id, ANN)
    with pytest.raises(TakenError):
        await records.external_identities.link(bob.id, ANN)
    await records.accounts.remove_user("ann")
    await records.external_identities.link(bob.id, ANN)
    with pytest.raises(NotFoundError):
        await records.external_identities.link(99, ANN)
