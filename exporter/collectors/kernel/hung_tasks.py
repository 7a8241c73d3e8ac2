"""Tasks that hung in an uninterruptible wait, for example for a dead disk."""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.kept_files import KeptFile
from exporter.roots import Roots


class HungTasks:
    """Reads `sys/kernel/hung_task_detect_count`, which Linux has since 6.13."""

    name = "kernel_hung"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/sys/kernel/hung_task_detect_count")

    def collect(self) -> Iterable[Family]:
        """Return how many tasks the kernel has found hung since the host booted.

        Raises:
            NoDataError: the kernel does not count them.
        """
        try:
            count = float(self._file.text())
        except FileNotFoundError:
            raise NoDataError("the kernel does not count hung tasks") from None
        yield CounterFamily(
            "node_kernel_hung_tasks_total",
            "Total number of tasks that have been detected as hung since the system booted.",
            count,
        )
