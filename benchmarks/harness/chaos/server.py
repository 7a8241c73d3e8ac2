"""The server that faults are injected into, and when it was awake."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.chaos.judge import RAISED_ALERT, TimeSpan, Timing
from benchmarks.harness.chaos.receivers import webhook_configuration
from benchmarks.harness.chaos.shim import Shim
from benchmarks.harness.chaos.targets import RAISED
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.processes import BenchmarkError

JOB = "chaos"

_FOREVER_MS = 2**62
_TOKEN_LIFETIME_S = 86_400


class ChaosServer(Redshank):
    """A server with limits, hosts to check, rules and webhook receivers.

    Args:
        plan: the targets.
        timing: the interval, and how soon alerts are due.
        receivers: names and URLs, for the alerting section.
        descriptors: the limit of open files; 0 for that of this process.
        memory_limit_mb: for `server.memory_limit`, 0 for none.
        shim: faults of clock and disk; None without them.
        directory: for configuration, data and log.
    """

    def __init__(
        self,
        plan: ScrapePlan,
        timing: Timing,
        receivers: Sequence[dict[str, object]],
        descriptors: int,
        memory_limit_mb: int,
        shim: Shim | None,
        directory: Path,
    ) -> None:
        self._timing, self._receivers = timing, receivers
        self._descriptors, self._memory_limit_mb, self._shim = descriptors, memory_limit_mb, shim
        self._awake: list[TimeSpan] = []
        self._awake_since_ms: int | None = None
        super().__init__(plan, directory)

    def command(self) -> list[str]:
        command = super().command()
        if not self._descriptors:
            return command
        return ["sh", "-c", f'ulimit -n {self._descriptors} && exec "$@"', "sh", *command]

    def variables(self) -> dict[str, str]:
        return {**super().variables(), **(self._shim.variables() if self._shim else {})}

    def configure(self) -> None:
        rules = self.configuration.with_name("rules.yml")
        rules.write_text(rule_file(self._timing))
        interval, timeout = f"{self._timing.interval_ms}ms", f"{self._timing.timeout_ms}ms"
        job = {"name": JOB, "hosts": True, "targets": list(self.plan.targets)}
        server = {"memory_limit": f"{self._memory_limit_mb}MB"} if self._memory_limit_mb else {}
        document = {
            "server": server,
            "scrape": {"interval": interval, "timeout": timeout, "jobs": [job]},
            "alerting": {
                "evaluation_interval": interval,
                "start_delay": f"{self._start_delay_ms}ms",
                "rule_files": [str(rules)],
                # Recorded hosts have the clock of their recording.
                "checks": {
                    "down": {"for": f"{self._timing.down_for_ms}ms"},
                    "clock": {"enabled": False},
                },
                "receivers": list(self._receivers),
                "delivery": {
                    "timeout": f"{self._timing.retry_ms}ms",
                    "retry_min": "1s",
                    "retry_max": f"{self._timing.retry_ms}ms",
                },
            },
            "web": {"token_lifetime_s": _TOKEN_LIFETIME_S},
        }
        self.configuration.write_text(json.dumps(document))

    @property
    def _start_delay_ms(self) -> int:
        # It must exceed the longest scrape interval.
        return self._timing.interval_ms + 1000

    def wait_ready(self) -> None:
        super().wait_ready()
        self._wake(self._start_delay_ms)

    def kill(self) -> None:
        self._sleep()
        super().kill()

    def stop(self) -> None:
        """Stop the process with SIGSTOP."""
        self._sleep()
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the stopped process."""
        os.kill(self.pid, signal.SIGCONT)
        self._wake()

    def ended(self) -> bool:
        """Return whether the process has ended by itself."""
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def awake(self) -> list[TimeSpan]:
        """Return the stretches in which the server could evaluate rules, in order."""
        if self._awake_since_ms is None:
            return list(self._awake)
        return [*self._awake, TimeSpan(self._awake_since_ms, _FOREVER_MS)]

    def peak_bytes(self) -> int:
        """Return the highest resident memory of the process so far; 0 if it has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except (OSError, BenchmarkError):
            return 0
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0

    def forget_peak(self) -> None:
        """Begin a new measurement of the peak."""
        try:
            # proc(5): 5 resets the peak of resident memory.
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        except OSError:
            return

    def _sleep(self) -> None:
        if self._awake_since_ms is not None:
            end_ms = now_ms()
            if end_ms > self._awake_since_ms:
                self._awake.append(TimeSpan(self._awake_since_ms, end_ms))
            self._awake_since_ms = None

    def _wake(self, delay_ms: int = 0) -> None:
        self._awake_since_ms = now_ms() + delay_ms


def rule_file(timing: Timing) -> str:
    """Return the rule that watches the levels of the targets; JSON is YAML."""
    rule = {
        "alert": RAISED_ALERT,
        "expr": f"chaos_level >= {RAISED}",
        "labels": {"severity": "critical"},
        # The value names the episode, whatever the order of deliveries.
        "annotations": {"level": '{{ printf "%.0f" $value }}'},
    }
    group = {"name": JOB, "interval": f"{timing.interval_ms}ms", "rules": [rule]}
    return json.dumps({"groups": [group]})


def receiver_configuration(
    names: Sequence[str], named: Sequence[str], host: str, name_host: str, port: int
) -> list[dict[str, object]]:
    """Return the receivers by address, and those whose host must be resolved."""
    return [
        *webhook_configuration(names, host, port),
        *webhook_configuration(named, name_host, port),
    ]
