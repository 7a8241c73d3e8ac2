"""Units of systemd, over D-Bus: states, restarts, start times, tasks, timers, sockets.

Source: org.freedesktop.systemd1(5).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from exporter.collectors.system_bus import BusProperty, SystemBus
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots

_SERVICE: Final = "org.freedesktop.systemd1"
_PATH: Final = "/org/freedesktop/systemd1"
_MANAGER: Final = "org.freedesktop.systemd1.Manager"
_STATES: Final = ("active", "activating", "deactivating", "inactive", "failed")
_VERSION: Final = re.compile(r"[0-9]{3,}(\.[0-9]+)?")
# A number of tasks that systemd does not know.
_UNKNOWN: Final = 2**64 - 1
_MICROSECONDS: Final = 1e6
# The interfaces whose property `Type` is the label `type`.
_TYPED: Final = {"service": "Service", "mount": "Mount"}


class SystemdUnit(NamedTuple):
    """A unit in systemd's list of units."""

    name: str
    active_state: str
    path: str

    @property
    def kind(self) -> str:
        """The last part of the name, such as "service"."""
        return self.name.rpartition(".")[2]


class _UnitMetric(NamedTuple):
    """A metric of units of one kind that is a property of theirs."""

    family: Family
    kind: str
    property: str
    divisor: float = 1


class SystemdUnits:
    """Asks systemd.

    Args:
        roots: where the bus is.
        units: the names of the units to report.
        restarts, start_times, tasks: whether to report these as well.
        connect: connects to systemd.
    """

    name = "systemd"

    def __init__(
        self,
        roots: Roots,
        units: NameFilter = ALL_NAMES,
        *,
        restarts: bool = False,
        start_times: bool = False,
        tasks: bool = False,
        connect: Callable[[Roots, str], SystemBus] = SystemBus,
    ) -> None:
        self._roots, self._units, self._connect = roots, units, connect
        self._restarts, self._start_times, self._tasks = restarts, start_times, tasks

    def collect(self) -> Iterable[Family]:
        """Return the state of systemd, and of each unit that is loaded."""
        with self._connect(self._roots, _SERVICE) as bus:
            manager = ("Version", "Virtualization", "SystemState")
            answers = bus.properties([BusProperty(_PATH, _MANAGER, name) for name in manager])
            (listed,) = bus.call(_PATH, _MANAGER, "ListUnits")
            units = [
                SystemdUnit(name, active, path)
                for name, _, load, active, _, _, path, *_ in listed
                if load == "loaded" and self._units.accepts(name)
            ]
            return [
                *_of_the_manager(*answers),
                _summary(row[3] for row in listed),
                _states(bus, units),
                *(self._start_time_family(bus, units) if self._start_times else ()),
                *(metric.family for metric in self._collected(bus, units)),
            ]

    def _collected(self, bus: SystemBus, units: Sequence[SystemdUnit]) -> Iterator[_UnitMetric]:
        """Yield the metrics that are properties of units, those with samples."""
        for metric in self._metrics():
            chosen = [unit for unit in units if unit.kind == metric.kind]
            interface = f"{_SERVICE}.{metric.kind.title()}"
            values = bus.properties(
                [BusProperty(unit.path, interface, metric.property) for unit in chosen]
            )
            for unit, value in pairs(chosen, values):
                # An older systemd lacks some properties.
                if isinstance(value, int) and value != _UNKNOWN:
                    metric.family.add((unit.name,), value / metric.divisor)
            if metric.family:
                yield metric

    def _metrics(self) -> Iterator[_UnitMetric]:
        if self._restarts:
            yield _UnitMetric(
                CounterFamily(
                    "node_systemd_service_restart_total",
                    "Service unit count of Restart triggers",
                    labels=("name",),
                ),
                "service",
                "NRestarts",
            )
        if self._tasks:
            for name, documentation, attribute in (
                ("current", "Current number of tasks per Systemd unit", "TasksCurrent"),
                ("max", "Maximum number of tasks per Systemd unit", "TasksMax"),
            ):
                family = GaugeFamily(
                    f"node_systemd_unit_tasks_{name}", documentation, labels=("name",)
                )
                yield _UnitMetric(family, "service", attribute)
        yield _UnitMetric(
            GaugeFamily(
                "node_systemd_timer_last_trigger_seconds",
                "Seconds since epoch of last trigger.",
                labels=("name",),
            ),
            "timer",
            "LastTriggerUSec",
            _MICROSECONDS,
        )
        yield from _socket_metrics()

    @staticmethod
    def _start_time_family(bus: SystemBus, units: Sequence[SystemdUnit]) -> Iterator[Family]:
        family = GaugeFamily(
            "node_systemd_unit_start_time_seconds",
            "Start time of the unit since unix epoch in seconds.",
            labels=("name",),
        )
        active = [unit for unit in units if unit.active_state == "active"]
        values = bus.properties(
            [BusProperty(one.path, f"{_SERVICE}.Unit", "ActiveEnterTimestamp") for one in active]
        )
        started = dict(pairs(active, values))
        for unit in units:
            value = started.get(unit, 0)
            if isinstance(value, int):
                family.add((unit.name,), value / _MICROSECONDS)
        yield family


def _of_the_manager(version: Any, virtualization: Any, state: Any) -> Iterator[Family]:
    text = version if isinstance(version, str) else ""
    number = _VERSION.search(text)
    family = GaugeFamily("node_systemd_version", "Detected systemd version", labels=("version",))
    family.add((text if number else "",), float(number[0]) if number else 0)
    yield family
    family = GaugeFamily(
        "node_systemd_virtualization_info",
        "Detected virtualization technology",
        labels=("virtualization_type",),
    )
    family.add(("unknown" if virtualization is None else str(virtualization) or "none",), 1)
    yield family
    yield GaugeFamily(
        "node_systemd_system_running",
        "Whether the system is operational (see 'systemctl is-system-running')",
        state == "running",
    )


def _summary(states: Iterable[str]) -> Family:
    counts = Counter(dict.fromkeys(_STATES, 0))
    counts.update(states)
    family = GaugeFamily("node_systemd_units", "Summary of systemd unit states", labels=("state",))
    for state, count in counts.items():
        family.add((state,), count)
    return family


def _states(bus: SystemBus, units: Sequence[SystemdUnit]) -> Family:
    typed = [unit for unit in units if unit.kind in _TYPED]
    types = bus.properties(
        [BusProperty(unit.path, f"{_SERVICE}.{_TYPED[unit.kind]}", "Type") for unit in typed]
    )
    type_of = dict(pairs(typed, types))
    family = GaugeFamily(
        "node_systemd_unit_state", "Systemd unit", labels=("name", "state", "type")
    )
    for unit in units:
        for state in _STATES:
            family.add((unit.name, state, type_of.get(unit) or ""), state == unit.active_state)
    return family


def _socket_metrics() -> Iterator[_UnitMetric]:
    labels = ("name",)
    yield _UnitMetric(
        CounterFamily(
            "node_systemd_socket_accepted_connections_total",
            "Total number of accepted socket connections",
            labels=labels,
        ),
        "socket",
        "NAccepted",
    )
    yield _UnitMetric(
        GaugeFamily(
            "node_systemd_socket_current_connections",
            "Current number of socket connections",
            labels=labels,
        ),
        "socket",
        "NConnections",
    )
    # node_exporter has this counter as a gauge.
    yield _UnitMetric(
        GaugeFamily(
            "node_systemd_socket_refused_connections_total",
            "Total number of refused socket connections",
            labels=labels,
        ),
        "socket",
        "NRefused",
    )
