"""How well the host's clock is kept: the kernel's side of NTP.

Source: adjtimex(2).
"""

import ctypes
import os
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.errors import NoDataError

_TIME_ERROR = 5  # The call's result while the clock is not synchronised.
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
    """Ask the kernel about its clock without adjusting it; return the clock's state too.

    Raises:
        OSError: the kernel, or a sandbox, refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timex = Timex()
    state: int = libc.adjtimex(ctypes.byref(timex))
    if state < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return state, timex


class ClockDiscipline:
    """Asks adjtimex(2)."""

    name = "timex"

    def __init__(self, adjtimex: Callable[[], tuple[int, Timex]] = adjtimex) -> None:
        self._adjtimex = adjtimex

    def collect(self) -> Iterable[Metric]:
        """Return synchronisation, offset, errors and pulse-per-second statistics."""
        try:
            state, timex = self._adjtimex()
        except PermissionError as exc:
            raise NoDataError("adjtimex(2) is not allowed here") from exc
        divisor = _NANOSECONDS if timex.status & _STA_NANO else _MICROSECONDS
        synchronised = float(state != _TIME_ERROR)
        for name, documentation, value in (
            (
                "sync_status",
                "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
                synchronised,
            ),
            (
                "offset_seconds",
                "Time offset in between local system and reference clock.",
                timex.offset / divisor,
            ),
            (
                "frequency_adjustment_ratio",
                "Local clock frequency adjustment.",
                1 + timex.freq / _SCALED_PPM,
            ),
            ("maxerror_seconds", "Maximum error in seconds.", timex.maxerror / _MICROSECONDS),
            (
                "estimated_error_seconds",
                "Estimated error in seconds.",
                timex.esterror / _MICROSECONDS,
            ),
            ("status", "Value of the status array bits.", timex.status),
            ("loop_time_constant", "Phase-locked loop time constant.", timex.constant),
            ("tick_seconds", "Seconds between clock ticks.", timex.tick / _MICROSECONDS),
            (
                "pps_frequency_hertz",
                "Pulse per second frequency.",
                timex.ppsfreq / _SCALED_PPM,
            ),
            ("pps_jitter_seconds", "Pulse per second jitter.", timex.jitter / divisor),
            ("pps_shift_seconds", "Pulse per second interval duration.", timex.shift),
            (
                "pps_stability_hertz",
                "Pulse per second stability, average of recent frequency changes.",
                timex.stabil / _SCALED_PPM,
            ),
            ("tai_offset_seconds", "International Atomic Time (TAI) offset.", timex.tai),
        ):
            yield GaugeMetricFamily(f"node_timex_{name}", documentation, value)
        for name, documentation, count in (
            (
                "pps_jitter_total",
                "Pulse per second count of jitter limit exceeded events.",
                timex.jitcnt,
            ),
            (
                "pps_calibration_total",
                "Pulse per second count of calibration intervals.",
                timex.calcnt,
            ),
            ("pps_error_total", "Pulse per second count of calibration errors.", timex.errcnt),
            (
                "pps_stability_exceeded_total",
                "Pulse per second count of stability limit exceeded events.",
                timex.stbcnt,
            ),
        ):
            yield CounterMetricFamily(f"node_timex_{name}", documentation, count)
