"""The receivers that the configuration names."""

from collections.abc import Mapping

import aiohttp

from alerting.receivers.apprise import AppriseReceiver
from alerting.receivers.log import LogReceiver
from alerting.receivers.receiver import Receiver
from alerting.receivers.webhook import WebhookReceiver
from alerting.settings import (
    AppriseReceiverSettings,
    LogReceiverSettings,
    ReceiverSettings,
    WebhookReceiverSettings,
)


def configured_receivers(
    settings: tuple[ReceiverSettings, ...], session: aiohttp.ClientSession, timeout_s: float
) -> Mapping[str, Receiver]:
    """Return the configured receivers by name.

    Args:
        settings: one entry for each receiver.
        session: sends the requests of webhooks.
        timeout_s: how long one notification may take.
    """

    def build(receiver: ReceiverSettings) -> Receiver:
        match receiver:
            case LogReceiverSettings():
                return LogReceiver()
            case WebhookReceiverSettings(url=url):
                return WebhookReceiver(url, session, timeout_s)
            case AppriseReceiverSettings(url=url):
                return AppriseReceiver(url, timeout_s)

    return {receiver.name: build(receiver) for receiver in settings}
