"""How the sample store is laid out and how long it keeps what."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.quantities import Bytes, PositiveDurationMs

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000


class StoreSettings(BaseModel):
    """Settings of the sample store.

    Attributes:
        retention_age_ms: `retention_age`, windows whose end is older are deleted.
        retention_bytes: the oldest windows are deleted while all files together are
            larger; 0 is no bound. The newest window always stays.
        window_ms: `window`, the stretch of time one file of chunks holds.
        chunk_vectors: a source's vectors are sealed into a chunk when there are so many.
        chunk_age_ms: `chunk_age`, …or when the first of them is so old.
        commit_interval_ms: `commit_interval`, the journal is committed at least so often.
        head_bytes: bounds the changes held in memory while the disk refuses writes.
        recent_bytes: memory for the recent window, which answers instant queries: the
            last five minutes of every series take 200 bytes at 15 s, 64 at a minute.
        decoded_bytes: memory for what queries decoded from disk, for those that follow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 120: below this the codec's fixed cost per piece shows (0.61 B a sample at 120,
    # 0.68 at 60); above, the head's memory does.
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
