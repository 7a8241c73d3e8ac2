"""Requests to the Prometheus API, as the tests make them."""

from typing import Any

from tests.web.world import World


async def ask(world: World, path: str, status: Any = 200, **parameters: Any) -> Any:
    answer = await world.client.get(
        f"/api/v1/{path}", params=parameters, headers=await world.bearer()
    )
    document = await answer.json()
    assert answer.status == status, document
    return document
