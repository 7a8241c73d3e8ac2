"""The texts of a notification, expanded for the receivers of an `alertmanager.yml`."""

import datetime as dt
from typing import Any

from alerting.errors import DeliveryError, TemplateError
from alerting.receivers.webhook_body import NotificationStatus, WebhookBody
from alerting.receivers.yaml_values import yaml_value
from alerting.templates.library import TemplateLibrary
from alerting.templates.notification_data import NotifiedAlert, notification_data
from model.clock import Clock
from model.labels import Labels


def _time_ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


class NotificationTexts:
    """Expands the templates of one notification."""

    def __init__(self, library: TemplateLibrary, body: WebhookBody, now_ms: int) -> None:
        self._library, self._now_ms = library, now_ms
        self._data = notification_data(
            body.receiver,
            Labels.of(body.group_labels),
            [
                NotifiedAlert(
                    Labels.of(alert.labels),
                    Labels.with_empty(alert.annotations),
                    _time_ms(alert.starts_at),
                    None if alert.status is NotificationStatus.FIRING else _time_ms(alert.ends_at),
                    alert.generator_url,
                )
                for alert in body.alerts
            ],
            body.external_url,
            body.notification_reason,
        )

    @property
    def now_ms(self) -> int:
        """The time at which the notification is sent."""
        return self._now_ms

    async def text(self, source: str, *, html: bool = False) -> str:
        """Return a template's text.

        Raises:
            DeliveryError: the template fails; a retry would not help.
        """
        if "{{" not in source:
            return source
        try:
            expanded = self._library.text(source, html=html)
            return await expanded.expand_bounded(self._data, self._now_ms)
        except TemplateError as exc:
            raise DeliveryError(f"the template fails: {exc}", retryable=False) from exc

    async def texts(self, value: Any) -> Any:
        """Return a tree of mappings, lists and templates with every template expanded.

        Raises:
            DeliveryError: a template fails.
        """
        if isinstance(value, str):
            return await self.text(value)
        if isinstance(value, dict):
            return {key: await self.texts(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [await self.texts(each) for each in value]
        return value

    async def structure(self, value: Any) -> Any:
        """Return a tree like `texts`; a text that is YAML for another value becomes that value.

        So `{{ len .Alerts }}` is a number, and `{{ toJson .CommonLabels }}` a mapping.

        Raises:
            DeliveryError: a template fails.
        """
        if isinstance(value, dict):
            return {
                await self.text(key): await self.structure(each)
                for key, each in value.items()
                if isinstance(key, str)
            }
        if isinstance(value, (list, tuple)):
            return [await self.structure(each) for each in value]
        if not isinstance(value, str):
            return value
        text = await self.text(value)
        parsed = yaml_value(text)
        return text if isinstance(parsed, str) else await self.structure(parsed)


class TextSource:
    """The templates and the clock with which receivers expand texts."""

    def __init__(self, library: TemplateLibrary, clock: Clock) -> None:
        self._library, self._clock = library, clock

    def of(self, body: WebhookBody) -> NotificationTexts:
        """Return the texts of a notification."""
        return NotificationTexts(self._library, body, self._clock())
