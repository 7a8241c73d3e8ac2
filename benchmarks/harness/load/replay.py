"""HTTP responses of a recording, rendered in advance so that serving costs little.

Churn adds a label `generation="<target>-<number>"` to a fixed share of the series, as
a pod's name changes with each deployment.
"""

import gzip
import zlib
from dataclasses import dataclass
from typing import Protocol

from isal import isal_zlib

from benchmarks.harness.recordings.recording import Recording, Scrape, count_samples, sample_lines

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
    b"%sContent-Length: %d\r\n\r\n%s"
)
_GZIP_HEADER = b"Content-Encoding: gzip\r\n"
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
# The level of Go's exporters; costs nothing while serving.
_AHEAD_LEVEL = 6
_WHILE_SERVING_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Response:
    """A whole HTTP response and the number of its samples."""

    content: bytes
    samples: int


class RecordingReplay(Protocol):
    """Renders the scrapes of a recording."""

    def __len__(self) -> int:
        """Return the number of scrapes."""

    def response(self, scrape: int, target: int, generation: int, gzipped: bool) -> Response:
        """Return the response for one scrape of one target."""


class ExactReplay:
    """Serves the scrapes as they were recorded, the same for every target."""

    def __init__(self, recording: Recording) -> None:
        self._scrapes = recording.scrapes
        self._samples = [count_samples(scrape.body) for scrape in recording.scrapes]
        self._gzipped = [
            gzip_response(gzip.compress(scrape.body, _AHEAD_LEVEL, mtime=0))
            for scrape in recording.scrapes
        ]

    def __len__(self) -> int:
        return len(self._scrapes)

    def response(self, scrape: int, target: int, generation: int, gzipped: bool) -> Response:
        del target, generation  # all targets and generations are the same
        content = (
            self._gzipped[scrape] if gzipped else identity_response(self._scrapes[scrape].body)
        )
        return Response(content, self._samples[scrape])


class ChurningReplay:
    """Replaces a share of each target's series with each generation.

    Args:
        recording: the scrapes to replay.
        churn_ratio: the share, 0..1; the same series in every scrape.
    """

    def __init__(self, recording: Recording, churn_ratio: float) -> None:
        churning = churning_keys(recording.typical.body, churn_ratio)
        self._pieces = [cut_at_generation(scrape, churning) for scrape in recording.scrapes]
        self._samples = [count_samples(scrape.body) for scrape in recording.scrapes]

    def __len__(self) -> int:
        return len(self._pieces)

    def response(self, scrape: int, target: int, generation: int, gzipped: bool) -> Response:
        body = (b"%d-%d" % (target, generation)).join(self._pieces[scrape])
        if gzipped:
            packed = isal_zlib.compress(body, _WHILE_SERVING_LEVEL, _GZIP_FORMAT)
            return Response(gzip_response(packed), self._samples[scrape])
        return Response(identity_response(body), self._samples[scrape])


def gzip_response(packed: bytes) -> bytes:
    """Return a whole response with a gzip body."""
    return _HEAD % (_GZIP_HEADER, len(packed), packed)


def identity_response(body: bytes) -> bytes:
    """Return a whole response with an uncompressed body."""
    return _HEAD % (b"", len(body), body)


def series_key(line: bytes) -> bytes:
    """Return the metric name and labels of a sample line without a timestamp."""
    return line.rpartition(b" ")[0]


def churning_keys(body: bytes, churn_ratio: float) -> frozenset[bytes]:
    """Choose the series that churn: pseudo-random by name, so always the same ones."""
    keys = sorted(map(series_key, sample_lines(body)), key=lambda key: (zlib.crc32(key), key))
    return frozenset(keys[: round(len(keys) * churn_ratio)])


def cut_at_generation(scrape: Scrape, churning: frozenset[bytes]) -> list[bytes]:
    """Split a body where generations belong; joined with one, the pieces are an exposition."""
    pieces: list[bytes] = []
    kept: list[bytes] = []
    for line in scrape.body.split(b"\n"):
        key = series_key(line)
        if key not in churning:
            kept.append(line)
            continue
        value = line[len(key) :]
        opened = key[:-1] + b"," if key.endswith(b"}") else key + b"{"
        pieces.append(b"\n".join([*kept, opened + b'generation="']))
        kept = [b'"}' + value]
    pieces.append(b"\n".join(kept))
    return pieces


def make_replay(recording: Recording, churn_ratio: float) -> RecordingReplay:
    """Return the replay with this churn."""
    return ChurningReplay(recording, churn_ratio) if churn_ratio else ExactReplay(recording)
