from pathlib import Path

import pytest

from exporter.collectors.kernel.hung_tasks import HungTasks
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples


def test_hung_tasks_are_counted(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/sys/kernel/hung_task_detect_count": "3\n"})
    assert samples(HungTasks(roots))[key("node_kernel_hung_tasks_total")] == 3


def test_kernel_without_the_count_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        list(HungTasks(roots_of(tmp_path, {})).collect())
