from collections.abc import AsyncIterator

import aiohttp
import pytest
import structlog
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.apprise import AppriseReceiver
from alerting.receivers.configured import configured_receivers
from alerting.receivers.log import LogReceiver
from alerting.receivers.receiver import masked
from alerting.receivers.webhook import WebhookReceiver
from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from alerting.settings import AlertingSettings
from model.labels import Labels
from storage.api.alerts import Alert, AlertState
from tests.alerting.alerting_doubles import NOW_MS, Webhook, running_webhook

ALERT = Alert(
    1,
    "host/down",
    Labels.of(alertname="HostDown", instance="web-1:9100"),
    Labels.of(summary="web-1 is down"),
    AlertState.FIRING,
    0.0,
    NOW_MS,
    NOW_MS,
    NOW_MS,
)
BODY = webhook_body(ALERT, NotificationStatus.FIRING, "ops", "up == 0", "http://h").to_json()


# Apprise imports modules that Python 3.11 deprecates.
loads_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


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
    await WebhookReceiver(SecretStr(webhook.url), session, 5).send(BODY)
    body = await webhook.next()
    assert body["version"] == "4"
    assert body["alerts"][0]["labels"]["alertname"] == "HostDown"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(408, True), (429, True), (500, True), (503, True), (400, False), (404, False), (302, False)],
)
async def test_only_what_may_pass_is_tried_again(
    webhook: Webhook, session: aiohttp.ClientSession, status: int, retryable: bool
) -> None:
    webhook.answers.append(status)
    with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
        await WebhookReceiver(SecretStr(webhook.url), session, 5).send(BODY)
    assert caught.value.retryable is retryable
    assert "s3cret-token" not in str(caught.value)


async def test_webhook_that_does_not_answer_is_left_after_the_timeout(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    webhook.gate.clear()
    with pytest.raises(DeliveryError, match=r"no answer in 0\.05 s") as caught:
        await WebhookReceiver(SecretStr(webhook.url), session, 0.05).send(BODY)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("url", "retryable", "reason"),
    [
        ("http://user:pa55@127.0.0.1:1/s3cret", True, "http://127.0.0.1:1/…: cannot connect"),
        ("http://[s3cret", False, "…: not a URL"),
        ("ftp://example.org/s3cret", False, "ftp://…: not a URL"),
    ],
)
async def test_unreachable_webhook_is_named_without_its_secrets(
    session: aiohttp.ClientSession, url: str, retryable: bool, reason: str
) -> None:
    with pytest.raises(DeliveryError, match=reason) as caught:
        await WebhookReceiver(SecretStr(url), session, 5).send(BODY)
    assert caught.value.retryable is retryable
    assert "s3cret" not in str(caught.value)
    assert "pa55" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.org/services/T0/B0/x", "https://hooks.example.org/…"),
        ("https://u:p@hooks.example.org:8443/x?token=y", "https://hooks.example.org:8443/…"),
        ("tgram://123:secret/456", "tgram://…"),
        ("http://host:port/x", "…"),
        ("", "://…"),
    ],
)
def test_masked_url_shows_where_and_no_more(url: str, shown: str) -> None:
    assert masked(SecretStr(url)) == shown


async def test_log_receiver_writes_one_line() -> None:
    with structlog.testing.capture_logs() as lines:
        await LogReceiver().send(BODY)
    [line] = lines
    assert line["event"] == "alert_notification"
    assert line["title"] == "[FIRING] web-1 is down"
    assert line["labels"]["instance"] == "web-1:9100"


@loads_apprise
async def test_apprise_takes_a_title_and_a_text(webhook: Webhook) -> None:
    url = webhook.url.replace("http://", "json://")
    await AppriseReceiver(SecretStr(url), 30).send(BODY)
    body = await webhook.next()
    assert body["title"] == "[FIRING] web-1 is down"
    assert "instance: web-1:9100" in body["message"]


@loads_apprise
async def test_service_that_refuses_through_apprise_is_tried_again(webhook: Webhook) -> None:
    webhook.answers.append(500)
    url = webhook.url.replace("http://", "json://")
    with pytest.raises(DeliveryError, match="did not take it") as caught:
        await AppriseReceiver(SecretStr(url), 30).send(BODY)
    assert caught.value.retryable
    assert "s3cret" not in str(caught.value)


@loads_apprise
async def test_url_that_apprise_does_not_know_is_given_up() -> None:
    with pytest.raises(DeliveryError, match="pigeon://…: not a URL of Apprise") as caught:
        await AppriseReceiver(SecretStr("pigeon://s3cret"), 30).send(BODY)
    assert not caught.value.retryable


async def test_each_configured_receiver_is_built_by_name(session: aiohttp.ClientSession) -> None:
    settings = AlertingSettings.model_validate(
        {
            "receivers": [
                {"name": "log", "type": "log"},
                {"name": "ops", "type": "webhook", "url": "http://a/b"},
                {"name": "phone", "type": "apprise", "url": "tgram://a/b"},
            ]
        }
    )
    receivers = configured_receivers(settings.receivers, session, 5)
    kinds = {name: type(receiver) for name, receiver in receivers.items()}
    assert kinds == {"log": LogReceiver, "ops": WebhookReceiver, "phone": AppriseReceiver}
