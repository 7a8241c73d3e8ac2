"""Links that acknowledge an alert without a login: signed, for one use, and expiring.

A link names its alert, the receiver that it was sent to, and its end. Used links are kept in
the records until they expire.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from alerting.errors import BadLinkError
from alerting.receivers.webhook_body import NotificationStatus, WebhookBody
from alerting.settings import AlertingSettings
from model.clock import Clock
from storage.api.routing import RoutingRecords

ANNOTATION = "acknowledge_url"
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class AcknowledgeLink:
    """The content of a link.

    Attributes:
        id: a random text, unique.
        alert_id: the alert in the records.
        receiver: the receiver that the link was sent to.
        expires_ms: the link counts before this.
    """

    id: str
    alert_id: int
    receiver: str
    expires_ms: int


class AcknowledgeLinks:
    """Makes and reads links."""

    def __init__(
        self,
        settings: AlertingSettings,
        records: RoutingRecords,
        sign: Callable[[str], str] | None,
        clock: Clock,
    ) -> None:
        """Build the signer.

        Args:
            settings: say how long a link counts.
            records: keep the used links.
            sign: returns the authentication code of a text; None makes no links.
            clock: returns the current time.
        """
        self._records, self._sign, self._clock = records, sign, clock
        self.reconfigure(settings)

    def reconfigure(self, settings: AlertingSettings) -> None:
        """Use other settings for the next links."""
        self._length_ms = settings.acknowledge_links_ms
        self._base = settings.external_url.rstrip("/")

    @property
    def is_on(self) -> bool:
        """Whether notifications get links."""
        return bool(self._sign is not None and self._length_ms and self._base)

    def added(self, body: WebhookBody, alert_ids: tuple[int | None, ...]) -> WebhookBody:
        """Return a body whose firing alerts have a link each, as an annotation.

        Args:
            body: the body of a notification.
            alert_ids: the id of each alert of the body in the records, None for one of a peer.
        """
        if not self.is_on:
            return body
        alerts = tuple(
            alert
            if alert_id is None or alert.status is not NotificationStatus.FIRING
            else alert.model_copy(
                update={
                    "annotations": dict(alert.annotations)
                    | {ANNOTATION: self._url(alert_id, body.receiver)}
                }
            )
            for alert, alert_id in zip(body.alerts, alert_ids, strict=True)
        )
        common = dict(body.common_annotations)
        if len(alerts) == 1 and ANNOTATION in alerts[0].annotations:
            common[ANNOTATION] = alerts[0].annotations[ANNOTATION]
        return body.model_copy(update={"alerts": alerts, "common_annotations": common})

    def _url(self, alert_id: int, receiver: str) -> str:
        expires_ms = self._clock() + self._length_ms
        link = AcknowledgeLink(secrets.token_urlsafe(9), alert_id, receiver, expires_ms)
        return f"{self._base}/acknowledge/{self.token(link)}"

    def token(self, link: AcknowledgeLink) -> str:
        """Return the signed text of a link."""
        values = [link.id, link.alert_id, link.receiver, link.expires_ms]
        text = json.dumps(values, separators=(",", ":")).encode()
        payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
        return f"{payload}.{self._code(payload)}"

    def _code(self, payload: str) -> str:
        return self._sign(payload) if self._sign is not None else ""

    def read(self, token: str) -> AcknowledgeLink:
        """Return what a token says.

        Raises:
            BadLinkError: this server has not signed it, or it has expired.
        """
        payload, _, code = token.partition(".")
        expected = self._code(payload)
        if (
            not expected
            or len(token) > _LONGEST
            or not hmac.compare_digest(code.encode(), expected.encode())
        ):
            raise BadLinkError("this link is not valid")
        padded = payload + "=" * (-len(payload) % 4)
        link = AcknowledgeLink(*json.loads(base64.urlsafe_b64decode(padded)))
        if link.expires_ms <= self._clock():
            raise BadLinkError("this link has expired")
        return link

    async def use(self, link: AcknowledgeLink) -> None:
        """Note that a link is used.

        Raises:
            BadLinkError: it has been used before.
            StorageError: that could not be stored.
        """
        if not await self._records.use_link(link.id, link.expires_ms, self._clock()):
            raise BadLinkError("this link has been used already")
