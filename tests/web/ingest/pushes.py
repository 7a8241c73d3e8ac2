"""Messages and reports, and requests that push them."""

import json
from typing import Any

from storage.api.accounts import Role
from storage.api.hosts import Host, NewHost
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.identity.secret_hashes import secret_hash

KEY = "the-agents-own-host-key"
NOW_S = NOW_MS / 1000


def a_message(**changes: Any) -> dict[str, Any]:
    return {
        "message_id": "m1",
        "timestamp": NOW_S,
        "device_id": "d1",
        "source": "local",
        "metrics": [{"metric_name": "cpu", "metric_value": 45.2}],
    } | changes


def a_report(**changes: Any) -> dict[str, Any]:
    report = {
        "collected_at": NOW_S,
        "cpu_pct": 15.5,
        "mem_used_mb": 4096,
        "mem_total_mb": 16384,
        "mem_pct": 25.0,
        "disk_used_gb": 125.5,
        "disk_total_gb": 500.0,
        "disk_pct": 25.1,
    } | changes
    return {name: value for name, value in report.items() if value is not None}


async def a_host(world: World) -> Host:
    keys = world.services.pushes.keys
    host, _ = await keys.add_host(NewHost("nas", ""), secret_hash(KEY), NOW_MS)
    await world.services.pushes.hosts.refresh()
    return host


async def post(
    world: World, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await world.client.post(path, data=data, headers=headers)
    return answer.status, await answer.json()


async def push(world: World, body: Any) -> tuple[int, Any]:
    token = (await world.bearer(Role.EDITOR))["Authorization"].removeprefix("Bearer ")
    return await post(world, "/api/metrics", body, {"X-API-Key": token})


async def report(world: World, body: Any, key: str = KEY) -> tuple[int, Any]:
    return await post(world, "/report", body, {"Authorization": f"Bearer {key}"})
