"""The section `ingest`: limits of what is pushed, and the address of OTLP over gRPC."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ingest.limits.write_limits import (
    LABEL_LIMITS,
    SENDER_LIMITS,
    BudgetLimits,
    WriteLimits,
)
from model.addresses import ListenAddress
from model.label_limits import LabelLimits
from model.quantities import Bytes, YamlInt

_Count = Annotated[YamlInt, Field(ge=0)]


class SeriesLimitSettings(BaseModel):
    """Limits of one pushed series; 0 means no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: _Count = LABEL_LIMITS.labels
    label_name_length: _Count = LABEL_LIMITS.name_length
    label_value_length: _Count = LABEL_LIMITS.value_length
    label_bytes: Bytes = LABEL_LIMITS.label_bytes

    def limits(self) -> LabelLimits:
        """Return the limits."""
        return LabelLimits(
            self.labels, self.label_name_length, self.label_value_length, self.label_bytes
        )


class TokenSettings(BaseModel):
    """Limits of one token; 0 means no limit besides the sender's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    series: _Count = 0
    streams: _Count = 0
    label_bytes: Bytes = 0
    samples_per_second: _Count = 0
    new_series_per_minute: _Count = 0

    def limits(self) -> BudgetLimits:
        """Return the limits."""
        return BudgetLimits(
            self.series,
            self.streams,
            self.label_bytes,
            self.samples_per_second,
            self.new_series_per_minute,
        )


class SenderSettings(TokenSettings):
    """Limits of one sender, all of its tokens together; 0 means no limit."""

    series: _Count = SENDER_LIMITS.series
    streams: _Count = SENDER_LIMITS.streams
    label_bytes: Bytes = SENDER_LIMITS.label_bytes
    samples_per_second: _Count = SENDER_LIMITS.samples_per_second
    new_series_per_minute: _Count = SENDER_LIMITS.new_series_per_minute


class IngestSettings(BaseModel):
    """Limits of what is pushed.

    Attributes:
        series: of one series.
        source_series: series of one source: a `job` and `instance` of a sender.
        sender: of one user, and of the Pushgateway's groups together.
        token: of one token.
        otlp_grpc_listen: address of OTLP over gRPC; None for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    series: SeriesLimitSettings = Field(default_factory=SeriesLimitSettings)
    source_series: _Count = WriteLimits().source_series
    sender: SenderSettings = Field(default_factory=SenderSettings)
    token: TokenSettings = Field(default_factory=TokenSettings)
    otlp_grpc_listen: str | None = None

    @field_validator("otlp_grpc_listen")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            ListenAddress.parse(value)
        return value

    def limits(self) -> WriteLimits:
        """Return the limits of a write."""
        return WriteLimits(
            labels=self.series.limits(),
            sender=self.sender.limits(),
            token=self.token.limits(),
            source_series=self.source_series,
        )
