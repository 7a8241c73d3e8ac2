"""What devices and hosts send, and what they are answered.

Unlike elsewhere, unknown fields are ignored: the clients are those of other servers,
and may tell more than is documented.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ingest.devices.message import Message
from ingest.hosts.report import HostReport
from web.http.parameters import PageLength, Parameters

_MIB, _GIB = 2**20, 2**30

Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Detail = Annotated[str, StringConstraints(max_length=256)]
Size = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class Given(BaseModel):
    """Something that a client of another server sends."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MetricPoint(Given):
    """One figure of a message."""

    metric_name: Text
    metric_value: Annotated[float, Field(allow_inf_nan=False)]


class MessageForm(Given):
    """What a device measured at one time.

    Attributes:
        message_id: repeated messages are known by it.
        timestamp: Unix time in seconds.
    """

    message_id: Text
    timestamp: Seconds
    device_id: Text
    source: Text
    metrics: Annotated[tuple[MetricPoint, ...], Field(max_length=1000)]

    def message(self) -> Message:
        """Return what the inbox takes."""
        return Message(
            self.message_id,
            round(self.timestamp * 1000),
            self.device_id,
            self.source,
            tuple([point.metric_name for point in self.metrics]),
            tuple([point.metric_value for point in self.metrics]),
            self.__pydantic_serializer__.to_json(self),
        )


class MessageAnswer(BaseModel):
    """A message was taken, now or before."""

    status: Literal["success"] = "success"
    message_id: str
    metrics_count: int


class RecentQuery(Parameters):
    """How many messages are asked for."""

    limit: PageLength = 10


class RecentAnswer(BaseModel):
    """The latest messages, newest first."""

    count: int
    messages: list[MessageForm]


class ReportForm(Given):
    """What a host says of itself.

    Attributes:
        host_key: the same as in the header, where it is given.
        collected_at: a time without a zone is UTC.
        int_ip: its address in its own network.
        mem_pct, disk_pct: as the host reckons them; without, used of total.
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
        """Return what the hosts take."""
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


class ReportAnswer(BaseModel):
    """A report was taken; `data_id` is its number."""

    ok: Literal[True] = True
    data_id: int
