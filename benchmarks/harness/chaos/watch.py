"""What an observer sees of the server: memory, health, open alerts."""

import json
import time

from benchmarks.harness.chaos.arena import Arena
from benchmarks.harness.chaos.judge import JUDGED
from benchmarks.harness.chaos.server import JOB
from benchmarks.harness.loopback import fetch

_HEALTH_TIMEOUT_S = 2.0
_SLOW_HEALTH_S = 0.2
_TIMEOUT_S = 10.0
_FRESH_INTERVALS = 2.5
_WELL = "health healthy"


class Observer:
    """Looks at the server repeatedly.

    Attributes:
        peak_bytes: the highest resident memory since the last `take_peak`.
        states: what `/health` said since the last `take_states`, with the number of times.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.peak_bytes = 0
        self.states: dict[str, int] = {}

    def look(self) -> None:
        """Read the peak of memory, and ask for the health."""
        self.peak_bytes = max(self.peak_bytes, self._arena.server.peak_bytes())
        begun_s = time.monotonic()
        state = self._state()
        slow = time.monotonic() - begun_s > _SLOW_HEALTH_S
        state += ", slow" if slow and state.startswith("health") else ""
        self.states[state] = self.states.get(state, 0) + 1

    def _state(self) -> str:
        try:
            health = json.loads(
                fetch(self._arena.server.url + "/health", timeout_s=_HEALTH_TIMEOUT_S)
            )
        except (OSError, ValueError) as exc:
            return f"no health ({type(exc).__name__})"
        conditions = sorted(one["condition"] for one in health["conditions"])
        return " ".join(["health", health["status"], *conditions])

    def take_peak(self) -> int:
        """Return the highest resident memory since the last call, in bytes."""
        server = self._arena.server
        peak_bytes = max(self.peak_bytes, server.peak_bytes())
        server.forget_peak()
        self.peak_bytes = 0
        return peak_bytes

    def take_states(self) -> list[str]:
        """Return the states since the last call, other than well."""
        states, self.states = self.states, {}
        return [
            f"{count} x {state}" for state, count in states.items() if state != "health healthy"
        ]


def _fresh(interval_s: float) -> str:
    """Return the query that counts targets that were up at a scrape of late."""
    up = f'up{{job="{JOB}"}}'
    return f"count(({up} == 1) and (time() - timestamp({up}) < {_FRESH_INTERVALS * interval_s}))"


def unwell(arena: Arena, *, own_alerts: bool = False) -> str:
    """Return what is not as before the first fault; "" if all is well.

    Args:
        arena: with the server.
        own_alerts: whether alerts of the server about itself must be over too. They look
            back for minutes, so that one round cannot wait for their end.
    """
    server, receivers = arena.server, arena.receivers
    try:
        health = json.loads(fetch(server.url + "/health", timeout_s=_HEALTH_TIMEOUT_S))
        if health["status"] != "healthy":
            return f"/health: {health['status']} {json.dumps(health['conditions'])}"
        found = server.query(_fresh(arena.plan.timing.interval_ms / 1000), time.time())
        if found != [arena.plan.targets]:
            return f"{found} of {arena.plan.targets} targets are up"
        answer = fetch(server.url + "/api/alerts", headers=server.headers(), timeout_s=_TIMEOUT_S)
        names = [one["labels"]["alertname"] for one in json.loads(answer)["alerts"]]
        names = [name for name in names if own_alerts or name in JUDGED]
        if names:
            return f"{len(names)} alerts are open: {', '.join(sorted(set(names)))}"
    except (OSError, ValueError, KeyError) as exc:
        return f"it does not answer: {exc!r}"
    arrivals = [one for one in receivers.arrivals if own_alerts or one.alert in JUDGED]
    for name in arena.receiver_names():
        own = [one for one in arrivals if one.receiver == name and one.accepted]
        fired = {(one.alert, one.instance, one.identity) for one in own if one.firing}
        ended = {(one.alert, one.instance, one.identity) for one in own if not one.firing}
        if waiting := fired - ended:
            return f"{len(waiting)} alerts are not resolved at {name}, such as {min(waiting)}"
    return ""
