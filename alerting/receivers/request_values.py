"""Parts of the requests of all kinds of receivers: their form, and limits of texts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerting.receivers.webhook_body import NotificationStatus, WebhookBody

ELLIPSIS = "…"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class AwsSignature:
    """The scope and the key with which a request to AWS is signed.

    Attributes:
        service: the service that signatures name.
        region: its region; "" for that of the environment.
        access_key, secret_key: the key; "" to look where AWS's own programs do.
        profile: a section of the shared credentials file.
        role_arn, external_id: the role to assume with the key.
        uses_fips: whether the role is assumed at an endpoint that conforms to FIPS 140.
    """

    service: str
    region: str
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    uses_fips: bool = False


@dataclass(frozen=True, slots=True)
class ReceiverRequest:
    """A request of a receiver.

    Attributes:
        url: where to.
        json: the body as data, None for a body that is already text.
        headers: more headers.
        text: the body as text.
        method: the HTTP method.
        content_type: the media type of the body, "" for none.
        signature: how the request is signed, None for requests to other services than AWS's.
            Without `url` it goes to the service's own address in the region.
    """

    url: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    method: str = "POST"
    content_type: str = JSON
    signature: AwsSignature | None = None


def is_firing(body: WebhookBody) -> bool:
    """Return whether a notification reports an alert that fires."""
    return body.status is NotificationStatus.FIRING


def group_hash(body: WebhookBody) -> str:
    """Return the hash by which services recognize the group of a notification."""
    return hashlib.sha256(body.group_key.encode()).hexdigest()


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not empty."""
    return {name: value for name, value in values.items() if value not in ("", None, [], {}, False)}


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters; one that is cut ends with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def shortened_bytes(text: str, most: int) -> str:
    """Return a text of at most so many bytes; one that is cut ends with an ellipsis."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len(ELLIPSIS.encode())].decode(errors="ignore") + ELLIPSIS
