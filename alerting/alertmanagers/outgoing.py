"""Alerts as Alertmanager's API v2 takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import orjson

from alerting.receivers.webhook_body import rfc3339
from model.labels import Labels


@dataclass(frozen=True, slots=True)
class OutgoingAlert:
    """One alert for an Alertmanager.

    Attributes:
        labels: identify the alert.
        annotations: texts about it.
        starts_ms: when it fired.
        ends_ms: when it was resolved; while it fires, when the Alertmanager resolves it
            unless it is sent again.
        generator_url: where its expression is shown.
    """

    labels: Labels
    annotations: Labels
    starts_ms: int
    ends_ms: int
    generator_url: str

    def document(self) -> dict[str, Any]:
        """Return the alert as API v2 takes it; as in Prometheus without empty annotations."""
        document: dict[str, Any] = {
            "endsAt": rfc3339(self.ends_ms),
            "startsAt": rfc3339(self.starts_ms),
            "generatorURL": self.generator_url,
            "labels": dict(self.labels),
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document


def request_body(alerts: Sequence[OutgoingAlert]) -> bytes:
    """Return the body of `POST /api/v2/alerts`."""
    return orjson.dumps([alert.document() for alert in alerts])


def expression_url(external_url: str, expression: str) -> str:
    """Return the URL of an expression in Prometheus's form, which `/graph` redirects."""
    if not expression:
        return external_url
    return f"{external_url.rstrip('/')}/graph?g0.expr={quote_plus(expression)}&g0.tab=1"
