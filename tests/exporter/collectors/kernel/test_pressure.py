from pathlib import Path

import pytest

from exporter.collectors.kernel.pressure import Pressure
from exporter.errors import NoDataError
from tests.exporter.host_tree import roots_of


def test_pressure_disabled_at_boot_is_no_data(tmp_path: Path) -> None:
    # Reading a directory fails like reading the file under psi=0, with another errno.
    roots = roots_of(tmp_path, {"proc/pressure/cpu/x": ""})
    with pytest.raises(NoDataError, match="off"):
        list(Pressure(roots).collect())


def test_kernel_without_pressure_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="no pressure"):
        list(Pressure(roots_of(tmp_path, {})).collect())
