from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.remote_write.write_setting import Setting


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(tmp_path / "data")
    yield setting
    setting.close()
