import pytest

from storage.api.errors import NotFoundError
from storage.api.projects import Project, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
HASH, OTHER = "a1" * 32, "b2" * 32


async def project(records: Records, key: str = "k1") -> Project:
    return await records.projects.add(key, ProjectSettings("Shop"), None, NOW_MS)


async def test_a_key_is_found_with_its_project(records: Records) -> None:
    shop = await project(records)
    key = await records.project_keys.add(shop.id, HASH, "rsk_12", "server", NOW_MS)
    assert await records.project_keys.find(HASH, NOW_MS) == (key, shop)
    assert await records.project_keys.find(OTHER, NOW_MS) is None
    await records.project_keys.touch(key.id, NOW_MS + 5)
    (listed,) = await records.project_keys.live(shop.id, NOW_MS)
    assert listed.last_used_ms == NOW_MS + 5


async def test_a_rotated_key_ends_at_its_time_and_is_never_extended(records: Records) -> None:
    shop = await project(records)
    key = await records.project_keys.add(shop.id, HASH, "rsk_12", "server", NOW_MS)
    await records.project_keys.expire(shop.id, key.id, NOW_MS + 10)
    await records.project_keys.expire(shop.id, key.id, NOW_MS + 99)
    assert await records.project_keys.find(HASH, NOW_MS + 9)
    assert await records.project_keys.find(HASH, NOW_MS + 10) is None


async def test_a_key_of_another_project_cannot_be_revoked(records: Records) -> None:
    shop, blog = await project(records), await project(records, "k2")
    key = await records.project_keys.add(shop.id, HASH, "rsk_12", "server", NOW_MS)
    for change in (
        records.project_keys.revoke(blog.id, key.id),
        records.project_keys.expire(blog.id, key.id, NOW_MS),
    ):
        with pytest.raises(NotFoundError):
            await change
    await records.project_keys.revoke(shop.id, key.id)
    assert await records.project_keys.find(HASH, NOW_MS) is None


async def test_a_removed_project_has_no_keys(records: Records) -> None:
    shop = await project(records)
    await records.project_keys.add(shop.id, HASH, "rsk_12", "server", NOW_MS)
    await records.projects.remove(shop.id)
    assert await records.project_keys.find(HASH, NOW_MS) is None
    with pytest.raises(NotFoundError):
        await records.project_keys.add(shop.id, OTHER, "rsk_34", "server", NOW_MS)
