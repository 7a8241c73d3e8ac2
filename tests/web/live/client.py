"""A client of `/ws/metrics` for tests."""

import asyncio
import json
from typing import Any, Final

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.patience import PATIENCE_S

PATH: Final = "/ws/metrics"


async def received(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """Return the next message of a kind; of any kind for ""."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = await socket.receive()
            assert frame.type is WSMsgType.TEXT, frame
            found: dict[str, Any] = json.loads(frame.data)
            if kind in ("", found["type"]):
                return found


async def end_of(socket: ClientWebSocketResponse) -> tuple[int | None, str]:
    """Return code and reason of the close frame."""
    async with asyncio.timeout(PATIENCE_S):
        while (frame := await socket.receive()).type is WSMsgType.TEXT:
            pass
    assert frame.type is WSMsgType.CLOSE, frame
    return frame.data, frame.extra or ""
