"""The examination of a data directory."""

from pathlib import Path

import numpy as np

from daemon.data_directory import DataDirectory
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Verdict
from model.clock import system_clock
from model.labels import Labels
from storage.api.requests import NewRequest
from storage.api.samples import Vector
from storage.events.journal import EventJournal, RequestRows
from storage.events.journal.segments import segment_paths
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.verification import Verified
from storage.verification import verify

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


def test_event_journal_is_sound_torn_or_damaged(tmp_path: Path) -> None:
    journal = EventJournal(tmp_path / "events.duckdb")
    journal.open(b"of-tests", 0)
    for number in (1, 2, 3):
        journal.append([RequestRows(1, [NewRequest(number, "GET", "/", "/", 200, 1)])])
    journal.close()
    (segment,) = segment_paths(tmp_path / "events.duckdb")
    whole = segment.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    found = []
    for data in (whole, whole[:-5], bytes(changed)):
        segment.write_bytes(data)
        (finding,) = (
            each
            for each in examine_data_directory(DataDirectory(tmp_path))
            if "journal-" in each.subject
        )
        verified = Verified()
        problems = [each.what for each in verify(tmp_path, verified)]
        found.append((finding, problems, verified.notes))
    (sound, *of_sound), (torn, *of_torn), (damaged, *of_damaged) = found
    assert (sound.verdict, sound.detail.split(",")[0]) == (Verdict.GOOD, "sound")
    assert of_sound == [[], []]
    assert (torn.verdict, torn.detail.split(",")[0]) == (Verdict.GOOD, "torn at its end")
    assert "normal after a crash" in torn.detail
    assert of_torn[0] == []
    assert len(of_torn[1]) == 1
    assert damaged.verdict is Verdict.BAD
    assert "start the server" in damaged.remedy
    assert [each.split(";")[0] for each in of_damaged[0]] == ["1 of its batches cannot be read"]
