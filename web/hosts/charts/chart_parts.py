"""What a chart of a host's page consists of: its section, unit, and the queries of its lines."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from alerting.checks.cpu_usage import CpuUsage

OWN_LABELS: Final = "{*}"
"""The name of a line by all its labels that are not the host's."""

_SELECTED: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{HOST")
_CPU: Final = "node_cpu_seconds_total"


class ChartUnit(StrEnum):
    """The unit of a chart's values, by which the browser formats them."""

    RATIO = "ratio"
    NUMBER = "number"
    PER_S = "per_s"
    BYTES = "bytes"
    BYTES_PER_S = "bytes_per_s"
    SECONDS = "seconds"
    HERTZ = "hertz"
    CELSIUS = "celsius"
    WATTS = "watts"
    RPM = "rpm"


class ChartSection(StrEnum):
    """The sections of the page, in their order; the values are their titles."""

    CPU = "CPU"
    MEMORY = "Memory"
    DISKS = "Disks"
    NETWORK = "Network"
    PRESSURE = "Pressure"
    SENSORS = "Sensors"
    CONTAINERS = "Containers"
    UNITS = "Units"
    PROCESSES = "Processes"
    SYSTEM = "System"
    PUSHED = "Pushed metrics"


@dataclass(frozen=True)
class Lines:
    """One query of a chart and the names of its lines.

    Attributes:
        query: PromQL, with `HOST` for the host's matcher, `DISKS` for the matchers of
            filesystems, and `WINDOW` for the window of rates; or a function that returns it.
        name: the name of a line, with `{label}` for the value of a label.
        mirrored: whether the line is drawn below the axis, such as outgoing traffic.
    """

    query: str | Callable[[CpuUsage], str]
    name: str
    mirrored: bool = False

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The metrics that the query reads."""
        return frozenset({_CPU} if callable(self.query) else _SELECTED.findall(self.query))


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        order: the line names that come first.
        full: whether the axis ends at 100 %.
    """

    key: str
    section: ChartSection
    title: str
    unit: ChartUnit
    lines: tuple[Lines, ...]
    stacked: bool = False
    order: tuple[str, ...] = ()
    full: bool = False

    def fits(self, metrics: Collection[str]) -> bool:
        """Return whether a host with these metrics has a line of the chart."""
        return any(all(name in metrics for name in lines.metrics) for lines in self.lines)


def rate(metric: str, name: str, where: str = "", *, mirrored: bool = False) -> Lines:
    """Return the lines of a counter's rate."""
    matchers = f"HOST,{where}" if where else "HOST"
    return Lines(f"rate({metric}{{{matchers}}}[WINDOW])", name, mirrored)


def gauge(metric: str, name: str) -> Lines:
    """Return the lines of a gauge."""
    return Lines(f"{metric}{{HOST}}", name)


def container_chart(key: str, title: str, unit: ChartUnit, *queries: tuple[str, str]) -> Chart:
    """Return a chart with a line for each container; further queries are mirrored."""
    lines = tuple(
        Lines(f"sum by (name) ({query})", f"{{name}}{ending}", mirrored=place > 0)
        for place, (query, ending) in enumerate(queries)
    )
    return Chart(key, ChartSection.CONTAINERS, title, unit, lines)


def pressure_chart(kind: str, title: str, *stalls: tuple[str, str]) -> Chart:
    """Return the chart of one kind of pressure stall."""
    lines = (rate(f"node_pressure_{kind}_{metric}_seconds_total", name) for metric, name in stalls)
    return Chart(f"pressure_{kind}", ChartSection.PRESSURE, title, ChartUnit.RATIO, tuple(lines))


def memory(*fields: str) -> str:
    """Return the sum of some fields of meminfo; those with a minus are subtracted."""
    return " ".join(
        f"{field[0] if field[0] in '+-' else ''} node_memory_{field.lstrip('+-')}_bytes{{HOST}}"
        for field in fields
    ).strip()
