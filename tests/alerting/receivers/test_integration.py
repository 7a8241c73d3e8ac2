"""Receivers of an alertmanager.yml: which answers are errors, and which are tried again."""

import asyncio
import ssl
from pathlib import Path

import pytest

from alerting.errors import DeliveryError
from alerting.receivers.clients import ReceiverAnswer, ReceiverClient
from alerting.receivers.file_receivers import integration_receivers
from alerting.receivers.receiver import Receiver
from alerting.receivers.request_values import ReceiverRequest, shortened, shortened_bytes
from alerting.routing.files.http_config import HttpSection, TlsSection
from alerting.routing.files.routing_file import read_routing_file
from tests.alerting.alerting_doubles import HOST_DOWN_BODY

NO_CHANNEL = ReceiverAnswer(200, b'{"ok": false, "error": "no_channel"}')
RECEIVERS = {
    "webhook": "url: http://hook/secret",
    "slack": "api_url: http://slack/secret, channel: c",
    "rocketchat": "api_url: http://chat/secret, token: a, token_id: b, channel: c",
}


class AnsweringClients:
    """Clients of a service that gives one answer; keeps the requests."""

    def __init__(self, answer: ReceiverAnswer) -> None:
        self.answer, self.requests = answer, list[ReceiverRequest]()

    def client(self, http: HttpSection | None, folder: Path) -> ReceiverClient:
        async def send(request: ReceiverRequest) -> ReceiverAnswer:
            self.requests.append(request)
            return self.answer

        return send

    def tls_context(self, tls: TlsSection, folder: Path) -> ssl.SSLContext:
        raise NotImplementedError


def receiver_of(tmp_path: Path, kind: str, clients: AnsweringClients) -> Receiver:
    """Return a receiver of a kind."""
    file = tmp_path / "alertmanager.yml"
    section = f"{kind}_configs: [{{{RECEIVERS[kind]}}}]"
    file.write_text(f"route: {{receiver: a}}\nreceivers: [{{name: a, {section}}}]")
    routing = read_routing_file(file)
    (receiver,) = integration_receivers(routing, clients, lambda: 0, 5.0).values()
    return receiver


async def sent(tmp_path: Path, kind: str, answer: ReceiverAnswer) -> list[ReceiverRequest]:
    """Send a notification to a receiver of a kind, whose service gives an answer."""
    clients = AnsweringClients(answer)
    receiver = await asyncio.to_thread(receiver_of, tmp_path, kind, clients)
    await receiver.send(HOST_DOWN_BODY)
    return clients.requests


@pytest.mark.parametrize("kind", RECEIVERS)
@pytest.mark.parametrize("body", [b"ok", b"{}", b'{"ok": true, "success": true}', b"[]"])
async def test_success_is_delivered(tmp_path: Path, kind: str, body: bytes) -> None:
    assert len(await sent(tmp_path, kind, ReceiverAnswer(200, body))) == 1


@pytest.mark.parametrize(
    ("kind", "answer", "reason", "retryable"),
    [
        ("webhook", ReceiverAnswer(500), "http://hook/…: answered 500", True),
        ("webhook", ReceiverAnswer(429), "http://hook/…: answered 429", True),
        ("webhook", ReceiverAnswer(404), "http://hook/…: answered 404", False),
        ("webhook", ReceiverAnswer(200, lost_body=True), "without a body", False),
        (
            "slack",
            ReceiverAnswer(200, b'{"ok": false, "error": "no_channel"}'),
            "no_channel",
            False,
        ),
        ("rocketchat", ReceiverAnswer(200, b'{"success": false}'), "did not accept", False),
    ],
)
async def test_error_of_a_service_is_no_delivery(
    tmp_path: Path, kind: str, answer: ReceiverAnswer, reason: str, retryable: bool
) -> None:
    with pytest.raises(DeliveryError, match=reason) as refused:
        await sent(tmp_path, kind, answer)
    assert refused.value.retryable is retryable
    assert "secret" not in str(refused.value)


def test_text_over_its_limit_ends_with_an_ellipsis() -> None:
    assert shortened("abcd", 4) == "abcd"
    assert shortened("abcde", 4) == "abc…"
    assert shortened_bytes("ééé", 6) == "ééé"
    assert shortened_bytes("éééé", 6) == "é…"
