"""Fires, silences and resolves alerts until it is killed; prints each round that is stored.

Usage: python crash_writer.py RECORDS. Run by test_held_alerts.py.
"""

import asyncio
import sys
from pathlib import Path

from alerting.book.lifecycle import Condition
from tests.alerting.alerting_doubles import NOW_MS, open_records
from tests.alerting.notifications.pipeline_world import PipelineWorld, tree

NAMES = ("a", "b", "c")


async def main(path: Path) -> None:
    async with open_records(path) as records:
        world = PipelineWorld(records, tree(wait="0s"))
        newest = await records.history(1)
        world.clock.now_ms = newest[0].time_ms + 60_000 if newest else NOW_MS
        await world.begin()
        for number in range(10_000):
            seconds = world.clock.now_ms
            holds = dict.fromkeys(NAMES, Condition.HOLDS)
            await world.observe(holds)
            await world.put_silence(seconds, NAMES[number % 3], 45_000)
            await world.pass_time(21_000)
            await world.observe(holds)
            print(number, flush=True)  # noqa: T201
            await world.pass_time(30_000)
            await world.observe(dict.fromkeys(NAMES, Condition.CLEAR))
            await world.pass_time(21_000)
            await world.observe(dict.fromkeys(NAMES, Condition.CLEAR))
            await world.pass_time(65_000)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
