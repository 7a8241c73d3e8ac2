from collections.abc import AsyncIterator

import aiohttp
import pytest

from alerting.receivers.apprise import AppriseReceiver
from alerting.receivers.configured import configured_receivers
from alerting.receivers.log import LogReceiver
from alerting.receivers.webhook import WebhookReceiver
from alerting.settings import AlertingSettings


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


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
