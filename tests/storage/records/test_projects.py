import pytest

from storage.api.accounts import Role
from storage.api.errors import LastOwnerError, NotFoundError, TakenError
from storage.api.projects import CollectionSettings, Member, ProjectRole, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
SHOP = ProjectSettings(
    "Shop",
    "Europe/Berlin",
    7,
    90,
    session_idle_s=600,
    collection=CollectionSettings(("https://shop.example",), ("192.0.2.0/24",), ("UptimeRobot",)),
)


async def user(records: Records, name: str) -> int:
    return (await records.accounts.add_user(name, Role.VIEWER, "hash", NOW_MS)).id


async def test_a_project_is_found_by_its_key(records: Records) -> None:
    project = await records.projects.add("k1", SHOP, None, NOW_MS)
    assert await records.projects.find("k1") == project
    assert project.settings == SHOP
    assert await records.projects.find("k2") is None
    assert list(await records.projects.all()) == [project]


async def test_a_key_belongs_to_one_project(records: Records) -> None:
    await records.projects.add("k1", SHOP, None, NOW_MS)
    with pytest.raises(TakenError, match="key"):
        await records.projects.add("k1", SHOP, None, NOW_MS)


async def test_the_creator_is_the_owner(records: Records) -> None:
    ann = await user(records, "ann")
    project = await records.projects.add("k1", SHOP, ann, NOW_MS)
    assert await records.projects.role(project.id, ann) is ProjectRole.OWNER
    assert list(await records.projects.of_user(ann)) == [(project, ProjectRole.OWNER)]
    with pytest.raises(NotFoundError):
        await records.projects.add("k2", SHOP, 999, NOW_MS)
    assert await records.projects.find("k2") is None


async def test_the_last_owner_stays(records: Records) -> None:
    ann = await user(records, "ann")
    await user(records, "bob")
    project = await records.projects.add("k1", SHOP, ann, NOW_MS)
    with pytest.raises(LastOwnerError):
        await records.projects.remove_member(project.id, "ann")
    with pytest.raises(LastOwnerError):
        await records.projects.set_member(project.id, "ann", ProjectRole.VIEWER)
    await records.projects.set_member(project.id, "bob", ProjectRole.OWNER)
    await records.projects.remove_member(project.id, "ann")
    assert list(await records.projects.members(project.id)) == [Member("bob", ProjectRole.OWNER)]
    with pytest.raises(NotFoundError):
        await records.projects.set_member(project.id, "eve", ProjectRole.VIEWER)


async def test_settings_are_replaced(records: Records) -> None:
    project = await records.projects.add("k1", SHOP, None, NOW_MS)
    changed = await records.projects.change(project.id, ProjectSettings("Blog", is_active=False))
    assert await records.projects.find("k1") == changed
    with pytest.raises(NotFoundError):
        await records.projects.change(999, SHOP)


async def test_a_removed_project_leaves_no_member(records: Records) -> None:
    ann = await user(records, "ann")
    project = await records.projects.add("k1", SHOP, ann, NOW_MS)
    await records.projects.remove(project.id)
    assert await records.projects.find("k1") is None
    assert not await records.projects.of_user(ann)
