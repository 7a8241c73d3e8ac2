"""The examination of a data directory."""

from pathlib import Path

import numpy as np

from daemon.data_directory import DataDirectory
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Verdict
from model.clock import system_clock
from model.labels import Labels
from storage.api.samples import Vector
from storage.samples.store import SqliteSampleStore

YEARS_MS = 3 * 365 * 86_400_000


def stored(path: Path, *times_ms: int) -> None:
    """Store a sample at each time, on disk."""
    store = SqliteSampleStore(path, clock=system_clock)
    store.open()
    layout = store.layout((Labels.of(__name__="x"),))
    for at_ms in times_ms:
        store.append(store.source(Labels.of(job="j")), Vector(at_ms, layout, None, np.zeros(1)))
    store._sealer.rescue()
    store.close()


def test_samples_of_the_future_are_a_warning_with_their_remedy(tmp_path: Path) -> None:
    now_ms = system_clock()
    for name, times_ms in (("now", [now_ms]), ("ahead", [now_ms, now_ms + YEARS_MS])):
        stored(tmp_path / name, *times_ms)
        findings = [
            found
            for found in examine_data_directory(DataDirectory(tmp_path / name))
            if found.subject == "samples in the future"
        ]
        if name == "now":
            assert findings == []
        else:
            [finding] = findings
            assert finding.verdict is Verdict.WARNING
            assert "drop-future" in finding.remedy
