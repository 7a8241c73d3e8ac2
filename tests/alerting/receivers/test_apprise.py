import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.apprise import AppriseReceiver
from tests.alerting.alerting_doubles import HOST_DOWN_BODY, Webhook, running_webhook
from tests.patience import PATIENCE_S

# Apprise imports modules that Python 3.11 deprecates.
loads_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with running_webhook() as webhook:
        yield webhook


@loads_apprise
async def test_apprise_sends_a_title_and_a_text(webhook: Webhook) -> None:
    url = webhook.url.replace("http://", "json://")
    await AppriseReceiver(SecretStr(url), 30).send(HOST_DOWN_BODY)
    body = await webhook.next()
    assert body["title"] == "[FIRING] web-1 is down"
    assert "instance: web-1:9100" in body["message"]


@loads_apprise
async def test_rejection_by_an_apprise_service_is_retryable(webhook: Webhook) -> None:
    webhook.answers.append(500)
    url = webhook.url.replace("http://", "json://")
    with pytest.raises(DeliveryError, match="did not accept it") as caught:
        await AppriseReceiver(SecretStr(url), 30).send(HOST_DOWN_BODY)
    assert caught.value.retryable
    assert "s3cret" not in str(caught.value)


@loads_apprise
async def test_url_unknown_to_apprise_is_not_retryable() -> None:
    with pytest.raises(DeliveryError, match="pigeon://…: not a URL of Apprise") as caught:
        await AppriseReceiver(SecretStr("pigeon://s3cret"), 30).send(HOST_DOWN_BODY)
    assert not caught.value.retryable


@pytest.mark.fault("a receiver hangs")
async def test_service_that_hangs_keeps_one_thread_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, begun = threading.Event(), threading.Semaphore(0)

    def hang(self: AppriseReceiver, title: str, text: str) -> None:
        begun.release()
        gate.wait(60)

    monkeypatch.setattr(AppriseReceiver, "_notify", hang)
    stuck = AppriseReceiver(SecretStr("json://127.0.0.1"), 0.05)
    with pytest.raises(DeliveryError, match="no answer"):
        await stuck.send(HOST_DOWN_BODY)
    assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE_S)
    for _ in range(20):
        with pytest.raises(DeliveryError, match="has not ended yet"):
            await stuck.send(HOST_DOWN_BODY)
    assert not begun.acquire(blocking=False)
    gate.set()
