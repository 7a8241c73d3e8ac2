"""Packets that each CPU processed, dropped and deferred after reception."""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots

# Column -> metric name and HELP (the kernel's net/core/net-procfs.c). Older kernels have
# fewer columns.
_COLUMNS = {
    0: ("processed_total", "Number of processed packets"),
    1: ("dropped_total", "Number of dropped packets"),
    2: ("times_squeezed_total", "Number of times processing packets ran out of quota"),
    8: (
        "cpu_collision_total",
        "Number of collision occur while obtaining device lock while transmitting",
    ),
    9: ("received_rps_total", "Number of times cpu woken up received_rps"),
    10: ("flow_limit_count_total", "Number of times flow limit has been reached"),
    11: ("backlog_len", "Softnet backlog status"),
}
_BACKLOG_COLUMN = 11
_CPU_COLUMN = 12


class Softnet:
    """Reads `net/softnet_stat`."""

    name = "softnet"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/net/softnet_stat")

    def collect(self) -> Iterable[Family]:
        """Return one family per column, by CPU."""
        families = {
            column: (CounterFamily if name.endswith("_total") else GaugeFamily)(
                f"node_softnet_{name}", documentation, labels=("cpu",)
            )
            for column, (name, documentation) in _COLUMNS.items()
        }
        for row, line in enumerate(self._file.lines()):
            values = [int(value, 16) for value in line.split()]
            # Offline CPUs have no row, so newer kernels put the CPU's number into the row.
            cpu = str(values[_CPU_COLUMN] if len(values) > _CPU_COLUMN else row)
            for column, family in families.items():
                if column < len(values):
                    family.add((cpu,), values[column])
                elif column == _BACKLOG_COLUMN:
                    family.add((cpu,), 0)
        return [family for family in families.values() if family]
