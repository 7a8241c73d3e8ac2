"""A sender's deltas end at their exact sum, wherever the server is killed and whatever is repeated.

Time is simulated: each delta covers a second. A kill copies the files of the store as they are at
that moment and goes on with the copy; what only memory held is lost.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, NS, OtlpSetting, counter, request

SERIES = st.integers(0, 2)
MOMENTS = st.sampled_from(["append", "commit", "committed"])
# Chunks are sealed after a few vectors, so that totals are read from all parts of the store.
STORE = StoreSettings.model_validate(
    {"chunk_vectors": 5, "window": "1m", "chunk_age": "30s", "commit_interval": "1h"}
)
HISTOGRAM_BOUNDS = (1.0, 10.0)


class Killed(BaseException):
    """The server is killed at this moment."""


class KilledStore:
    """A store that is killed before its next append or commit, or after that commit."""

    def __init__(self, store: SqliteSampleStore) -> None:
        self._store, self.moment = store, ""

    def __getattr__(self, name: str) -> Any:
        if name in ("append", "amend") and self.moment == "append":
            self._kill()
        return getattr(self._store, name)

    async def commit(self) -> None:
        if self.moment == "commit":
            self._kill()
        await self._store.commit()
        if self.moment == "committed":
            self._kill()

    def _kill(self) -> None:
        self.moment = ""
        raise Killed


@dataclass(frozen=True)
class Delta:
    series: int
    start_ms: int
    end_ms: int
    added: int

    def metrics(self) -> list[Metric]:
        """Return a counter and a histogram."""
        point = (NOW_MS + self.start_ms, NOW_MS + self.end_ms, float(self.added))
        waits = Metric(name="waits")
        waits.histogram.aggregation_temporality = 1  # type: ignore[assignment]
        waits.histogram.data_points.add(
            start_time_unix_nano=point[0] * NS,
            time_unix_nano=point[1] * NS,
            attributes=key_values({"n": f"{self.series}"}),
            count=2 * self.added,
            sum=self.added / 8,
            bucket_counts=[self.added, self.added, 0],
            explicit_bounds=HISTOGRAM_BOUNDS,
        )
        return [counter("hits", point, temporality=1, n=f"{self.series}"), waits]


@dataclass
class Sent:
    """What the sender has: deltas to be sent, and those that the server has acknowledged."""

    waiting: list[Delta] = field(default_factory=list)
    acknowledged: list[Delta] = field(default_factory=list)
    time_ms: dict[int, int] = field(default_factory=dict)
    total: dict[int, int] = field(default_factory=dict)


class DeltaMachine(RuleBasedStateMachine):
    """Sends, repeats, restarts and kills in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.sent, self.lives = Sent(), 0
        self.run(self.start())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)

    async def start(self) -> None:
        directory = self.folder / f"{self.lives}"
        self.now = [NOW_MS + max(self.sent.time_ms.values(), default=0)]
        clock = lambda: self.now[0]  # noqa: E731
        self.store = SqliteSampleStore(directory, STORE, clock=clock)
        await asyncio.to_thread(self.store.open)
        self.killed = KilledStore(self.store)
        self.receiver = OtlpReceiver(self.killed, self.store, clock)

    async def kill(self) -> None:
        """Go on with a copy of the files; the former server changes only its own."""
        former, directory = self.store, self.folder / f"{self.lives}"
        self.lives += 1
        copy = self.folder / f"{self.lives}"
        await asyncio.to_thread(shutil.copytree, directory, copy)
        await asyncio.to_thread(former.close)
        await asyncio.to_thread(shutil.rmtree, directory)
        await self.start()

    async def send(self, deltas: list[Delta]) -> None:
        body = request(*[one for delta in deltas for one in delta.metrics()]).SerializeToString()
        answer = await self.receiver.receive_metrics(body, OtlpEncoding.PROTOBUF, "ann", "1")
        assert (answer.rejected, answer.message) == (0, "")

    @rule(series=SERIES, added=st.integers(0, 9), gap_ms=st.sampled_from([0, 0, 0, 700, -300]))
    def produce(self, series: int, added: int, gap_ms: int) -> None:
        """Add a delta after the last one, some after a gap, some overlapping it."""
        last_ms = self.sent.time_ms.get(series, 300)
        delta = Delta(series, last_ms + gap_ms, last_ms + max(gap_ms, 0) + 1000, added)
        self.sent.time_ms[series] = delta.end_ms
        self.sent.total[series] = self.sent.total.get(series, 0) + added
        self.sent.waiting.append(delta)
        self.now[0] = max(self.now[0], NOW_MS + delta.end_ms)

    @rule(count=st.integers(1, 5))
    def acknowledge(self, count: int) -> None:
        if some := self.sent.waiting[:count]:
            self.run(self.send(some))
            self.sent.acknowledged += some
            del self.sent.waiting[:count]

    @rule(series=SERIES)
    def send_late(self, series: int) -> None:
        """Send two deltas of a known series in the wrong order, as parallel senders do."""
        mine = [delta for delta in self.sent.waiting if delta.series == series]
        is_known = any(delta.series == series for delta in self.sent.acknowledged)
        if len(mine) < 2 or not is_known or mine[1].start_ms < mine[0].end_ms:
            return
        for delta in (mine[1], mine[0]):
            self.run(self.send([delta]))
            self.sent.waiting.remove(delta)
            self.sent.acknowledged.append(delta)

    @rule(count=st.integers(1, 5))
    def repeat(self, count: int) -> None:
        """Send again what was acknowledged, as after a lost answer."""
        if some := self.sent.acknowledged[-count:]:
            self.run(self.send(some))

    @rule(count=st.integers(1, 5), moment=MOMENTS)
    def kill_during_a_request(self, count: int, moment: str) -> None:
        some = self.sent.waiting[:count]
        if not some:
            return

        async def interrupted() -> None:
            self.killed.moment = moment
            with suppress(Killed):
                await self.send(some)
            await self.kill()

        self.run(interrupted())

    @rule()
    def kill_between_requests(self) -> None:
        self.run(self.kill())

    @rule()
    def restart(self) -> None:
        async def again() -> None:
            await asyncio.to_thread(self.store.close)
            await self.start()

        self.run(again())

    @rule()
    def maintain(self) -> None:
        async def maintained() -> None:
            await asyncio.to_thread(self.store.maintain, self.now[0])

        self.run(maintained())

    @invariant()
    def nothing_that_is_acknowledged_is_lost_or_counted_twice(self) -> None:
        if not self.sent.waiting:
            self.check()

    def check(self) -> None:
        setting = OtlpSetting(self.receiver, self.store, self.now)
        found = self.runner.run(setting.samples())
        for series, total in self.sent.total.items():
            by_name = {
                labels.metric: list(samples.values())
                for labels, samples in found.items()
                if labels.get("n") == f"{series}" and labels.get("le") in ("", "1")
            }
            # A total never falls: a reader would see a reset.
            assert all(values == sorted(values) for values in by_name.values())
            newest = {name: values[-1] for name, values in by_name.items()}
            assert newest == {
                "hits_total": total,
                "waits_count": 2 * total,
                "waits_sum": total / 8,
                "waits_bucket": total,
            }

    def teardown(self) -> None:
        try:
            if self.sent.waiting:
                self.run(self.send(self.sent.waiting))
                self.check()
        finally:
            self.runner.run(asyncio.to_thread(self.store.close))
            self.runner.close()
            shutil.rmtree(self.folder)


DeltaMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestDeltaCrashes = pytest.mark.slow(DeltaMachine.TestCase)
