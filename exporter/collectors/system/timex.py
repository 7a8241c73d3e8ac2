"""State of the kernel's clock discipline (NTP): synchronisation, offset, errors.

Source: adjtimex(2).
"""

import ctypes
import functools
import os
from collections.abc import Callable, Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily

_TIME_ERROR = 5  # The return value while the clock is not synchronised.
_STA_NANO = 0x2000  # Status bit: offset and jitter are in nanoseconds.
_MICROSECONDS = 1e6
_NANOSECONDS = 1e9
_SCALED_PPM = 1e6 * 65536  # Frequencies are parts per million with a 16-bit fraction.


class Timex(ctypes.Structure):
    """The kernel's `struct timex`."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


def adjtimex() -> tuple[int, Timex]:
    """Return the state of the clock and its parameters; adjust nothing.

    Raises:
        OSError: the kernel, or a sandbox, refuses the call.
    """
    timex = Timex()
    state: int = _libc().adjtimex(ctypes.byref(timex))
    if state < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return state, timex


@functools.cache
def _libc() -> ctypes.CDLL:
    # Once: each object makes a class of functions, which only the garbage collector frees.
    return ctypes.CDLL(None, use_errno=True)


def _fraction(timex: Timex) -> float:
    """Return how many units of offset and jitter make a second."""
    return _NANOSECONDS if timex.status & _STA_NANO else _MICROSECONDS


# Ending of the metric name, HELP, and value.
_GAUGES: tuple[tuple[str, str, Callable[[Timex], float]], ...] = (
    (
        "offset_seconds",
        "Time offset in between local system and reference clock.",
        lambda timex: timex.offset / _fraction(timex),
    ),
    (
        "frequency_adjustment_ratio",
        "Local clock frequency adjustment.",
        lambda timex: 1 + timex.freq / _SCALED_PPM,
    ),
    (
        "maxerror_seconds",
        "Maximum error in seconds.",
        lambda timex: timex.maxerror / _MICROSECONDS,
    ),
    (
        "estimated_error_seconds",
        "Estimated error in seconds.",
        lambda timex: timex.esterror / _MICROSECONDS,
    ),
    ("status", "Value of the status array bits.", lambda timex: timex.status),
    ("loop_time_constant", "Phase-locked loop time constant.", lambda timex: timex.constant),
    (
        "tick_seconds",
        "Seconds between clock ticks.",
        lambda timex: timex.tick / _MICROSECONDS,
    ),
    (
        "pps_frequency_hertz",
        "Pulse per second frequency.",
        lambda timex: timex.ppsfreq / _SCALED_PPM,
    ),
    (
        "pps_jitter_seconds",
        "Pulse per second jitter.",
        lambda timex: timex.jitter / _fraction(timex),
    ),
    ("pps_shift_seconds", "Pulse per second interval duration.", lambda timex: timex.shift),
    (
        "pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
        lambda timex: timex.stabil / _SCALED_PPM,
    ),
    (
        "tai_offset_seconds",
        "International Atomic Time (TAI) offset.",
        lambda timex: timex.tai,
    ),
)
# Ending of the metric name, HELP, and field of `struct timex`.
_COUNTERS = (
    (
        "pps_jitter_total",
        "Pulse per second count of jitter limit exceeded events.",
        "jitcnt",
    ),
    (
        "pps_calibration_total",
        "Pulse per second count of calibration intervals.",
        "calcnt",
    ),
    ("pps_error_total", "Pulse per second count of calibration errors.", "errcnt"),
    (
        "pps_stability_exceeded_total",
        "Pulse per second count of stability limit exceeded events.",
        "stbcnt",
    ),
)


class ClockDiscipline:
    """Calls adjtimex(2)."""

    name = "timex"

    def __init__(self, adjtimex: Callable[[], tuple[int, Timex]] = adjtimex) -> None:
        self._adjtimex = adjtimex

    def collect(self) -> Iterable[Family]:
        """Return synchronisation, offset, errors and pulse-per-second statistics."""
        try:
            state, timex = self._adjtimex()
        except PermissionError as exc:
            raise NoDataError("adjtimex(2) is not allowed here") from exc
        yield GaugeFamily(
            "node_timex_sync_status",
            "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
            float(state != _TIME_ERROR),
        )
        for name, documentation, value in _GAUGES:
            yield GaugeFamily(f"node_timex_{name}", documentation, value(timex))
        for name, documentation, field in _COUNTERS:
            yield CounterFamily(f"node_timex_{name}", documentation, getattr(timex, field))
