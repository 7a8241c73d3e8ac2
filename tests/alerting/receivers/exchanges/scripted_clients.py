"""Clients of a service that answers by path, and the receivers that send to it."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alerting.receivers.clients import ReceiverAnswer, ReceiverClient
from alerting.receivers.file_receivers import integration_receivers
from alerting.receivers.receiver import Receiver
from alerting.receivers.request_values import ReceiverRequest
from alerting.routing.files.http_config import HttpSection, TlsSection
from alerting.routing.files.routing_file import read_routing_file
from tests.alerting.alerting_doubles import HOST_DOWN_BODY

ENDED_BODY = json.dumps(json.loads(HOST_DOWN_BODY) | {"status": "resolved"})


class ScriptedClients:
    """`ReceiverClients`: answers the path that ends with a key; a number is a status."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.requests = dict(answers), list[ReceiverRequest]()

    def client(self, http: HttpSection | None, folder: Path) -> ReceiverClient:
        async def send(request: ReceiverRequest) -> ReceiverAnswer:
            self.requests.append(request)
            path = urlsplit(request.url).path
            answer: Any = next((one for key, one in self.answers.items() if path.endswith(key)), {})
            if isinstance(answer, int):
                return ReceiverAnswer(answer)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            return ReceiverAnswer(200, body)

        return send

    def tls_context(self, tls: TlsSection, folder: Path) -> ssl.SSLContext:
        raise NotImplementedError

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and path of each request."""
        return [(each.method, urlsplit(each.url).path) for each in self.requests]


class SteppedTime:
    """The time that templates and tokens see."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


async def receiver_of(
    folder: Path, section: str, clients: ScriptedClients, clock: SteppedTime
) -> Receiver:
    """Return the receiver of one section of an alertmanager.yml."""
    file = folder / "alertmanager.yml"

    def read() -> Receiver:
        file.write_text(f"route: {{receiver: a}}\nreceivers: [{{name: a, {section}}}]")
        routing = read_routing_file(file)
        (receiver,) = integration_receivers(routing, clients, clock, 5.0).values()
        return receiver

    return await asyncio.to_thread(read)
