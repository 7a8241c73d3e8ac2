from collections.abc import AsyncIterator

import aiohttp
import pytest
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.webhook import WebhookReceiver
from tests.alerting.alerting_doubles import HOST_DOWN_BODY, Webhook, running_webhook


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with running_webhook() as webhook:
        yield webhook


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_webhook_receives_the_body_as_it_was_stored(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    await WebhookReceiver(SecretStr(webhook.url), session, 5).send(HOST_DOWN_BODY)
    body = await webhook.next()
    assert body["version"] == "4"
    assert body["alerts"][0]["labels"]["alertname"] == "HostDown"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(408, True), (429, True), (500, True), (503, True), (400, False), (404, False), (302, False)],
)
async def test_only_temporary_errors_are_retryable(
    webhook: Webhook, session: aiohttp.ClientSession, status: int, retryable: bool
) -> None:
    webhook.answers.append(status)
    with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
        await WebhookReceiver(SecretStr(webhook.url), session, 5).send(HOST_DOWN_BODY)
    assert caught.value.retryable is retryable
    assert "s3cret-token" not in str(caught.value)


async def test_webhook_without_an_answer_times_out(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    webhook.gate.clear()
    with pytest.raises(DeliveryError, match=r"no answer in 0\.05 s") as caught:
        await WebhookReceiver(SecretStr(webhook.url), session, 0.05).send(HOST_DOWN_BODY)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("url", "retryable", "reason"),
    [
        ("http://user:pa55@127.0.0.1:1/s3cret", True, "http://127.0.0.1:1/…: cannot connect"),
        ("http://[s3cret", False, "…: not a URL"),
        ("ftp://example.org/s3cret", False, "ftp://…: not a URL"),
    ],
)
async def test_error_of_an_unreachable_webhook_shows_no_secrets(
    session: aiohttp.ClientSession, url: str, retryable: bool, reason: str
) -> None:
    with pytest.raises(DeliveryError, match=reason) as caught:
        await WebhookReceiver(SecretStr(url), session, 5).send(HOST_DOWN_BODY)
    assert caught.value.retryable is retryable
    assert "s3cret" not in str(caught.value)
    assert "pa55" not in str(caught.value)
    assert caught.value.__cause__ is None
