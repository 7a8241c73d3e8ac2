"""Runs probes: attempts with a deadline, retries, and the outcome of each probe."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from model.clock import Clock
from model.network.name_lookup import NameLookup
from model.probing.definitions import RETRY_PAUSE_S, ProbeDefinition, ProbeKind
from model.probing.reply import ProbeReply
from scraper.errors import OwnExhaustionError
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.address_policy import AddressPolicy
from scraper.fetching.exhaustion import own_exhaustion
from scraper.fetching.fetch import Fetched
from scraper.fetching.targets import ScrapeTarget
from scraper.messages import one_line
from scraper.probing.connecting import Connector, ProbeFailedError
from scraper.probing.heartbeats import Heartbeats
from scraper.probing.http_probe import HttpProbe
from scraper.probing.metrics import exposition
from scraper.probing.network_probes import probe_dns, probe_ping, probe_tcp, probe_tls

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """The outcome of one run of a probe.

    Attributes:
        at_ms: when it began.
        reply: what it found, in its last attempt.
        duration_s: how long the last attempt took.
        attempts: how often it tried.
        reason: why it has failed, "" if it succeeded.
    """

    at_ms: int
    reply: ProbeReply
    duration_s: float
    attempts: int
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the service answers as it should."""
        return self.reply.succeeded


@dataclass(slots=True)
class ProbeState:
    """A probe that is running, its last outcome, and since when it is in this state."""

    definition: ProbeDefinition
    outcome: ProbeOutcome | None = None
    since_ms: int = 0
    recent_s: list[float] = field(default_factory=list)


class Prober:
    """Runs probes, and keeps the state of each that a target runs.

    Args:
        lookup: looks names up.
        clock: the current time.
        heartbeats: the calls that heartbeats wait for; None where there are none.
    """

    def __init__(
        self,
        lookup: NameLookup,
        clock: Clock,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        self._lookup, self._clock, self._heartbeats = lookup, clock, heartbeats
        self._states: dict[str, ProbeState] = {}

    def watch(self, definitions: Sequence[ProbeDefinition]) -> None:
        """Keep the states of these probes only; one that has changed begins anew."""
        states = {}
        for definition in definitions:
            known = self._states.get(definition.name)
            if known is None or known.definition != definition:
                known = ProbeState(definition)
            states[definition.name] = known
        self._states = states

    def states(self) -> Sequence[ProbeState]:
        """Return the state of each watched probe."""
        return list(self._states.values())

    def state(self, name: str) -> ProbeState | None:
        """Return the state of a probe, None if it is not running."""
        return self._states.get(name)

    async def fetch(self, target: ScrapeTarget) -> Fetched:
        """Run the probe of a target, and return its exposition.

        Raises:
            OwnExhaustionError: it failed for lack of this server's descriptors, ports or memory.
        """
        definition = target.probe
        if definition is None:
            raise ValueError(f"{target.labels} is no probe")
        outcome = await self.run(definition, target.access.address_policy)
        self._note(definition, outcome)
        body = exposition(definition.kind, outcome.reply, outcome.duration_s, outcome.attempts)
        return Fetched(body, ExpositionFormat.TEXT)

    def _note(self, definition: ProbeDefinition, outcome: ProbeOutcome) -> None:
        state = self._states.get(definition.name)
        if state is None or state.definition != definition:
            return
        before, state.outcome = state.outcome, outcome
        if before is None or before.succeeded != outcome.succeeded:
            state.since_ms = outcome.at_ms
            if not outcome.succeeded:
                log.warning("probe_failed", probe=definition.name, error=outcome.reason)
            elif before is not None:
                log.info("probe_recovered", probe=definition.name)
        state.recent_s = [*state.recent_s[-29:], outcome.duration_s]

    async def run(
        self, definition: ProbeDefinition, policy: AddressPolicy | None = None
    ) -> ProbeOutcome:
        """Run a probe with its retries.

        Raises:
            OwnExhaustionError: see `fetch`.
        """
        at_ms = self._clock()
        if definition.kind is ProbeKind.HEARTBEAT:
            return self._heartbeat(definition, at_ms)
        attempts = 1 + definition.retries
        for attempt in range(1, attempts + 1):
            outcome = await self._attempt(definition, policy, at_ms, attempt)
            if outcome.succeeded or attempt == attempts:
                break
            await asyncio.sleep(RETRY_PAUSE_S)
        return outcome

    async def _attempt(
        self,
        definition: ProbeDefinition,
        policy: AddressPolicy | None,
        at_ms: int,
        attempt: int,
    ) -> ProbeOutcome:
        reply, reason, begun_s = ProbeReply(), "", time.perf_counter()
        connector = Connector(self._lookup, policy)
        try:
            async with asyncio.timeout(definition.timeout):
                await _ask(connector, definition, reply)
            reply.succeeded = True
        except ProbeFailedError as exc:
            reason = str(exc)
        except TimeoutError:
            reason = f"timed out after {definition.timeout:g} s"
        except (OSError, MemoryError, RuntimeError) as exc:
            lacking = own_exhaustion(exc)
            if not lacking:
                raise
            raise OwnExhaustionError(f"not probed: this server has {lacking}") from exc
        took_s = time.perf_counter() - begun_s
        return ProbeOutcome(at_ms, reply, took_s, attempt, one_line(reason))

    def _heartbeat(self, definition: ProbeDefinition, now_ms: int) -> ProbeOutcome:
        name, reply = definition.name, ProbeReply()
        if self._heartbeats is None or not self._heartbeats.has_url(name):
            reason = "no URL was issued for this heartbeat"
            return ProbeOutcome(now_ms, reply, 0.0, 1, reason)
        beat = self._heartbeats.last(name)
        due_ms = self._heartbeats.since_ms(name) + 1000 * (
            definition.interval + definition.heartbeat.grace
        )
        reason = ""
        if beat is not None:
            reply.numbers["heartbeat_timestamp_seconds"] = beat.at_ms / 1000
        if now_ms > due_ms:
            reason = "the URL was not called in time"
        elif beat is not None and beat.failed:
            reason = f"the job reported a failure{f': {beat.message}' if beat.message else ''}"
        reply.succeeded = not reason
        return ProbeOutcome(now_ms, reply, 0.0, 1, one_line(reason))


async def _ask(connector: Connector, definition: ProbeDefinition, reply: ProbeReply) -> None:
    match definition.kind:
        case ProbeKind.HTTP:
            await HttpProbe(connector, definition, reply).run()
        case ProbeKind.TCP:
            await probe_tcp(connector, definition, reply)
        case ProbeKind.TLS:
            await probe_tls(connector, definition, reply)
        case ProbeKind.PING:
            await probe_ping(connector, definition, reply)
        case _:
            await probe_dns(connector, definition, reply)
