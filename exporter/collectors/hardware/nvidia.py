"""NVIDIA's graphics cards, through nvidia-smi, with nvidia_gpu_exporter's names.

AMD's cards have files in sysfs, which the collector `drm` reads.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from exporter.collectors.programs import BackgroundProgram
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots

_INTERVAL_S: Final = 10.0
_DEADLINE_S: Final = 20.0
# The field of nvidia-smi, the metric, HELP and factor; the fields of labels come first.
_LABELS: Final = ("uuid", "name", "driver_version", "pstate")
_PERCENT: Final = 0.01
_MEBIBYTE: Final = 2**20
_FIELDS: Final = (
    ("utilization.gpu", "utilization_gpu_ratio", "Share of time in which kernels ran.", _PERCENT),
    (
        "utilization.memory",
        "utilization_memory_ratio",
        "Share of time in which the memory was read or written.",
        _PERCENT,
    ),
    ("memory.total", "memory_total_bytes", "Size of the memory.", _MEBIBYTE),
    ("memory.used", "memory_used_bytes", "Memory in use.", _MEBIBYTE),
    ("memory.free", "memory_free_bytes", "Free memory.", _MEBIBYTE),
    ("temperature.gpu", "temperature_gpu", "Temperature of the GPU in degrees Celsius.", 1),
    ("power.draw", "power_draw_watts", "Power draw.", 1),
    ("enforced.power.limit", "enforced_power_limit_watts", "Limit of the power draw.", 1),
    ("fan.speed", "fan_speed_ratio", "Speed of the fan, of its maximum.", _PERCENT),
    ("clocks.current.sm", "clocks_current_sm_clock_hz", "Clock of the processors.", 1_000_000),
    ("clocks.current.memory", "clocks_current_memory_clock_hz", "Memory's clock.", 1_000_000),
    ("encoder.stats.sessionCount", "encoder_stats_session_count", "Encoder sessions.", 1),
)


class NvidiaCards:
    """Runs nvidia-smi every ten seconds at most.

    Args:
        roots: not used; nvidia-smi finds the cards.
        program: makes a program from its command line, interval and deadline.
    """

    name = "nvidia"

    def __init__(
        self,
        roots: Roots,
        program: Callable[[Sequence[str], float, float], BackgroundProgram] = BackgroundProgram,
    ) -> None:
        del roots
        names = ",".join((*_LABELS, *(field for field, *_ in _FIELDS)))
        command = ["nvidia-smi", f"--query-gpu={names}", "--format=csv,noheader,nounits"]
        self._program = program(command, _INTERVAL_S, _DEADLINE_S)

    def collect(self) -> Iterable[Family]:
        """Return load, memory, temperature, power and clocks of each card.

        Raises:
            NoDataError: nvidia-smi is not installed.
            OSError: nvidia-smi fails.
        """
        output = self._program.output()
        if output is None:
            return []
        if output.status != 0:
            raise OSError(f"nvidia-smi ended with status {output.status}")
        info = GaugeFamily(
            "nvidia_smi_gpu_info", "The card; the value is always 1.", labels=_LABELS
        )
        families = [
            GaugeFamily(f"nvidia_smi_{name}", documentation, labels=("uuid",))
            for _, name, documentation, _ in _FIELDS
        ]
        seen = set()
        for line in output.content.decode("utf-8", "replace").split("\n"):
            columns = [column.strip() for column in line.split(",")]
            if len(columns) != len(_LABELS) + len(_FIELDS) or columns[0] in seen:
                continue
            seen.add(columns[0])
            info.add(columns[: len(_LABELS)], 1)
            values = columns[len(_LABELS) :]
            for family, text, (_, _, _, factor) in zip(families, values, _FIELDS):
                # A card lacks some: "[N/A]", "[Not Supported]".
                if text.replace(".", "", 1).isdecimal():
                    family.add((columns[0],), float(text) * factor)
        return [family for family in (info, *families) if family]
