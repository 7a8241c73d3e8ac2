"""The configuration of the query engine."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.quantities import Bytes, PositiveDurationMs


class QuerySettings(BaseModel):
    """Section `query` of the configuration: the limits of every query, rules included.

    Attributes:
        max_samples: how many samples a query may hold in memory at once.
        max_label_bytes: how many bytes of label values a query may make.
        max_result_bytes: how large the result of a query may be as JSON.
        threads: how many queries run at the same time; others wait.
        lookback_ms: `lookback`, how far back an instant selector looks for a sample.
        delayed_name_removal: keep metric names visible to label functions and groupings until
            the end of a query, as Prometheus does with `promql-delayed-name-removal`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_samples: int = Field(default=50_000_000, ge=1)
    max_label_bytes: Annotated[Bytes, Field(ge=2**16)] = 256 * 2**20
    max_result_bytes: Annotated[Bytes, Field(ge=2**16)] = 2 * 2**30
    threads: int = Field(default=4, ge=1, le=64)
    lookback_ms: PositiveDurationMs = Field(default=300_000, alias="lookback")
    delayed_name_removal: bool = False
