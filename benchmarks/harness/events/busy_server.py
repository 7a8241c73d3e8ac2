"""Redshank with product events arriving all the time, beside whatever is measured."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.events.event_history import EventHistory
from benchmarks.harness.events.projects import create_project
from benchmarks.harness.events.request_load import request_load

if TYPE_CHECKING:
    from benchmarks.harness.processes import Child

_PERSONS = 20_000


class RedshankWithEvents(Redshank):
    """A server that takes events from its start until the end of the `with` block.

    Attributes:
        events_per_second: how many arrive.
        batch: how many each request has.
        seconds: how long events arrive; longer than the measurement.
    """

    title = "Redshank with events"
    events_per_second: ClassVar[int] = 1_000
    batch: ClassVar[int] = 1_000
    seconds: ClassVar[float] = 300.0

    def __init__(self, plan: ScrapePlan, directory: Path) -> None:
        super().__init__(plan, directory)
        self._directory = directory
        self._load: Child | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            project, _ = create_project(self)
            bodies = self._directory / "events.bodies"
            count = round(self.events_per_second * self.seconds)
            EventHistory(count, _PERSONS, time.time_ns() // 10**6).write(
                project, self.batch, bodies
            )
            self._load = request_load(
                "event_load",
                f"{self.url}/v1/events/batch",
                bodies,
                self._directory,
                connections=2,
                per_second=self.events_per_second / self.batch,
            )
            self._load.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        load = self._load
        if load is not None:
            try:
                # It must have sent events all the time.
                load.usage()
            finally:
                load.kill()
                self.kill()
        super().__exit__()
