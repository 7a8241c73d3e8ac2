"""System time, time zone and clock sources."""

import time
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.roots import Roots, list_names, read_value
from model.clock import Clock


class Time:
    """Reads a clock and the kernel's list of clock sources."""

    name = "time"

    def __init__(self, roots: Roots, clock: Clock) -> None:
        self._clocksources = f"{roots.sys}/devices/system/clocksource"
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """Return the time, the offset of the time zone, and the clock sources."""
        now_s = self._clock() / 1000
        zone = time.localtime(now_s)
        offset = GaugeMetricFamily(
            "node_time_zone_offset_seconds",
            "System time zone offset in seconds.",
            labels=("time_zone",),
        )
        offset.add_metric((zone.tm_zone,), zone.tm_gmtoff)
        now = GaugeMetricFamily(
            "node_time_seconds", "System time in seconds since epoch (1970).", now_s
        )
        return [now, offset, *self._sources()]

    def _sources(self) -> Iterable[Metric]:
        available = GaugeMetricFamily(
            "node_time_clocksource_available_info",
            "Available clocksources read from '/sys/devices/system/clocksource'.",
            labels=("device", "clocksource"),
        )
        current = GaugeMetricFamily(
            "node_time_clocksource_current_info",
            "Current clocksource read from '/sys/devices/system/clocksource'.",
            labels=("device", "clocksource"),
        )
        for name in list_names(self._clocksources):
            device = name.removeprefix("clocksource")
            if not device.isdecimal():
                continue
            directory = f"{self._clocksources}/{name}"
            for source in (read_value(f"{directory}/available_clocksource") or "").split():
                available.add_metric((device, source), 1)
            if chosen := read_value(f"{directory}/current_clocksource"):
                current.add_metric((device, chosen), 1)
        return [family for family in (available, current) if family.samples]
