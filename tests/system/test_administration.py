"""A running server deletes series and takes snapshots."""

from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import Server, redshank_exporter, redshank_server, until

ADMIN = "/api/v1/admin/tsdb"


async def change(server: Server, action: str, **parameters: str) -> Any:
    url = f"{server.url}{ADMIN}/{action}"
    async with server.session.post(url, params=parameters) as response:
        assert response.status in (200, 204), await response.text()
        return await response.json() if response.status == 200 else None


async def count(server: Server, metric: str) -> float:
    found = await server.query(f'count_over_time({metric}{{job="node"}}[1h])')
    return float(found[0]["value"][1]) if found else 0.0


@pytest.mark.slow
async def test_deletion_survives_a_killed_server_and_snapshots_start_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_exporter() as (_, address):
        job = {"name": "node", "hosts": True, "targets": [address]}
        settings: dict[str, Any] = {
            "web": {"enable_admin_api": True},
            "scrape": {"interval": "1s", "timeout": "1s", "jobs": [job]},
        }
        async with redshank_server(data, settings) as server:

            async def scraped() -> bool:
                return await count(server, "node_load5") >= 3

            await until(scraped, "some scrapes")
            await change(server, "delete_series", **{"match[]": 'node_load1{job="node"}'})
            await change(server, "clean_tombstones")
            scrapes = await count(server, "node_load5")

            async def scraped_again() -> bool:
                return await count(server, "node_load5") > scrapes + 2

            # By then, the samples before the deletion have been committed.
            await until(scraped_again, "more scrapes")
            name = (await change(server, "snapshot"))["data"]["name"]
            # The server is killed, as the end of the block does it.
    nothing: dict[str, Any] = {"server": {"scrape_self": False}}
    for directory in (data, data / "snapshots" / name):
        async with redshank_server(directory, nothing) as server:
            kept, left = await count(server, "node_load5"), await count(server, "node_load1")
            assert kept >= 3
            # Scrapes after the deletion count.
            assert left <= kept - 3
