"""Everything that a fault can act on: the server and the world around it."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.attacks.attack_process import Attackers
from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.chaos.judge import (
    Episode,
    TimeSpan,
    Timing,
    down_episode,
    raised_episode,
)
from benchmarks.harness.chaos.names import ZONE, NameServer
from benchmarks.harness.chaos.namespaces import Namespaces, SmallDisk
from benchmarks.harness.chaos.receivers import Mood, Receivers, receiving, webhook_configuration
from benchmarks.harness.chaos.server import ChaosServer
from benchmarks.harness.chaos.shim import Shim, compiler
from benchmarks.harness.chaos.targets import Mode, Targets
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.load.target_process import target_address

NAMED_RECEIVER = "named"
"""The receiver whose host name must be resolved; exists with a name server."""

_RECEIVERS = ("steady", "moody")
_LOOPBACK = "127.0.0.1"
_HOOKS = f"hooks.{ZONE}"
_NAMED_TARGETS = 2
_REGISTERED = 3


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """The size of an arena.

    Attributes:
        targets: how many.
        timing: the interval, and how soon alerts are due.
        descriptors: the limit of the server's open files.
        memory_limit_mb: for `server.memory_limit`, 0 for none.
        disk_bytes: the size of the data directory's file system.
    """

    targets: int
    timing: Timing
    descriptors: int
    memory_limit_mb: int
    disk_bytes: int


@dataclass(slots=True)
class RaisedLevel:
    """An episode of a raised level; it lasts until `end_ms`."""

    number: int
    target: int
    begin_ms: int
    end_ms: int | None = None


@dataclass(slots=True)
class Arena:
    """The server and its world; faults act on its parts through it.

    Attributes:
        disk, shim, names: None where this machine does not allow them.
        registered: addresses of targets that are not in the configuration.
        tokens: for abusive clients.
        raised: the episodes of raised levels so far.
    """

    plan: ArenaPlan
    random: random.Random
    directory: Path
    namespaces: Namespaces
    server: ChaosServer
    targets: Targets
    receivers: Receivers
    disk: SmallDisk | None
    shim: Shim | None
    names: NameServer | None
    registered: Sequence[str]
    tokens: list[str] = field(default_factory=list)
    raised: list[RaisedLevel] = field(default_factory=list)
    _down: dict[int, list[list[int | None]]] = field(default_factory=lambda: defaultdict(list))
    _gone: dict[str, list[list[int | None]]] = field(default_factory=lambda: defaultdict(list))

    # Levels

    def raise_level(self, target: int) -> RaisedLevel:
        """Begin an episode at a target."""
        level = RaisedLevel(len(self.raised), target, now_ms())
        self.targets.raise_level(target, level.number)
        self.raised.append(level)
        return level

    def lower_level(self, level: RaisedLevel) -> None:
        """End an episode."""
        # The time before the request: a scrape in between is then no proof.
        level.end_ms = now_ms()
        self.targets.lower_level(level.target)

    # Targets

    def cut(self, target: int) -> None:
        """Cut a target's network."""
        _begin(self._down[target])
        self.namespaces.cut(target_address(target, self.namespaces.network))

    def connect(self, target: int) -> None:
        """End the cut."""
        self.namespaces.connect(target_address(target, self.namespaces.network))
        _end(self._down[target])

    def break_target(self, target: int, mode: Mode) -> None:
        """Have a target answer badly or not at all."""
        _begin(self._down[target])
        self.targets.set_mode(target, mode)

    def mend_target(self, target: int) -> None:
        """Have a target answer well again."""
        self.targets.set_mode(target, "well")
        _end(self._down[target])

    def named_targets(self) -> Sequence[int]:
        """Return the targets whose host names must be resolved."""
        return range(_NAMED_TARGETS) if self.names else ()

    def addressed_targets(self) -> Sequence[int]:
        """Return all other targets."""
        return range(len(self.named_targets()), self.plan.targets)

    # Receivers and names

    def set_mood(self, receiver: str, mood: Mood) -> None:
        """Have a receiver hang, fail or work."""
        if mood != "well":
            _begin(self._gone[receiver])
        self.receivers.set_mood(receiver, mood)
        if mood == "well":
            _end(self._gone[receiver])

    def silence_names(self, *, silent: bool) -> None:
        """Have the name server fall silent, or answer again."""
        assert self.names is not None
        spans = [self._gone[NAMED_RECEIVER], *(self._down[one] for one in self.named_targets())]
        self.names.silent = silent
        for one in spans:
            (_begin if silent else _end)(one)

    def cut_receivers(self) -> None:
        """Record that the server can reach no receiver from now on."""
        for name in self.receiver_names():
            _begin(self._gone[name])

    def connect_receivers(self) -> None:
        """Record that the server can reach the receivers again."""
        for name in self.receiver_names():
            _end(self._gone[name])

    def receiver_names(self) -> Sequence[str]:
        """Return the names of all receivers."""
        return [*_RECEIVERS, *([NAMED_RECEIVER] if self.names else [])]

    def receiver_faults(self) -> Mapping[str, Sequence[TimeSpan]]:
        """Return when each receiver could not be reached."""
        return {name: _spans(self._gone[name]) for name in self.receiver_names()}

    # Clients

    def attackers(self, counts: Mapping[str, int], seconds: float) -> Attackers:
        """Return abusive clients that have been started."""
        name = f"attack-{now_ms()}"
        one = Attackers(name, counts, self.server.listen, self.tokens, seconds, self.directory)
        one.start()
        return one

    # Facts for the judge

    def instance(self, target: int) -> str:
        """Return the instance label of a target."""
        return self.server.plan.targets[target]

    def episodes(self) -> list[Episode]:
        """Return the reasons for alerts so far."""
        awake, timing, now = self.server.awake(), self.plan.timing, now_ms()
        scrapes: dict[int, list[int]] = defaultdict(list)
        for one in self.targets.raised_scrapes():
            scrapes[one.episode].append(one.served_ms)
        episodes = [
            raised_episode(
                self.instance(one.target),
                one.number,
                TimeSpan(one.begin_ms, now if one.end_ms is None else one.end_ms),
                scrapes[one.number],
                awake,
                timing,
            )
            for one in self.raised
        ]
        for target, spans in self._down.items():
            for span in _spans(spans):
                episode = down_episode(self.instance(target), span, awake, timing)
                if target in self.named_targets():
                    # A kept connection needs no name: the target need not be down.
                    episode = replace_known(episode)
                episodes.append(episode)
        return episodes


