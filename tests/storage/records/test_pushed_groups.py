import asyncio
from pathlib import Path

from storage.api.pushed_groups import PushedGroup
from storage.records.store import Records


def opened(path: Path) -> Records:
    records = Records(path / "records.db")
    records.open()
    return records


async def test_groups_are_replaced_kept_and_removed(tmp_path: Path) -> None:
    records = await asyncio.to_thread(opened, tmp_path)
    groups = records.pushed_groups
    first = PushedGroup((("instance", ""), ("job", "ä/b")), "{}", 1, 0)
    second = PushedGroup((("job", "b"),), '{"m": 1}', 2, 3)
    for group in (second, first, PushedGroup(second.key, "{}", 4, 3)):
        await groups.put(group)
    expected = [first, PushedGroup(second.key, "{}", 4, 3)]
    assert list(await groups.all()) == expected
    await asyncio.to_thread(records.close)
    records = await asyncio.to_thread(opened, tmp_path)
    assert list(await records.pushed_groups.all()) == expected
    await records.pushed_groups.remove(second.key)
    await records.pushed_groups.remove(second.key)
    assert list(await records.pushed_groups.all()) == [first]
    await asyncio.to_thread(records.close)
