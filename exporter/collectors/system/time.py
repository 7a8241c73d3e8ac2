"""System time, time zone and clock sources."""

import time
from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFiles
from exporter.roots import Roots, list_names
from model.clock import Clock


class Time:
    """Reads a clock and the kernel's list of clock sources."""

    name = "time"

    def __init__(self, roots: Roots, clock: Clock) -> None:
        self._clocksources = f"{roots.sys}/devices/system/clocksource"
        self._clock = clock
        self._files = KeptFiles()

    def collect(self) -> Iterable[Family]:
        """Return the time, the offset of the time zone, and the clock sources."""
        now_s = self._clock() / 1000
        zone = time.localtime(now_s)
        offset = GaugeFamily(
            "node_time_zone_offset_seconds",
            "System time zone offset in seconds.",
            labels=("time_zone",),
        )
        offset.add((zone.tm_zone,), zone.tm_gmtoff)
        now = GaugeFamily("node_time_seconds", "System time in seconds since epoch (1970).", now_s)
        return [now, offset, *self._sources()]

    def _sources(self) -> Iterable[Family]:
        available = GaugeFamily(
            "node_time_clocksource_available_info",
            "Available clocksources read from '/sys/devices/system/clocksource'.",
            labels=("device", "clocksource"),
        )
        current = GaugeFamily(
            "node_time_clocksource_current_info",
            "Current clocksource read from '/sys/devices/system/clocksource'.",
            labels=("device", "clocksource"),
        )
        for name in list_names(self._clocksources):
            device = name.removeprefix("clocksource")
            if not device.isdecimal():
                continue
            directory = f"{self._clocksources}/{name}"
            for source in (self._files.value(f"{directory}/available_clocksource") or "").split():
                available.add((device, source), 1)
            if chosen := self._files.value(f"{directory}/current_clocksource"):
                current.add((device, chosen), 1)
        self._files.close_unread()
        return [family for family in (available, current) if family]
