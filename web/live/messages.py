"""What goes over `/ws/metrics`: JSON objects with a `type`, both ways (docs/api.md)."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from storage.api.alerts import AlertChange
from web.fleet.documents import alert_document
from web.http.failures import Failure
from web.http.responses import json_bytes

LONGEST_MESSAGE_BYTES: Final = 65_536
"""Of what a client sends."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Auth(_Message):
    """A token; the first message of a client that sent none otherwise."""

    type: Literal["auth"]
    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Subscribe(_Message):
    """Asks for one thing, again and again; an id that is in use is given to the new one.

    Attributes:
        query: PromQL, evaluated now and every `interval_s`.
        topic: `metrics`, the figures of every host, or `alerts`.
        page: the moving part of a page as HTML, such as `/live/hosts?sort=cpu`.
        interval_s: None is the server's own.
    """

    type: Literal["subscribe"]
    id: Id
    query: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = None
    topic: Literal["metrics", "alerts"] | None = None
    page: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    interval_s: float | None = Field(default=None, ge=1, le=3600, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_thing(self) -> "Subscribe":
        if sum(each is not None for each in (self.query, self.topic, self.page)) != 1:
            raise ValueError("give one of query, topic, page")
        return self


class Unsubscribe(_Message):
    """Ends one subscription."""

    type: Literal["unsubscribe"]
    id: Id


class Ping(_Message):
    """Asks for a `pong`: browsers cannot send a ping of the protocol's own."""

    type: Literal["ping"]


ClientMessage = Auth | Subscribe | Unsubscribe | Ping

_READER: Final[TypeAdapter[ClientMessage]] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def read_message(text: str | bytes) -> ClientMessage:
    """Return a client's message.

    Raises:
        ValidationError: it is none.
    """
    return _READER.validate_json(text)


def message(kind: str, subscription: str | None = None, /, **fields: Any) -> bytes:
    """Return a message of the server's."""
    head = {"type": kind} if subscription is None else {"type": kind, "id": subscription}
    return json_bytes(head | fields)


def values_message(subscription: str, time_ms: int, data: bytes, warnings: list[str]) -> bytes:
    """Return a query's result; `data` is JSON already, in Prometheus's form."""
    head = message("values", subscription, time_ms=time_ms, warnings=warnings)
    return head[:-1] + b',"data":' + data + b"}"


def alert_message(subscription: str, change: AlertChange) -> bytes:
    """Return a change of an alert; an acknowledgement is one to the same state."""
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
    """Return what was wrong with a message, or with evaluating a subscription."""
    field = {"field": failure.field} if failure.field else {}
    return message("error", subscription, error=failure.message, **field)
