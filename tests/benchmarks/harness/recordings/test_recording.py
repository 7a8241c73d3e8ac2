from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness.recordings.recording import (
    Recording,
    Scrape,
    read_recording,
    write_recording,
)

SCRAPES = st.lists(
    st.builds(Scrape, st.integers(0, 2**45), st.binary(max_size=200)), min_size=1, max_size=5
)


@settings(max_examples=30)  # the codec's window is 16 MB each time
@given(SCRAPES)
def test_recording_round_trip(scrapes: list[Scrape]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "any.scrapes.zst"
        write_recording(path, scrapes)
        assert read_recording(path).scrapes == tuple(scrapes)


def test_interval_is_rounded(recording: Recording) -> None:
    assert recording.interval_ms == 5_000
