"""The PromQL of a host's CPU usage: one definition for checks, figures and charts.

Usage is busy time divided by the time of all modes, summed over the cores of a host. Both
come from the same samples, so a window that is not full yet changes neither the result nor
its bounds, and there is no result before the second sample. Time in `idle` and `iowait` is
not busy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.durations import format_duration

_METRIC: Final = "node_cpu_seconds_total"
_STEP_BACK_S: Final = 3
"""More than iowait steps back without a reboot, summed over the cores."""
_BUSY: Final = 'mode!~"idle|iowait"'
_WAITING: Final = 'mode="iowait"'


@dataclass(frozen=True, slots=True)
class CpuUsage:
    """Builds the expressions for one window and one set of hosts.

    Attributes:
        window_ms: the time that the usage is averaged over.
        by: the labels that identify a host.
        matchers: selects some of the hosts; written as inside a selector's braces.
    """

    window_ms: int
    by: Sequence[str]
    matchers: str = ""

    def used(self, whole: int = 1) -> str:
        """Return the expression of the usage, from 0 to `whole`: 1 or 100."""
        # busy / (busy + idle), written so that each busy series is read once.
        return f"{whole} / (1 + {self._idle()} / {self._busy(self.by)})"

    def busy_modes(self) -> str:
        """Return the expression of each busy mode's share of the time, 0 to 1; one host."""
        return f"{self._busy(('mode',))} / scalar({self._all()})"

    def waiting(self) -> str:
        """Return the expression of the share of the time in `iowait`, 0 to 1; one host."""
        waiting = self._sum("delta", _WAITING, ("mode",))
        return f"clamp_min({waiting}, 0) / scalar({self._all()})"

    def _all(self) -> str:
        return f"{self._busy(self.by)} + {self._idle()}"

    def _busy(self, by: Sequence[str]) -> str:
        return self._sum("increase", _BUSY, by)

    def _idle(self) -> str:
        # The kernel's iowait can step back a little (man 5 proc), which `increase` would take
        # for a restart at zero and count in full. `delta` does not. A larger fall is a
        # reboot, which `increase` counts rightly. Some exporters do not have the mode.
        idle = self._sum("increase", 'mode="idle"', self.by)
        waiting = self._sum("delta", _WAITING, self.by)
        since_boot = self._sum("increase", _WAITING, self.by)
        waited = f"clamp_min({waiting} > -{_STEP_BACK_S}, 0) or {since_boot}"
        return f"({idle} + ({waited}) or {idle})"

    def _sum(self, function: str, mode: str, by: Sequence[str]) -> str:
        inner = ",".join(part for part in (mode, self.matchers) if part)
        window = format_duration(self.window_ms)
        return f"sum by ({', '.join(by)}) ({function}({_METRIC}{{{inner}}}[{window}]))"
