"""Settings of the sample store."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.quantities import Bytes, PositiveDurationMs

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000


class StoreSettings(BaseModel):
    """Settings of the sample store.

    Attributes:
        retention_age_ms: `retention_age`, windows that ended longer ago are deleted.
        retention_bytes: the oldest windows are deleted while all files together are
            larger; 0 means no limit. The newest window is never deleted.
        window_ms: `window`, the length of time that one window file holds.
        chunk_vectors: the number of vectors of a source that are sealed into one chunk.
        chunk_age_ms: `chunk_age`, the age at which a chunk with fewer vectors is sealed.
        commit_interval_ms: `commit_interval`, the longest time between two commits of the
            journal.
        head_bytes: the most memory for samples while the disk refuses writes.
        recent_bytes: memory for the recent window, which answers instant queries. The last
            five minutes take 200 bytes a series at a scrape interval of 15 s, 64 at 60 s.
        decoded_bytes: memory for decoded samples, which later queries reuse.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 120: with fewer vectors, the codec's fixed cost per piece shows (0.61 B a sample at 120,
    # 0.68 at 60); with more, the head takes more memory.
    chunk_vectors: int = Field(default=120, ge=2, le=4096)
    chunk_age_ms: PositiveDurationMs = Field(default=2 * 60 * _MINUTE_MS, alias="chunk_age")
    window_ms: Annotated[PositiveDurationMs, Field(ge=_MINUTE_MS, le=90 * _DAY_MS)] = Field(
        default=7 * _DAY_MS, alias="window"
    )
    retention_age_ms: PositiveDurationMs = Field(default=2 * 365 * _DAY_MS, alias="retention_age")
    retention_bytes: Bytes = 0
    commit_interval_ms: PositiveDurationMs = Field(default=1000, alias="commit_interval")
    head_bytes: Annotated[Bytes, Field(ge=2**20)] = 512 * 2**20
    recent_bytes: Bytes = 64 * 2**20
    decoded_bytes: Bytes = 64 * 2**20
