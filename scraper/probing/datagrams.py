"""Datagrams of probes: one request is sent, and the replies to it are awaited."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any


async def answered(
    connection: socket.socket,
    address: Any,
    message: bytes,
    is_reply: Callable[[bytes], bool],
    most_bytes: int,
) -> bytes:
    """Send a message to an address, and return the first reply to it from there.

    Other datagrams are dropped. The reader is the loop's own: uvloop opens no endpoint for a
    socket of ICMP.

    Raises:
        OSError: the network or the host refuses the message.
    """
    loop = asyncio.get_running_loop()
    received: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if received.done():
            return
        try:
            content = connection.recv(most_bytes)
        except BlockingIOError:
            return
        except OSError as exc:
            received.set_exception(exc)
            return
        if is_reply(content):
            received.set_result(content)

    connection.setblocking(False)  # noqa: FBT003
    connection.connect(address)
    loop.add_reader(connection.fileno(), read)
    try:
        connection.send(message)
        return await received
    finally:
        loop.remove_reader(connection.fileno())
