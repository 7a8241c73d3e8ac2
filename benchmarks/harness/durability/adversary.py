"""A sender that fills its budgets, then a kill, a start, and a stop in the replay.

Every series has labels that nothing shares, as long as the limit on the sender's label bytes
allows. It opens as many streams as it may; each grows one series at a time, so that there is
a layout for each series. While it pushes, another client asks for `/health`.
"""

import random
import signal
import struct
import time
from collections.abc import Iterator

import cramjam
import psutil

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.load.remote_write_format import WRITE_HEADERS, label, message_field, varint
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import directory_size_bytes, wait_until
from ingest.limits.write_limits import LABEL_LIMITS, SENDER_LIMITS

_REQUEST_SERIES = 5_000
_STEP_MS = 1_000
_OTHER_LABEL_BYTES = 60
_POLL_S = 0.02
_REPLAYING_BYTES = 150 * 2**20
_REPLAYING_S = 60.0


def requests(series: int, end_ms: int) -> Iterator[bytes]:
    """Yield the bodies of the requests; each stream gets one more series in each round."""
    rng = random.Random(1)
    share = SENDER_LIMITS.label_bytes // series - _OTHER_LABEL_BYTES
    size = min(share, LABEL_LIMITS.value_length)
    rounds = -(-series // SENDER_LIMITS.streams)
    for first in range(0, series, _REQUEST_SERIES):
        parts = []
        for number in range(first, min(first + _REQUEST_SERIES, series)):
            turn, stream = divmod(number, SENDER_LIMITS.streams)
            time_ms = end_ms - (rounds - turn) * _STEP_MS
            sample = b"\x09" + struct.pack("<d", number) + b"\x10" + varint(time_ms)
            labels = (
                label("__name__", f"m{turn}"),
                label("instance", str(stream)),
                label("text", rng.randbytes(size // 2).hex()),
            )
            parts.append(message_field(1, b"".join(labels) + message_field(2, sample)))
        yield bytes(cramjam.snappy.compress_raw(b"".join(parts)))


def push(server: Redshank, series: int) -> dict[str, float]:
    """Push all series; return how long the slowest request and `/health` took."""
    waits_s, pushes_s = [0.0], [0.0]

    def ask() -> None:
        begun_s = time.monotonic()
        fetch(f"{server.url}/health")
        waits_s.append(time.monotonic() - begun_s)

    headers = {**WRITE_HEADERS, **server.headers()}
    with repeated(ask, _POLL_S):
        for body in requests(series, time.time_ns() // 10**6):
            begun_s = time.monotonic()
            fetch(f"{server.url}/api/v1/write", data=body, headers=headers, timeout_s=600)
            pushes_s.append(time.monotonic() - begun_s)
    return {
        "push_worst_s": max(pushes_s),
        "health_worst_ms": max(waits_s) * 1000,
        "pushed_rss_mb": server.usage().rss_bytes / 1e6,
    }


def restart(server: Redshank) -> dict[str, float]:
    """Start a killed server; return the time until it is ready, and its peak of memory."""
    peak_bytes = 0

    def look() -> None:
        nonlocal peak_bytes
        peak_bytes = max(peak_bytes, server.usage().rss_bytes)

    begun_s = time.monotonic()
    server.start()
    with repeated(look, _POLL_S):
        server.wait_ready()
        ready_s = time.monotonic() - begun_s
        look()
    return {
        "replay_adversarial_s": ready_s,
        "replay_adversarial_cpu_s": server.usage().cpu_s,
        "replay_adversarial_rss_mb": peak_bytes / 1e6,
    }


def stop_during_replay(server: Redshank) -> float:
    """Start a killed server and send SIGTERM; return the time until it has ended."""
    server.start()
    process = psutil.Process(server.pid)
    # Interpreter, modules and empty stores take less.
    wait_until(lambda: process.memory_info().rss > _REPLAYING_BYTES, _REPLAYING_S, _POLL_S)
    begun_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    server.wait_success()
    return time.monotonic() - begun_s


def attack(server: Redshank, series: int) -> dict[str, float]:
    """Push series to a server, kill it, start it, and stop it while it starts once more."""
    figures = push(server, series)
    server.kill()
    figures["data_mb"] = directory_size_bytes(server.data_directory) / 1e6
    figures |= restart(server)
    server.kill()
    figures["stop_s"] = stop_during_replay(server)
    return figures
