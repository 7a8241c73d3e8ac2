import gzip
import re

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.load.replay import (
    ChurningReplay,
    ExactReplay,
    Response,
    churning_keys,
    cut_at_generation,
    series_key,
)
from benchmarks.harness.recordings.recording import Recording, Scrape, sample_lines

LABEL_VALUES = st.text("aé ,={}#", max_size=8)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Return an exposition whose series are all different."""
    lines = ["# TYPE metric gauge"]
    for number in range(draw(st.integers(1, 30))):
        labels = f'{{a="{draw(LABEL_VALUES)}"}}' if draw(st.booleans()) else ""
        lines.append(f"metric_{number}{labels} {draw(st.floats())}")
    return "\n".join([*lines, ""]).encode()


def body_of(response: Response) -> bytes:
    head, _, body = response.content.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    return gzip.decompress(body) if b"Content-Encoding: gzip" in head else body


@given(bodies(), st.floats(0, 1))
def test_churning_series_differ_in_their_generation_only(body: bytes, churn_ratio: float) -> None:
    churning = churning_keys(body, churn_ratio)
    churned = b"7-3".join(cut_at_generation(Scrape(0, body), churning))
    lines, before = list(sample_lines(churned)), list(sample_lines(body))
    changed = [line for line, old in zip(lines, before, strict=True) if line != old]
    assert len(changed) == round(len(before) * churn_ratio)
    assert all(b'generation="7-3"} ' in line for line in changed)
    plain = churned.replace(b',generation="7-3"}', b"}").replace(b'{generation="7-3"}', b"")
    assert plain == body


def test_exact_replay_serves_the_recording(recording: Recording) -> None:
    replay = ExactReplay(recording)
    for number, scrape in enumerate(recording.scrapes):
        for gzipped in (False, True):
            response = replay.response(number, 0, 0, gzipped)
            assert body_of(response) == scrape.body
            assert response.samples == 4


def test_churning_replay_replaces_the_same_series_of_each_target(recording: Recording) -> None:
    replay = ChurningReplay(recording, 0.5)

    def keys(scrape: int, target: int, generation: int) -> set[bytes]:
        response = replay.response(scrape, target, generation, gzipped=True)
        return {series_key(line) for line in sample_lines(body_of(response))}

    assert keys(0, 1, 1) == keys(4, 1, 1)
    assert len(keys(0, 1, 1) - keys(0, 1, 2)) == 2
    assert len(keys(0, 1, 1) - keys(0, 2, 1)) == 2
    assert len(re.findall(rb'generation="1-2"', b"".join(keys(0, 1, 2)))) == 2
