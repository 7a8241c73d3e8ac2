"""Judges the notifications of a run: which alerts are missing, and which are false.

Only facts that the benchmark itself caused or saw count: when it raised or broke a
target, which scrapes carried a raised level, when the server was awake. An alert *must*
fire if the server could know of its episode long enough; it *may* fire as long as the
episode explains it; any other is false. Times are the benchmark's, Unix milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

RAISED_ALERT, DOWN_ALERT = "ChaosRaised", "HostDown"
JUDGED = frozenset({RAISED_ALERT, DOWN_ALERT})
"""The alerts that an episode must explain."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time; both ends are included."""

    begin_ms: int
    end_ms: int

    def overlaps(self, other: "TimeSpan") -> bool:
        """Return whether both have a moment in common."""
        return self.begin_ms <= other.end_ms and other.begin_ms <= self.end_ms


@dataclass(frozen=True, slots=True)
class Timing:
    """How soon an alert is due, milliseconds.

    Attributes:
        interval_ms: of scrapes and of evaluations.
        timeout_ms: the longest duration of a failing scrape.
        down_for_ms: how long a host is down before HostDown fires.
        retry_ms: the longest wait of a delivery between two attempts, and its timeout.
    """

    interval_ms: int
    timeout_ms: int
    down_for_ms: int
    retry_ms: int

    @property
    def grace_ms(self) -> int:
        """The time from when an episode could be known to its notification."""
        return 2 * self.interval_ms


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert of a notification.

    Attributes:
        firing: false if it is resolved.
        episode: the number of the episode that the notification names; "" if it names none.
        identity: the start of the alert: a repeated notification has the same.
        accepted: whether the receiver answered 200.
    """

    receiver: str
    firing: bool
    alert: str
    instance: str
    episode: str
    identity: str
    arrived_ms: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class Episode:
    """A reason for an alert.

    Attributes:
        number: "" for an alert whose notification does not name its episode.
        begun_ms: when the benchmark caused it.
        over_ms: a notification that arrives first after this is not explained by it.
        known_ms: when the server could first know that the alert is to fire; None if it
            need not fire, because it was too short for a server that slept or saw little.
        firings: how often it may begin to fire: the server may see it end and begin again.
    """

    alert: str
    instance: str
    number: str
    begun_ms: int
    over_ms: int
    known_ms: int | None
    firings: int = 1

    @property
    def title(self) -> str:
        """The alert, its target and the episode."""
        return f"{self.alert} of {self.instance}" + (f" ({self.number})" if self.number else "")


@dataclass(frozen=True, slots=True)
class Defect:
    """One finding against the server, with the time at which it shows."""

    at_ms: int
    text: str


@dataclass(slots=True)
class AlertVerdict:
    """The result of judging all episodes and arrivals.

    Attributes:
        missed, false: the problems, in no order.
        due, fired: (episode, receiver) pairs that had to fire, and that did, in time or not.
        latencies_ms: from when an episode could be known to its notification, by episode
            and receiver, unless a fault of the receiver excuses it.
        repeats: notifications that a receiver accepted twice for a reason that excuses it.
    """

    missed: list[Defect] = field(default_factory=list)
    false: list[Defect] = field(default_factory=list)
    due: int = 0
    fired: int = 0
    latencies_ms: dict[tuple[str, int, str], int] = field(default_factory=dict)
    repeats: int = 0


def raised_episode(
    instance: str,
    number: int,
    raised: TimeSpan,
    scrapes: Sequence[int],
    awake: Sequence[TimeSpan],
    timing: Timing,
) -> Episode:
    """Return the episode of a raised level.

    The server can know of it from the first scrape after which it stayed awake, and the
    level stayed raised, for as long as the alert may take.

    Args:
        instance: of the target.
        number: of the episode.
        raised: while the level was raised.
        scrapes: when scrapes carried the raised level.
        awake: while the server ran and could evaluate rules.
        timing: how soon an alert is due.
    """
    known_ms = next(
        (
            scrape_ms
            for scrape_ms in scrapes
            if scrape_ms + timing.grace_ms <= raised.end_ms
            and any(
                one.begin_ms <= scrape_ms and scrape_ms + timing.grace_ms <= one.end_ms
                for one in awake
            )
        ),
        None,
    )
    # After a failed scrape the alert's series is stale: the alert ends and begins anew.
    gaps = sum(after - before > 1.5 * timing.interval_ms for before, after in pairwise(scrapes))
    over_ms = _over(raised.end_ms, awake, timing)
    return Episode(
        RAISED_ALERT, instance, str(number), raised.begin_ms, over_ms, known_ms, 1 + gaps
    )


def down_episode(
    instance: str, down: TimeSpan, awake: Sequence[TimeSpan], timing: Timing
) -> Episode:
    """Return the episode of a target that the benchmark cut off or broke."""
    notice_ms = timing.interval_ms + timing.timeout_ms + timing.down_for_ms
    known = (max(down.begin_ms, one.begin_ms) + notice_ms for one in awake)
    last = (min(down.end_ms, one.end_ms) for one in awake)
    known_ms = next(
        (at for at, end in zip(known, last, strict=True) if at + timing.grace_ms <= end), None
    )
    over_ms = _over(down.end_ms, awake, timing)
    return Episode(DOWN_ALERT, instance, "", down.begin_ms, over_ms, known_ms)


def _over(ended_ms: int, awake: Sequence[TimeSpan], timing: Timing) -> int:
    """Return the time until which an ended episode explains a notification.

    The server sees the end with its next scrape, and one that slept sees it later.
    """
    seen_ms = next(
        (max(ended_ms, one.begin_ms) for one in awake if one.end_ms >= ended_ms), ended_ms
    )
    return seen_ms + 3 * timing.interval_ms + timing.timeout_ms


def judge(
    episodes: Sequence[Episode],
    arrivals: Iterable[Arrival],
    receivers: Mapping[str, Sequence[TimeSpan]],
    awake: Sequence[TimeSpan],
    timing: Timing,
    now_ms: int,
) -> AlertVerdict:
    """Compare the arrivals with the episodes.

    Args:
        episodes: all of them; those of one target in the order of time.
        arrivals: all of them, in the order of arrival.
        receivers: by name, the stretches in which each could not be reached.
        awake: while the server ran and could evaluate rules.
        timing: how soon an alert is due.
        now_ms: alerts that are due later are not judged.
    """
    verdict = AlertVerdict()
    judged = [one for one in arrivals if one.alert in JUDGED]
    explained = _explain(episodes, judged, receivers, timing, verdict)
    for episode in episodes:
        firing = [one for one in explained[episode] if one.firing]
        _judge_firings(episode, firing, awake, verdict)
        for receiver, faults in receivers.items():
            accepted = [one for one in firing if one.receiver == receiver and one.accepted]
            if episode.known_ms is None:
                continue
            due_ms = due_at(episode.known_ms, faults, timing)
            if due_ms > now_ms:
                continue
            verdict.due += 1
            verdict.fired += bool(accepted)
            _judge_delivery(episode, receiver, accepted, due_ms, timing, verdict)
    return verdict


def due_at(known_ms: int, faults: Sequence[TimeSpan], timing: Timing) -> int:
    """Return when a receiver must have the notification, faults of the receiver excused."""
    return _excused_until(TimeSpan(known_ms, known_ms + timing.grace_ms), faults, timing)


def _excused_until(span: TimeSpan, faults: Sequence[TimeSpan], timing: Timing) -> int:
    """Return the end of a span, or when deliveries work again after faults that overlap it."""
    end_ms = span.end_ms
    for fault in sorted(faults, key=lambda one: one.begin_ms):
        if fault.overlaps(TimeSpan(span.begin_ms, end_ms)):
            end_ms = max(end_ms, fault.end_ms + timing.retry_ms + timing.grace_ms)
    return end_ms


def _explain(
    episodes: Sequence[Episode],
    arrivals: Sequence[Arrival],
    receivers: Mapping[str, Sequence[TimeSpan]],
    timing: Timing,
    verdict: AlertVerdict,
) -> Mapping[Episode, list[Arrival]]:
    """Return the arrivals of each episode; those without one are false.

    A notification may arrive late at a receiver that was gone. Its first arrival at any
    receiver therefore decides.
    """
    by_identity = defaultdict[tuple[str, str, str, str], list[Arrival]](list)
    for arrival in arrivals:
        key = (arrival.alert, arrival.instance, arrival.episode, arrival.identity)
        by_identity[key].append(arrival)
    explained = defaultdict[Episode, list[Arrival]](list)
    for (alert, instance, number, identity), same in by_identity.items():
        firing = [one for one in same if one.firing]
        first = min(firing or same, key=lambda one: one.arrived_ms)
        faults = receivers[first.receiver]
        episode = next(
            (
                one
                for one in reversed(episodes)
                if (one.alert, one.instance, one.number) == (alert, instance, number)
                and one.begun_ms <= first.arrived_ms
                and first.arrived_ms
                <= _excused_until(TimeSpan(one.begun_ms, one.over_ms), faults, timing)
            ),
            None,
        )
        if episode is not None:
            explained[episode] += same
        elif firing:
            name = f"{alert} of {instance}" + (f" ({number})" if number else "")
            text = f"{name} fired without a reason at {first.receiver}, start {identity}"
            verdict.false.append(Defect(first.arrived_ms, text))
    return explained


def _judge_firings(
    episode: Episode, firing: Sequence[Arrival], awake: Sequence[TimeSpan], verdict: AlertVerdict
) -> None:
    """Record an alert that began too often, and notifications that came twice."""
    starts = sorted({one.identity for one in firing})
    if len(starts) > episode.firings:
        last_ms = max(one.arrived_ms for one in firing)
        text = f"{episode.title} fired {len(starts)} times: {', '.join(starts)}"
        verdict.false.append(Defect(last_ms, text))
    accepted = defaultdict[tuple[str, str], list[int]](list)
    for one in firing:
        if one.accepted:
            accepted[one.receiver, one.identity].append(one.arrived_ms)
    for (receiver, _), times in accepted.items():
        for before_ms, after_ms in pairwise(times):
            # A server that dies between an answer and its commit sends again.
            if any(one.begin_ms <= before_ms and after_ms <= one.end_ms for one in awake):
                text = f"{episode.title} was sent twice to {receiver}"
                verdict.false.append(Defect(after_ms, text))
            else:
                verdict.repeats += 1


def _judge_delivery(
    episode: Episode,
    receiver: str,
    accepted: Sequence[Arrival],
    due_ms: int,
    timing: Timing,
    verdict: AlertVerdict,
) -> None:
    """Record an alert that is missing at a receiver or came late."""
    assert episode.known_ms is not None
    if not accepted:
        text = f"{episode.title} never fired at {receiver}"
        verdict.missed.append(Defect(due_ms, text))
        return
    arrived_ms = min(one.arrived_ms for one in accepted)
    if due_ms == episode.known_ms + timing.grace_ms:
        key = (episode.title, episode.begun_ms, receiver)
        verdict.latencies_ms[key] = arrived_ms - episode.known_ms
    if arrived_ms > due_ms:
        late_s = (arrived_ms - due_ms) / 1000
        text = f"{episode.title} fired {late_s:.1f} s too late at {receiver}"
        verdict.missed.append(Defect(due_ms, text))
