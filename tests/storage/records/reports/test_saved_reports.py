import pytest

from storage.api.errors import NotFoundError
from storage.api.projects import Project, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_700_000_000_000


async def project(records: Records, key: str = "k1") -> Project:
    return await records.projects.add(key, ProjectSettings("Shop"), None, NOW_MS)


async def test_a_report_is_saved_changed_and_removed(records: Records) -> None:
    shop, reports = await project(records), records.saved_reports
    saved = await reports.add(shop.id, "Buyers", "funnel", '{"steps":["a"]}', "ann", NOW_MS)
    assert await reports.find(shop.id, saved.id) == saved
    changed = await reports.change(shop.id, saved.id, "All buyers", "{}", "bob", NOW_MS + 5)
    assert (changed.kind, changed.author, changed.created_ms) == ("funnel", "bob", NOW_MS)
    assert list(await reports.of_project(shop.id)) == [changed]
    await reports.remove(shop.id, saved.id)
    assert await reports.find(shop.id, saved.id) is None
    later = await reports.add(shop.id, "Buyers", "funnel", "{}", "", NOW_MS)
    assert later.id > saved.id


async def test_a_report_of_another_project_is_out_of_reach(records: Records) -> None:
    shop, blog = await project(records), await project(records, "k2")
    reports = records.saved_reports
    saved = await reports.add(shop.id, "Buyers", "funnel", "{}", "", NOW_MS)
    assert await reports.find(blog.id, saved.id) is None
    assert not await reports.of_project(blog.id)
    with pytest.raises(NotFoundError):
        await reports.change(blog.id, saved.id, "Mine", "{}", "", NOW_MS)
    with pytest.raises(NotFoundError):
        await reports.remove(blog.id, saved.id)
    assert await reports.find(shop.id, saved.id) == saved


async def test_a_removed_project_has_no_reports(records: Records) -> None:
    shop = await project(records)
    saved = await records.saved_reports.add(shop.id, "Buyers", "funnel", "{}", "", NOW_MS)
    await records.projects.remove(shop.id)
    assert await records.saved_reports.find(shop.id, saved.id) is None
    with pytest.raises(NotFoundError):
        await records.saved_reports.add(shop.id, "Buyers", "funnel", "{}", "", NOW_MS)
