"""How the sample store is laid out and how long it keeps what."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from model.durations import parse_duration_ms


def _duration(value: object) -> object:
    if isinstance(value, str):
        return timedelta(milliseconds=parse_duration_ms(value))
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A length of time; text is read in Prometheus's notation (`2h`, `30d`)."""


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


class StoreSettings(BaseModel):
    """Settings of the sample store.

    Attributes:
        retention_age: windows whose end is older are deleted.
        retention_bytes: the oldest windows are deleted while all files together are
            larger; 0 is no bound. The newest window always stays.
        window: the stretch of time one file of chunks holds.
        chunk_vectors: a source's vectors are sealed into a chunk when there are so many.
        chunk_age: …or when the first of them is so old.
        commit_interval: the journal is committed at least so often.
        head_bytes: bounds the changes held in memory while the disk refuses writes.
        recent_bytes: memory for the recent window, which answers instant queries: the
            last five minutes of every series take 200 bytes at 15 s, 64 at a minute.
        decoded_bytes: memory for what queries decoded from disk, for those that follow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 120: below this the codec's fixed cost per piece shows (0.61 B a sample at 120,
    # 0.68 at 60); above, the head's memory does.
    chunk_vectors: int = Field(default=120, ge=2, le=4096)
    chunk_age: Duration = Field(default=timedelta(hours=2), gt=timedelta(0))
    window: Duration = Field(
        default=timedelta(days=7), ge=timedelta(minutes=1), le=timedelta(days=90)
    )
    retention_age: Duration = Field(default=timedelta(days=2 * 365), gt=timedelta(0))
    retention_bytes: int = Field(default=0, ge=0)
    commit_interval: Duration = Field(default=timedelta(seconds=1), gt=timedelta(0))
    head_bytes: int = Field(default=512 * 2**20, ge=2**20)
    recent_bytes: int = Field(default=64 * 2**20, ge=0)
    decoded_bytes: int = Field(default=64 * 2**20, ge=0)
