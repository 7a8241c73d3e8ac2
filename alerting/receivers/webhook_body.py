"""The body of a notification: Alertmanager's webhook body, version 4.

A body holds one alert, as if Alertmanager were configured with `group_by: ['...']`.
A service that keys incidents by `groupKey` then closes the right incident.

Source: Alertmanager documentation, "Webhook receiver".
"""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal
from urllib.parse import quote as quote_url

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from model.base_models import DeferredModel
from model.labels import fingerprint, quote
from storage.api.alerts import Alert

_NO_TIME = "0001-01-01T00:00:00Z"


class NotificationStatus(StrEnum):
    """The status of a notification; the values are Alertmanager's."""

    FIRING = "firing"
    RESOLVED = "resolved"


# A group of one alert has no other reasons.
_REASONS = {
    NotificationStatus.FIRING: "first notification",
    NotificationStatus.RESOLVED: "all alerts resolved",
}
# Keys that are not in camel case.
_BODY_KEYS = {"external_url": "externalURL", "notification_reason": "notification_reason"}


class _BodyModel(DeferredModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )


class WebhookAlert(_BodyModel):
    """One alert of a body; times in RFC 3339, `ends_at` in the year 1 while it fires."""

    status: NotificationStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: str
    ends_at: str
    generator_url: str
    fingerprint: str

    model_config = ConfigDict(
        alias_generator=lambda name: "generatorURL" if name == "generator_url" else to_camel(name)
    )


class WebhookBody(_BodyModel):
    """One notification, as it is stored in the outbox and POSTed to webhooks."""

    receiver: str
    status: NotificationStatus
    alerts: tuple[WebhookAlert, ...]
    notification_reason: str = ""
    """Why this was sent, in Alertmanager's words; empty in the outbox of earlier versions."""
    group_labels: Mapping[str, str]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    external_url: str
    version: Literal["4"] = "4"
    group_key: str
    truncated_alerts: int = 0

    model_config = ConfigDict(alias_generator=lambda name: _BODY_KEYS.get(name) or to_camel(name))

    def to_json(self) -> str:
        """Return the body as JSON, with Alertmanager's keys."""
        return self.model_dump_json(by_alias=True)


def rfc3339(time_ms: int | None) -> str:
    """Return a time in UTC as Go formats it; None is Go's zero time."""
    if time_ms is None:
        return _NO_TIME
    seconds, milliseconds = divmod(time_ms, 1000)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    fraction = f".{milliseconds:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def graph_url(external_url: str, expression: str) -> str:
    """Return the URL of the page that graphs an expression; without one, this server's."""
    if not expression:
        return external_url
    query = quote_url(expression, safe="")
    return f"{external_url.rstrip('/')}/explore?query={query}&view=graph"


def webhook_body(
    alert: Alert, status: NotificationStatus, receiver: str, expression: str, external_url: str
) -> WebhookBody:
    """Return the body that reports one alert to one receiver.

    Args:
        alert: the alert as it is now.
        status: whether the alert fires or is resolved.
        receiver: the receiver's name.
        expression: the PromQL behind the alert, for the link to its graph.
        external_url: this server's URL for people.
    """
    labels, annotations = dict(alert.labels), dict(alert.annotations)
    inner = ", ".join(f"{name}={quote(value)}" for name, value in alert.labels)
    resolved_ms = alert.resolved_ms if status is NotificationStatus.RESOLVED else None
    entry = WebhookAlert(
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=rfc3339(alert.active_ms if alert.fired_ms is None else alert.fired_ms),
        ends_at=rfc3339(resolved_ms),
        generator_url=graph_url(external_url, expression),
        fingerprint=fingerprint(alert.labels),
    )
    return WebhookBody(
        receiver=receiver,
        status=status,
        alerts=(entry,),
        notification_reason=_REASONS[status],
        group_labels=labels,
        common_labels=labels,
        common_annotations=annotations,
        external_url=external_url,
        group_key=f"{{}}:{{{inner}}}",
    )


def plain_text(body: WebhookBody) -> tuple[str, str]:
    """Return a notification as a title and a text, for receivers that people read."""
    name = body.common_labels.get("alertname", "")
    summary = body.common_annotations.get("summary") or name
    title = f"[{body.status.value.upper()}] {summary}"
    lines = [text for key, text in body.common_annotations.items() if key != "summary"]
    lines += [f"{key}: {value}" for key, value in body.common_labels.items()]
    lines += [alert.generator_url for alert in body.alerts if alert.generator_url]
    return title, "\n".join(lines)
