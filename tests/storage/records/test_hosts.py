import asyncio
from pathlib import Path

import pytest

from model.labels import Labels
from storage.api.errors import NotFoundError, TakenError
from storage.api.hosts import NewHost
from storage.records.store import Records

NOW_MS = 1_700_000_000_000


async def test_added_host_is_listed_after_reopening(records: Records, tmp_path: Path) -> None:
    new = NewHost("web-1", "http://10.0.0.5:9100/metrics", Labels.of(site="a"), interval_s=5.0)
    added = await records.hosts.add(new, NOW_MS)
    await asyncio.to_thread(records.close)
    again = Records(tmp_path / "records.db")
    await asyncio.to_thread(again.open)
    try:
        assert list(await again.hosts.all()) == [added]
    finally:
        await asyncio.to_thread(again.close)


async def test_second_host_with_a_name_or_url_is_rejected_with_the_field(records: Records) -> None:
    await records.hosts.add(NewHost("web-1", "http://a:9100/metrics"), NOW_MS)
    with pytest.raises(TakenError, match="name: a host 'web-1' exists already"):
        await records.hosts.add(NewHost("web-1", "http://b:9100/metrics"), NOW_MS)
    with pytest.raises(TakenError, match="url"):
        await records.hosts.add(NewHost("web-2", "http://a:9100/metrics"), NOW_MS)


async def test_host_at_the_address_of_another_gets_its_name_as_instance(records: Records) -> None:
    first = await records.hosts.add(NewHost("a", "http://proxy/a"), NOW_MS)
    second = await records.hosts.add(NewHost("b", "http://proxy:80/b"), NOW_MS)
    assert (first.instance, second.instance) == ("proxy:80", "b")
    assert second.labels == Labels.of(instance="b")
    with pytest.raises(TakenError, match=r"instance=b.* the host 'b' has it; leave it out"):
        await records.hosts.add(NewHost("c", "http://c/", Labels.of(instance="b")), NOW_MS)
    with pytest.raises(TakenError, match=r"url.*its name is 'a'"):
        await records.hosts.add(NewHost("c", "http://proxy/a"), NOW_MS)


async def test_removed_host_is_gone_and_cannot_be_removed_twice(records: Records) -> None:
    host = await records.hosts.add(NewHost("web-1", "http://a:9100/metrics"), NOW_MS)
    assert await records.hosts.remove(host.id) == host
    assert list(await records.hosts.all()) == []
    with pytest.raises(NotFoundError):
        await records.hosts.remove(host.id)
