"""Links to dashboards in SQLite."""

import pytest

from storage.api.dashboards.shares import NewDashboardShare
from storage.api.dashboards.stored import DashboardContent
from storage.api.errors import NotFoundError
from storage.records.store import Records


def link(
    token: str, uid: str = "a", created_ms: int = 0, expires_ms: int = 100
) -> NewDashboardShare:
    return NewDashboardShare(token, uid, "{}", "ann", created_ms, expires_ms)


async def test_link_is_found_by_its_token_until_it_ends(records: Records) -> None:
    shares = records.dashboard_shares
    stored = await shares.add(link("t"))
    assert await shares.find("t", 99) == stored
    assert await shares.find("t", 100) is None
    assert await shares.find("other", 0) is None


async def test_links_of_one_dashboard_are_listed_and_revoked(records: Records) -> None:
    shares = records.dashboard_shares
    first, second = await shares.add(link("1")), await shares.add(link("2"))
    await shares.add(link("3", uid="b"))
    assert await shares.live("a", 0) == [second, first]
    with pytest.raises(NotFoundError):
        await shares.revoke("b", first.id)
    await shares.revoke("a", first.id)
    assert await shares.live("a", 0) == [second]
    assert await shares.find("1", 0) is None


async def test_ended_links_are_deleted_with_the_next_one(records: Records) -> None:
    shares = records.dashboard_shares
    await shares.add(link("old", expires_ms=10))
    await shares.add(link("new", created_ms=10, expires_ms=20))
    assert await shares.find("old", 0) is None
    assert await shares.find("new", 0) is not None


async def test_links_end_with_their_dashboard(records: Records) -> None:
    content = DashboardContent("T", (), 0, "{}")
    await records.dashboards.add("a", content, "ann", "", 0)
    await records.dashboard_shares.add(link("t"))
    await records.dashboards.remove("a")
    await records.dashboards.add("a", content, "ann", "", 0)
    assert await records.dashboard_shares.find("t", 0) is None
