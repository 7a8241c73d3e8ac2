"""The faults that a round draws from.

Each has `begin` and `end`; `left_out` says why this machine cannot have it. Faults act
through the arena, which records whatever the judge must know of them.
"""

import resource
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import psutil

from benchmarks.harness.chaos.arena import Arena
from benchmarks.harness.chaos.shim import Shim
from benchmarks.harness.chaos.targets import BROKEN_MODES

_HOUR_S = 3600.0
_YEAR_S = 365.25 * 24 * _HOUR_S
_SLOW_SYNC_S = (1.0, 4.0)
_LONGEST_DEATH_S = 2.0
_STOPPED_S = 20.0
_NO_NAMESPACES = "it needs a network and a mount namespace"
_NO_SHIM = "it needs a C compiler"


class Fault(ABC):
    """One fault; an object of it belongs to one round.

    Args:
        arena: what it acts on.
        seconds: how long it lasts.
        targets: those that it may break; no other fault of the round breaks them.
    """

    key: ClassVar[str]
    holds_process: ClassVar[bool] = False
    """Whether it kills or stops the process: a round has one such fault at most."""

    def __init__(self, arena: Arena, seconds: float, targets: Sequence[int]) -> None:
        self.arena, self.seconds, self.targets = arena, seconds, targets
        self.detail = ""

    @classmethod
    def left_out(cls, arena: Arena) -> str:
        """Return why the fault is impossible here; "" if it is possible."""
        return ""

    @abstractmethod
    def begin(self) -> None:
        """Let the fault begin."""

    @abstractmethod
    def end(self) -> None:
        """Take the fault away."""


class DiskFull(Fault):
    """The data directory's file system has no free byte."""

    key = "disk_full"

    @classmethod
    def left_out(cls, arena: Arena) -> str:
        return "" if arena.disk else _NO_NAMESPACES

    def begin(self) -> None:
        assert self.arena.disk is not None
        self.arena.disk.fill()

    def end(self) -> None:
        assert self.arena.disk is not None
        self.arena.disk.free()


class _ShimFault(Fault):
    """A fault of the clock or the disk."""

    @classmethod
    def left_out(cls, arena: Arena) -> str:
        return "" if arena.shim else _NO_SHIM

    @property
    def shim(self) -> Shim:
        """What brings the fault about."""
        assert self.arena.shim is not None
        return self.arena.shim


class DiskReadOnly(_ShimFault):
    """Writes fail as on a read-only file system."""

    key = "disk_read_only"

    def begin(self) -> None:
        self.shim.refuse_writes(refused=True)

    def end(self) -> None:
        self.shim.refuse_writes(refused=False)


class DiskSlow(_ShimFault):
    """Each fsync takes seconds."""

    key = "disk_slow"

    def begin(self) -> None:
        seconds = self.arena.random.uniform(*_SLOW_SYNC_S)
        self.detail = f"{seconds:.1f} s a sync"
        self.shim.slow_syncs(seconds)

    def end(self) -> None:
        self.shim.slow_syncs(0)


class ClockStep(_ShimFault):
    """The clock steps back or ahead, and later returns."""

    key = "clock_step"

    def begin(self) -> None:
        steps = (-_HOUR_S, -30.0, 90.0, _HOUR_S, 3 * _YEAR_S)
        step_s = self.arena.random.choice(steps)
        self.detail = f"{step_s:+,.0f} s"
        self.shim.shift_clock(step_s)

    def end(self) -> None:
        self.shim.shift_clock(0)


class Descriptors(Fault):
    """The server can open no further file or connection."""

    key = "descriptors"

    def begin(self) -> None:
        self._process = psutil.Process(self.arena.server.pid)
        self._limit = self._process.rlimit(resource.RLIMIT_NOFILE)
        # Without a descriptor no notification can go out.
        self.arena.cut_receivers()
        self._set(self._process.num_fds())

    def end(self) -> None:
        self._set(self._limit[0])
        self.arena.connect_receivers()

    def _set(self, soft: int) -> None:
        try:
            self._process.rlimit(resource.RLIMIT_NOFILE, (soft, self._limit[1]))
        except psutil.NoSuchProcess:
            return  # another fault has killed it


