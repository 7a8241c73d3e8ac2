"""Requests and responses of devices and hosts.

Unlike elsewhere, unknown fields are ignored: these clients were written for other
servers and may send more than is documented.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from ingest.devices.message import Message
from ingest.hosts.report import HostReport
from model.base_models import DeferredModel
from web.http.parameters import PageLength, Parameters

_MIB, _GIB = 2**20, 2**30

Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Detail = Annotated[str, StringConstraints(max_length=256)]
Size = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class PushedDocument(DeferredModel):
    """A document from a client that was written for another server."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MetricPoint(PushedDocument):
    """One measurement of a message."""

    metric_name: Text
    metric_value: Annotated[float, Field(allow_inf_nan=False)]


class MessageForm(PushedDocument):
    """The measurements of a device at one time.

    Attributes:
        message_id: identifies the message when it is sent again.
        timestamp: Unix time in seconds.
    """

    message_id: Text
    timestamp: Seconds
    device_id: Text
    source: Text
    metrics: Annotated[tuple[MetricPoint, ...], Field(max_length=1000)]

    def message(self) -> Message:
        """Return the message for the inbox."""
        return Message(
            self.message_id,
            round(self.timestamp * 1000),
            self.device_id,
            self.source,
            tuple([point.metric_name for point in self.metrics]),
            tuple([point.metric_value for point in self.metrics]),
            self.__pydantic_serializer__.to_json(self),
        )


class MessageAnswer(DeferredModel):
    """The message is stored, now or by an earlier request."""

    status: Literal["success"] = "success"
    message_id: str
    metrics_count: int


class RecentQuery(Parameters):
    """How many messages to list."""

    limit: PageLength = 10


class RecentAnswer(DeferredModel):
    """The latest messages, newest first."""

    count: int
    messages: list[MessageForm]


class ReportForm(PushedDocument):
    """A report of a host.

    Attributes:
        host_key: the key in the header, repeated by some agents.
        collected_at: UTC if it has no time zone.
        int_ip: the host's address in its own network.
        mem_pct, disk_pct: as the host computes them; used/total if they are missing.
    """

    host_key: Detail | None = None
    collected_at: datetime
    int_ip: Detail | None = None
    kernel_name: Detail | None = None
    kernel_version: Detail | None = None
    cpu_pct: Percent
    mem_used_mb: Size
    mem_total_mb: Size
    mem_pct: Percent | None = None
    disk_used_gb: Size
    disk_total_gb: Size
    disk_pct: Percent | None = None

    def report(self) -> HostReport:
        """Return the report in base units."""
        return HostReport(
            time_ms=_milliseconds(self.collected_at),
            cpu_used_ratio=self.cpu_pct / 100,
            memory_used_bytes=self.mem_used_mb * _MIB,
            memory_total_bytes=self.mem_total_mb * _MIB,
            memory_used_ratio=_ratio(self.mem_pct),
            disk_used_bytes=self.disk_used_gb * _GIB,
            disk_total_bytes=self.disk_total_gb * _GIB,
            disk_used_ratio=_ratio(self.disk_pct),
            kernel=self.kernel_name or "",
            kernel_version=self.kernel_version or "",
            address=self.int_ip or "",
        )


def _milliseconds(time: datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return math.floor(time.timestamp() * 1000)


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


class ReportAnswer(DeferredModel):
    """The report is stored; `data_id` is its number."""

    ok: Literal[True] = True
    data_id: int
