"""The kernel's entropy pool."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_text


class Entropy:
    """Reads `sys/kernel/random`."""

    name = "entropy"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.proc}/sys/kernel/random"

    def collect(self) -> Iterable[Family]:
        """Return the available entropy and the size of the pool, in bits."""
        yield GaugeFamily(
            "node_entropy_available_bits",
            "Bits of available entropy.",
            float(read_text(f"{self._directory}/entropy_avail")),
        )
        yield GaugeFamily(
            "node_entropy_pool_size_bits",
            "Bits of entropy pool.",
            float(read_text(f"{self._directory}/poolsize")),
        )
