"""Generated routing files and alerts: many trees in one file, told apart by the label `case`."""

import datetime as dt
import random
import zoneinfo
from dataclasses import dataclass
from typing import Any

NAMES, VALUES = ("alertname", "team", "host", "severity"), ("a", "b", "c")
ROUNDS, ROUND_TICKS = 4, 4
_ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Australia/Adelaide")


@dataclass(frozen=True, slots=True)
class Report:
    """What a sender says of one alert: it ends at `ends_s`, or fires until the time-out."""

    labels: dict[str, str]
    starts_s: int
    ends_s: int | None = None


@dataclass(frozen=True, slots=True)
class SilenceOrder:
    """A silence that begins in one round and is expired in another."""

    matchers: tuple[tuple[str, str, str], ...]
    first_round: int
    last_round: int


def _conditions(rng: random.Random) -> list[tuple[str, str, str]]:
    operators = ("=", "=", "!=", "=~", "!~")
    return [
        (name, rng.choice(operators), rng.choice((*VALUES, "a|b", "", ".+", "[bc]")))
        for name in rng.sample(NAMES, rng.randint(1, 2))
    ]


def _matcher_keys(rng: random.Random, conditions: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return conditions as `matchers`, or as the older `match` and `match_re`."""
    old = {"=": "match", "=~": "match_re"}
    if all(operator in old for _, operator, _ in conditions) and rng.random() < 0.6:
        keys: dict[str, Any] = {}
        for name, operator, value in conditions:
            keys.setdefault(old[operator], {})[name] = value
        return keys
    return {"matchers": [f'{name}{operator}"{value}"' for name, operator, value in conditions]}


class TreeGenerator:
    """Generates the trees, silences and alerts of one test run."""

    def __init__(self, seed: int, trees: int, tick_s: int) -> None:
        self._rng, self._trees, self._tick_s = random.Random(seed), trees, tick_s

    def document(self, url: str, boundary_s: int) -> dict[str, Any]:
        """Return an alertmanager.yml.

        Args:
            url: where the webhooks listen.
            boundary_s: the minute at which time intervals begin or end.
        """
        rng = self._rng
        receivers: list[dict[str, Any]] = [{"name": "default"}]
        trees, inhibit_rules = [], []
        for case in range(self._trees):
            names = [f"{case}-{letter}" for letter in "xyz"]
            receivers += [
                {"name": name, "webhook_configs": self._hooks(url, name)} for name in names
            ]
            tree = {"matchers": [f'case="{case}"'], "receiver": names[0]}
            tree["group_by"] = rng.sample(NAMES, rng.randint(1, 2))
            tree |= self._timing(1) | {"routes": self._routes(names, 2)}
            trees.append(tree)
            inhibit_rules += [self._inhibit_rule(case) for _ in range(rng.choice((0, 0, 1, 2)))]
        root = {"receiver": "default", "group_wait": f"{self._tick_s}s", "routes": trees}
        root |= {"group_interval": f"{2 * self._tick_s}s", "repeat_interval": "1d"}
        return {
            "global": {"resolve_timeout": f"{(ROUND_TICKS * 1000 + 500) * self._tick_s}ms"},
            "route": root,
            "receivers": receivers,
            "inhibit_rules": inhibit_rules,
            "time_intervals": self._intervals(boundary_s),
        }

    def _hooks(self, url: str, name: str) -> list[dict[str, Any]]:
        rng = self._rng
        return [
            {"url": f"{url}/{name}/{number}", "send_resolved": rng.random() < 0.7}
            | ({"max_alerts": 2} if rng.random() < 0.1 else {})
            for number in range(rng.choice((1, 1, 1, 2)))
        ]

    def _timing(self, probability: float) -> dict[str, Any]:
        """Return waits whose ends never fall on the start of a round."""
        rng = self._rng
        if rng.random() > probability:
            return {}
        wait = rng.choice((1, 1, 2)) * self._tick_s
        repeat = rng.choice((f"{3 * self._tick_s}s", f"{5 * self._tick_s}s", "1d", "1d"))
        return {
            "group_wait": f"{wait}s",
            "group_interval": f"{2 * wait}s",
            "repeat_interval": repeat,
        }

    def _routes(self, receivers: list[str], depth: int) -> list[dict[str, Any]]:
        rng = self._rng
        found: list[dict[str, Any]] = []
        used: list[list[tuple[str, str, str]]] = []
        for _ in range(rng.randint(0, 3)):
            conditions = sorted(_conditions(rng))
            if conditions in used:
                # Two siblings with the same matchers share group keys, and race in Alertmanager.
                continue
            used.append(conditions)
            route = _matcher_keys(rng, conditions) | {"continue": rng.random() < 0.4}
            if rng.random() < 0.7:
                route["receiver"] = rng.choice(receivers)
            if rng.random() < 0.6:
                route["group_by"] = rng.choice((["..."], rng.sample(NAMES, rng.randint(1, 3))))
            route |= self._timing(0.4)
            for key in ("mute_time_intervals", "active_time_intervals"):
                if rng.random() < 0.15:
                    names = ("never", "always", "before", "after")
                    route[key] = rng.sample(names, rng.randint(1, 2))
            if depth:
                route["routes"] = self._routes(receivers, depth - 1)
            found.append(route)
        return found

    def _inhibit_rule(self, case: int) -> dict[str, Any]:
        rng = self._rng
        rule: dict[str, Any] = {"equal": rng.sample(NAMES, rng.randint(0, 2))}
        for side in ("source", "target"):
            own = [("case", "=", str(case)), *_conditions(rng)]
            rule[f"{side}_matchers"] = [f'{name}{how}"{value}"' for name, how, value in own]
        return rule

    def _intervals(self, boundary_s: int) -> list[dict[str, Any]]:
        """Return intervals of which two change at the boundary, in time zones."""
        zones = [
            zone
            for zone in _ZONES
            if f"{dt.datetime.fromtimestamp(boundary_s, zoneinfo.ZoneInfo(zone)):%H:%M}" != "00:00"
        ]
        before, after = self._rng.sample(zones, 2)

        def minute(zone: str) -> str:
            return f"{dt.datetime.fromtimestamp(boundary_s, zoneinfo.ZoneInfo(zone)):%H:%M}"

        until = {"times": [{"start_time": "00:00", "end_time": minute(before)}]}
        since = {"times": [{"start_time": minute(after), "end_time": "24:00"}]}
        return [
            {"name": "never", "time_intervals": [{"years": ["2000"]}]},
            {"name": "always", "time_intervals": [{"years": ["2000:2100"]}]},
            {"name": "before", "time_intervals": [until | {"location": before}]},
            {"name": "after", "time_intervals": [since | {"location": after}]},
        ]

    def silences(self) -> list[SilenceOrder]:
        """Return silences for some of the trees."""
        rng = self._rng
        found = []
        for case in rng.sample(range(self._trees), self._trees // 5):
            matchers = (("case", "=", str(case)), *_conditions(rng))
            first = rng.randrange(ROUNDS)
            found.append(SilenceOrder(matchers, first, rng.randint(first + 1, ROUNDS + 1)))
        return found

    def rounds(self, start_s: int) -> list[list[Report]]:
        """Return the reports of each round; an alert that is not repeated times out."""
        rng = self._rng
        since: dict[tuple[tuple[str, str], ...], int] = {}
        found = []
        for number in range(ROUNDS):
            now_s = start_s + number * ROUND_TICKS * self._tick_s
            fires = set()
            for case in range(self._trees):
                for _ in range(rng.randint(0 if number else 1, 4)):
                    labels = {name: rng.choice(VALUES) for name in NAMES if rng.random() < 0.8}
                    fires.add(tuple(sorted({"case": str(case), **labels}.items())))
            fires |= {known for known in sorted(since) if rng.random() < 0.4}
            ended = {known for known in sorted(since) if known not in fires and rng.random() < 0.6}
            since = {labels: since.get(labels, now_s) for labels in sorted(fires)}
            reports = [Report(dict(labels), since[labels]) for labels in sorted(fires)]
            reports += [Report(dict(labels), now_s - 1, now_s - 1) for labels in sorted(ended)]
            rng.shuffle(reports)
            found.append(reports)
        return found
