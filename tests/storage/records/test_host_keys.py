import pytest

from storage.api.errors import NotFoundError, TakenError
from storage.api.hosts import Host, NewHost
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEY, OTHER = "a1" * 32, "b2" * 32


async def pushing(records: Records, name: str = "nas", key: str = KEY) -> Host:
    host, _ = await records.host_keys.add_host(NewHost(name, ""), key, NOW_MS)
    return host


async def test_key_is_found_with_its_host(records: Records) -> None:
    host = await pushing(records)
    found = await records.host_keys.find(KEY, NOW_MS)
    assert found is not None
    assert found[1] == host
    assert (found[0].created_ms, found[0].expires_ms, found[0].last_used_ms) == (NOW_MS, None, None)
    assert await records.host_keys.find(OTHER, NOW_MS) is None


async def test_many_hosts_push(records: Records) -> None:
    await pushing(records)
    await pushing(records, "pi", OTHER)
    assert [host.name for host in await records.hosts.all()] == ["nas", "pi"]
    assert all(host.pushes for host in await records.hosts.all())


async def test_key_in_use_registers_no_host(records: Records) -> None:
    await pushing(records)
    with pytest.raises(TakenError, match="key: a host key"):
        await pushing(records, "pi")
    assert [host.name for host in await records.hosts.all()] == ["nas"]


async def test_rotated_key_is_valid_until_its_time_is_over(records: Records) -> None:
    host = await pushing(records)
    await records.host_keys.rotate(host.id, OTHER, NOW_MS, NOW_MS + DAY_MS)
    for key in (KEY, OTHER):
        assert await records.host_keys.find(key, NOW_MS + DAY_MS - 1)
    assert await records.host_keys.find(KEY, NOW_MS + DAY_MS) is None
    assert await records.host_keys.find(OTHER, NOW_MS + DAY_MS)


async def test_second_rotation_extends_no_key(records: Records) -> None:
    host = await pushing(records)
    await records.host_keys.rotate(host.id, OTHER, NOW_MS, NOW_MS + HOUR_MS)
    await records.host_keys.rotate(host.id, "c3" * 32, NOW_MS, NOW_MS + DAY_MS)
    live = await records.host_keys.live(NOW_MS)
    assert [key.expires_ms for key in live] == [None, NOW_MS + DAY_MS, NOW_MS + HOUR_MS]


async def test_rotation_without_overlap_ends_the_old_key_at_once(records: Records) -> None:
    host = await pushing(records)
    await records.host_keys.rotate(host.id, OTHER, NOW_MS, NOW_MS)
    assert [key.secret_hash for key in await records.host_keys.live(NOW_MS)] == [OTHER]


async def test_revoked_keys_are_gone_at_once(records: Records) -> None:
    host = await pushing(records)
    assert await records.host_keys.revoke(host.id) == 1
    assert await records.host_keys.find(KEY, NOW_MS) is None


async def test_key_of_a_removed_host_is_deleted_and_may_be_reused(records: Records) -> None:
    host = await pushing(records)
    await records.hosts.remove(host.id)
    assert await records.host_keys.live(NOW_MS) == []
    await pushing(records)


async def test_last_use_is_stored(records: Records) -> None:
    await pushing(records)
    (key,) = await records.host_keys.live(NOW_MS)
    await records.host_keys.touch(key.id, NOW_MS + 5)
    (key,) = await records.host_keys.live(NOW_MS)
    assert key.last_used_ms == NOW_MS + 5


async def test_pulled_host_has_no_key(records: Records) -> None:
    host = await records.hosts.add(NewHost("web-1", "http://a:9100/metrics"), NOW_MS)
    with pytest.raises(NotFoundError):
        await records.host_keys.rotate(host.id, KEY, NOW_MS, NOW_MS)
