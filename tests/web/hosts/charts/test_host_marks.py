from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import Answer
from storage.api.marks.annotations import NewAnnotation
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import world_at
from web.hosts.charts.chart_grid import RANGES, Grid
from web.hosts.charts.host_marks import HostMarks, reboots

GRID = Grid.back_from(NOW_MS, RANGES["1h"], 15.0)


@pytest.mark.parametrize(
    ("boots_s", "found"),
    [
        ([], []),
        ([100.0], []),
        ([100.0, 100.0, 100.4, 99.8], []),
        ([100.0, 900.0, 900.1], [900_000]),
        ([0.0, 100.0, 900.0], [900_000]),
    ],
)
def test_host_rebooted_where_its_boot_time_jumps(boots_s: list[float], found: list[int]) -> None:
    assert reboots(boots_s, 200_000) == found


async def test_annotations_alerts_and_reboots_of_the_host_are_marks(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        before_ms = NOW_MS - 1_800_000
        for instance, text in (("a:9100", "deploy"), ("", "all"), ("b:9100", "other")):
            note = NewAnnotation(before_ms, before_ms, text, instance=instance)
            await world.services.annotations.add(note, NOW_MS)
        for instance in ("a:9100", "b:9100"):
            alert = replace(an_alert(instance=instance), fired_ms=before_ms + 1000)
            await world.alerting.put(alert)
        boots = np.array([[1.0, 1.0, (NOW_MS - 600_000) / 1000]])
        times = np.array([NOW_MS - 900_000, NOW_MS - 800_000, NOW_MS - 500_000])
        world.engine.answers["node_boot_time_seconds"] = Answer(
            AlignedSeries.of_source([Labels()], times, boots)
        )
        services = world.services
        marks = HostMarks(services.engine, services.annotations, services.alerts, world.clock)
        found = await marks.between("a:9100", GRID)
        assert [mark.kind for mark in found] == ["annotation", "annotation", "alert", "reboot"]
        assert {mark.text for mark in found[:2]} == {"deploy", "all"}
        assert found[2].end_ms == GRID.end_ms
        assert found[3].start_ms == NOW_MS - 600_000
