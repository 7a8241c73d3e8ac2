"""A store with a remote-write receiver."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import cramjam
import numpy as np

from ingest.limits.write_limits import WriteLimits
from ingest.remote_write.receiver import RemoteWriteReceiver, WriteVersion
from ingest.series.write_result import WriteResult
from model.labels import Labels
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from model.series import is_absent
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.ingest.remote_write.messages import Series, request_1, request_2

NOW_MS = 1_790_000_000_000
STEP_MS = 15_000


@dataclass
class Setting:
    """A store with a receiver, at a settable time."""

    directory: Path
    now_ms: int = NOW_MS
    limits: WriteLimits = field(default_factory=WriteLimits)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        settings = StoreSettings.model_validate({"chunk_vectors": 8})
        self.store = SqliteSampleStore(self.directory, settings, clock=lambda: self.now_ms)
        self.store.open()
        self.refusals, self.memory = Refusals(), MemoryReading()
        self.receiver = RemoteWriteReceiver(
            self.store,
            self.store,
            lambda: self.now_ms,
            self.limits,
            refusals=self.refusals,
            memory=self.memory,
        )

    def close(self) -> None:
        self.store.close()

    async def restart(self) -> None:
        await asyncio.to_thread(self.close)
        await asyncio.to_thread(self.open)

    async def send(
        self,
        *many: Series,
        sender: str = "prometheus",
        version: WriteVersion = WriteVersion.V1,
        token: str = "",
    ) -> WriteResult:
        data = request_1(many) if version is WriteVersion.V1 else request_2(many)
        body = bytes(cramjam.snappy.compress_raw(data))
        return await self.receiver.receive(sender, body, version, token)

    async def sources(self) -> int:
        return (await asyncio.to_thread(self.store.stats)).sources

    async def stored(self) -> dict[Labels, dict[int, int]]:
        """Return every stored sample: the bits of its value by label set and timestamp."""
        found: dict[Labels, dict[int, int]] = {}
        for part in await asyncio.to_thread(self.store.select, [], 0, 2 * NOW_MS):
            bits = part.values.view(np.uint64)
            for row, labels in enumerate(part.labels):
                assert labels not in found
                columns = np.flatnonzero(~is_absent(part.values[row]))
                times = part.times_ms[part.rows[row], columns].tolist()
                found[labels] = dict(zip(times, bits[row, columns].tolist(), strict=True))
        return found
