"""The messages of `/ws/metrics`: JSON objects with a `type`, in both directions (docs/api.md)."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from model.base_models import DeferredModel
from storage.api.alerts import AlertChange
from web.fleet.documents import alert_document
from web.http.failures import Failure
from web.http.responses import json_bytes

LARGEST_REQUEST_BYTES: Final = 65_536
"""The largest message that a client may send."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Message(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Auth(_Message):
    """A token: the first message of a client that connected without one."""

    type: Literal["auth"]
    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Subscribe(_Message):
    """Starts a subscription, in place of one with the same id.

    Attributes:
        query: PromQL, evaluated now and every `interval_s`.
        topic: `metrics`, the figures of every host, or `alerts`.
        page: a page whose live region is sent as HTML, such as `/live/hosts?sort=cpu`.
        interval_s: seconds between two evaluations; None for the server's default.
    """

    type: Literal["subscribe"]
    id: Id
    query: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = None
    topic: Literal["metrics", "alerts"] | None = None
    page: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    interval_s: float | None = Field(default=None, ge=1, le=3600, allow_inf_nan=False)

    @model_validator(mode="after")
    def _names_one_subject(self) -> "Subscribe":
        if sum(each is not None for each in (self.query, self.topic, self.page)) != 1:
            raise ValueError("give one of query, topic, page")
        return self


class Unsubscribe(_Message):
    """Ends a subscription."""

    type: Literal["unsubscribe"]
    id: Id


class Ping(_Message):
    """Requests a `pong`. Scripts in browsers cannot send a ping of the WebSocket protocol."""

    type: Literal["ping"]


ClientMessage = Auth | Subscribe | Unsubscribe | Ping

_READER: Final[TypeAdapter[ClientMessage]] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def read_message(text: str | bytes) -> ClientMessage:
    """Parse a client's message.

    Raises:
        ValidationError: the message is invalid.
    """
    return _READER.validate_json(text)


def message(kind: str, subscription: str | None = None, /, **fields: Any) -> bytes:
    """Return a message of the server as JSON."""
    head = {"type": kind} if subscription is None else {"type": kind, "id": subscription}
    return json_bytes(head | fields)


def values_message(subscription: str, time_ms: int, data: bytes, warnings: list[str]) -> bytes:
    """Return a query's result; `data` is already JSON, as in the Prometheus API."""
    head = message("values", subscription, time_ms=time_ms, warnings=warnings)
    return head[:-1] + b',"data":' + data + b"}"


def alert_message(subscription: str, change: AlertChange) -> bytes:
    """Return an alert's change of state; an acknowledgement keeps the state."""
    alert = change.alert
    return message(
        "alert",
        subscription,
        before=change.before,
        after=alert.state,
        time_ms=alert.changed_ms,
        alert=alert_document(alert),
    )


def error_message(subscription: str | None, failure: Failure) -> bytes:
    """Return an error of a client's message, or of a subscription."""
    field = {"field": failure.field} if failure.field else {}
    return message("error", subscription, error=failure.message, **field)
