import asyncio
from pathlib import Path

from storage.api.accounts import Role
from storage.api.fleet.host_views import HostView
from storage.records.store import Records


async def test_views_go_with_their_user(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    try:
        user = await records.accounts.add_user("ann", Role.VIEWER, "hash", 1)
        await records.host_views.put(HostView(user.id, "b", "q=1"))
        await records.host_views.put(HostView(user.id, "A", "q=2"))
        await records.host_views.put(HostView(user.id, "b", "q=3"))
        views = await records.host_views.of_user(user.id)
        assert [(view.name, view.query) for view in views] == [("A", "q=2"), ("b", "q=3")]
        await records.accounts.remove_user("ann")
        assert list(await records.host_views.of_user(user.id)) == []
    finally:
        await asyncio.to_thread(records.close)
