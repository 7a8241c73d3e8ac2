import pytest

from storage.api.errors import NotFoundError, TakenError
from storage.api.projects import Project, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_700_000_000_000


async def project(records: Records, key: str = "k1") -> Project:
    return await records.projects.add(key, ProjectSettings("Shop"), None, NOW_MS)


async def test_a_segment_is_created_renamed_and_removed(records: Records) -> None:
    shop = await project(records)
    segment = await records.segments.add(shop.id, "buyers", "{}", NOW_MS)
    changed = await records.segments.change(shop.id, segment.id, "payers", "[]", NOW_MS + 5)
    assert (changed.name, changed.definition, changed.changed_ms) == ("payers", "[]", NOW_MS + 5)
    assert list(await records.segments.of_project(shop.id)) == [changed]
    await records.segments.remove(shop.id, segment.id)
    assert not await records.segments.of_project(shop.id)


async def test_a_name_occurs_once_in_a_project(records: Records) -> None:
    shop, blog = await project(records), await project(records, "k2")
    await records.segments.add(shop.id, "buyers", "{}", NOW_MS)
    await records.segments.add(blog.id, "buyers", "{}", NOW_MS)
    other = await records.segments.add(shop.id, "others", "{}", NOW_MS)
    with pytest.raises(TakenError):
        await records.segments.add(shop.id, "buyers", "{}", NOW_MS)
    with pytest.raises(TakenError):
        await records.segments.change(shop.id, other.id, "buyers", "{}", NOW_MS)
    # A segment keeps its own name.
    await records.segments.change(shop.id, other.id, "others", "[]", NOW_MS)


async def test_a_segment_of_another_project_is_out_of_reach(records: Records) -> None:
    shop, blog = await project(records), await project(records, "k2")
    segment = await records.segments.add(shop.id, "buyers", "{}", NOW_MS)
    with pytest.raises(NotFoundError):
        await records.segments.change(blog.id, segment.id, "mine", "{}", NOW_MS)
    with pytest.raises(NotFoundError):
        await records.segments.remove(blog.id, segment.id)
    await records.projects.remove(shop.id)
    with pytest.raises(NotFoundError):
        await records.segments.add(shop.id, "buyers", "{}", NOW_MS)
