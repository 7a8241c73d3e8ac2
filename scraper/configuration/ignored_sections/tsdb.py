"""The sections `storage` and `runtime`.

Source: Prometheus documentation, "Configuration", tsdb and exemplars.
"""

from typing import Annotated, Literal

from pydantic import Field

from model.quantities import Base2Bytes, Seconds, YamlInt
from scraper.configuration.sections import Section


class RetentionSettings(Section):
    """How long Prometheus keeps samples; since 3.8."""

    time: Seconds = 0.0
    size: Base2Bytes = 0
    percentage: Annotated[float, Field(ge=0, le=100)] = 0.0


class ChunkEncodingSettings(Section):
    """How Prometheus encodes samples; later than 3.8."""

    floats: Literal["xor", "xor2"] = "xor"


class TsdbSettings(Section):
    """The store of samples."""

    out_of_order_time_window: Seconds = 0.0
    retention: RetentionSettings | None = None
    stale_series_compaction_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    chunk_encoding: ChunkEncodingSettings | None = None


class ExemplarsSettings(Section):
    """The store of exemplars."""

    max_exemplars: YamlInt = 0


class StorageSettings(Section):
    """The section `storage`."""

    tsdb: TsdbSettings | None = None
    exemplars: ExemplarsSettings | None = None


class RuntimeSettings(Section):
    """The section `runtime`."""

    gogc: YamlInt = 75
