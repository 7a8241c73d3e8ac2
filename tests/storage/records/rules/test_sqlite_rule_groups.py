import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.errors import NotFoundError, StaleVersionError, TakenError
from storage.api.rules.stored_groups import RuleGroupContent, StoredRuleGroup
from storage.records.store import Records

A, B = RuleGroupContent("a", '{"name": "a"}'), RuleGroupContent("b", '{"name": "b"}')


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_groups_are_kept_by_name_with_author_and_times(records: Records) -> None:
    added = await records.rule_groups.add([B, A], "eve", 5)
    assert added == [
        StoredRuleGroup("b", B.definition, 1, 1, "eve", 5, 5),
        StoredRuleGroup("a", A.definition, 2, 1, "eve", 5, 5),
    ]
    assert await records.rule_groups.all() == added[::-1]


async def test_taken_name_stores_none_of_the_groups(records: Records) -> None:
    await records.rule_groups.add([A], "eve", 5)
    with pytest.raises(TakenError, match="a rule group 'a' exists already"):
        await records.rule_groups.add([B, A], "eve", 6)
    assert [each.name for each in await records.rule_groups.all()] == ["a"]


async def test_overwriting_keeps_id_and_creation(records: Records) -> None:
    await records.rule_groups.add([A], "eve", 5)
    changed = RuleGroupContent("a", "{}")
    stored = await records.rule_groups.add([B, changed], "max", 6, overwrite=True)
    assert stored[1] == StoredRuleGroup("a", "{}", 1, 2, "max", 5, 6)
    assert [each.version for each in await records.rule_groups.all()] == [2, 1]


async def test_change_starts_from_the_newest_version(records: Records) -> None:
    await records.rule_groups.add([A, B], "eve", 5)
    changed = await records.rule_groups.change(1, 1, RuleGroupContent("c", "{}"), "max", 6)
    assert changed == StoredRuleGroup("c", "{}", 1, 2, "max", 5, 6)
    with pytest.raises(StaleVersionError, match="'c' is at version 2, the change starts from 1"):
        await records.rule_groups.change(1, 1, A, "eve", 7)
    with pytest.raises(TakenError):
        await records.rule_groups.change(1, 2, B, "eve", 7)
    with pytest.raises(NotFoundError):
        await records.rule_groups.change(9, 1, A, "eve", 7)


async def test_ids_of_deleted_groups_do_not_come_back(records: Records) -> None:
    await records.rule_groups.add([A, B], "eve", 5)
    with pytest.raises(StaleVersionError):
        await records.rule_groups.remove(2, 7)
    assert (await records.rule_groups.remove(2, 1)).name == "b"
    with pytest.raises(NotFoundError):
        await records.rule_groups.remove(2)
    (again,) = await records.rule_groups.add([B], "eve", 6)
    assert again.id == 3