class NamesDead(Fault):
    """The name server is silent."""

    key = "names_dead"

    @classmethod
    def left_out(cls, arena: Arena) -> str:
        return "" if arena.names else _NO_NAMESPACES

    def begin(self) -> None:
        self.arena.silence_names(silent=True)

    def end(self) -> None:
        self.arena.silence_names(silent=False)


class ReceiverHangs(Fault):
    """A receiver takes notifications and does not answer."""

    key = "receiver_hangs"

    def begin(self) -> None:
        self.arena.set_mood("moody", "hanging")

    def end(self) -> None:
        self.arena.set_mood("moody", "well")


class ReceiverFails(ReceiverHangs):
    """A receiver answers 500."""

    key = "receiver_fails"

    def begin(self) -> None:
        self.arena.set_mood("moody", "failing")


class KillProcess(Fault):
    """The process dies by `kill -9` and is started again soon."""

    key = "kill"
    holds_process = True

    def begin(self) -> None:
        self.seconds = min(self.seconds, self.arena.random.uniform(0, _LONGEST_DEATH_S))
        self.arena.server.kill()

    def end(self) -> None:
        self.arena.server.start()
        self.arena.server.wait_ready()


class StopProcess(Fault):
    """The process is stopped for 20 s."""

    key = "stop"
    holds_process = True

    def begin(self) -> None:
        self.seconds = _STOPPED_S
        self.arena.server.stop()

    def end(self) -> None:
        self.arena.server.resume()


class NetworkCut(Fault):
    """Packets to some targets vanish."""

    key = "network_cut"

    @classmethod
    def left_out(cls, arena: Arena) -> str:
        return "" if arena.namespaces.own else _NO_NAMESPACES

    def begin(self) -> None:
        for target in self.targets:
            self.arena.cut(target)

    def end(self) -> None:
        for target in self.targets:
            self.arena.connect(target)


class BrokenTargets(Fault):
    """Some targets are silent, answer 500, or send garbage without end."""

    key = "broken_targets"

    def begin(self) -> None:
        modes = [self.arena.random.choice(BROKEN_MODES) for _ in self.targets]
        self.detail = ", ".join(modes)
        for target, mode in zip(self.targets, modes, strict=True):
            self.arena.break_target(target, mode)

    def end(self) -> None:
        for target in self.targets:
            self.arena.mend_target(target)


class _Clients(Fault):
    """Abusive clients.

    Attributes:
        counts: how many of each kind.
    """

    counts: ClassVar[Mapping[str, int]]

    def begin(self) -> None:
        self._clients = self.arena.attackers(self.counts, self.seconds)

    def end(self) -> None:
        seen = self._clients.wait_seen()
        self.detail = "; ".join(
            f"{kind}: " + ", ".join(f"{count} x {answer}" for answer, count in answers.items())
            for kind, answers in seen.items()
        )


class IdleConnections(_Clients):
    """Clients hold idle connections, more than the server has descriptors."""

    key = "idle_connections"
    counts: ClassVar[Mapping[str, int]] = {"idle": 30, "slow_body": 20}


class HeavyQueries(_Clients):
    """Clients send queries that need too much."""

    key = "heavy_queries"
    counts: ClassVar[Mapping[str, int]] = {"heavy_query": 6, "live_stream": 4}


class RefusedPushes(_Clients):
    """Clients push new series without end."""

    key = "refused_pushes"
    counts: ClassVar[Mapping[str, int]] = {"new_series": 4}


class BrokenRequests(_Clients):
    """Clients guess passwords and send what is not HTTP."""

    key = "broken_requests"
    counts: ClassVar[Mapping[str, int]] = {"guess_password": 6, "broken_request": 10}


FAULTS: Sequence[type[Fault]] = (
    DiskFull,
    DiskReadOnly,
    DiskSlow,
    ClockStep,
    Descriptors,
    NamesDead,
    ReceiverHangs,
    ReceiverFails,
    KillProcess,
    StopProcess,
    NetworkCut,
    BrokenTargets,
    IdleConnections,
    HeavyQueries,
    RefusedPushes,
    BrokenRequests,
)
