"""The settings of the event store."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.quantities import Bytes


class EventStoreSettings(BaseModel):
    """How much of the machine the event store may use.

    Attributes:
        memory_bytes: `memory`, for the database's cache and for queries; a larger query
            uses files beside the database.
        threads: threads of one query.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_bytes: Annotated[Bytes, Field(ge=64 * 2**20, alias="memory")] = 512 * 2**20
    threads: Annotated[int, Field(ge=1, le=256)] = 2