def replace_known(episode: Episode) -> Episode:
    """Return the episode of an alert that may fire and need not."""
    return Episode(
        episode.alert, episode.instance, episode.number, episode.begun_ms, episode.over_ms, None
    )


def _begin(spans: list[list[int | None]]) -> None:
    spans.append([now_ms(), None])


def _end(spans: list[list[int | None]]) -> None:
    spans[-1][1] = now_ms()


def _spans(spans: Sequence[Sequence[int | None]]) -> list[TimeSpan]:
    now = now_ms()
    return [
        TimeSpan(begin, now if end is None else end) for begin, end in spans if begin is not None
    ]


@contextmanager
def arena(plan: ArenaPlan, seed: int, directory: Path, namespaces: Namespaces) -> Iterator[Arena]:
    """Build the world and start the server while a `with` block runs."""
    count = plan.targets + _REGISTERED
    with ExitStack() as stack:
        for target in range(count):
            namespaces.connect(target_address(target, namespaces.network))
        targets = stack.enter_context(Targets(count, directory, namespaces.network))
        receivers = stack.enter_context(receiving(_LOOPBACK))
        hooks = webhook_configuration(_RECEIVERS, _LOOPBACK, receivers.port)
        addresses = targets.addresses()
        names, disk = None, None
        if namespaces.own:
            names = stack.enter_context(NameServer(_LOOPBACK))
            namespaces.use_name_server(_LOOPBACK, directory)
            names.addresses[_HOOKS] = _LOOPBACK
            hooks += webhook_configuration([NAMED_RECEIVER], _HOOKS, receivers.port)
            for target in range(_NAMED_TARGETS):
                host, _, port = addresses[target].partition(":")
                names.addresses[f"target{target}.{ZONE}"] = host
                addresses[target] = f"target{target}.{ZONE}:{port}"
            disk = stack.enter_context(SmallDisk(directory / "data", plan.disk_bytes))
        shim = Shim(directory, directory / "data") if compiler() else None
        server = ChaosServer(
            ScrapePlan(addresses[: plan.targets], plan.timing.interval_ms / 1000),
            plan.timing,
            hooks,
            plan.descriptors,
            plan.memory_limit_mb,
            shim,
            directory,
        )
        stack.enter_context(server)
        yield Arena(
            plan,
            random.Random(seed),
            directory,
            namespaces,
            server,
            targets,
            receivers,
            disk,
            shim,
            names,
            addresses[plan.targets :],
        )
