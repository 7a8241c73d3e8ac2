"""Sessions of users, over D-Bus.

Source: org.freedesktop.login1(5).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, Final

from exporter.collectors.system_bus import BusProperty, SystemBus
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots

_SERVICE: Final = "org.freedesktop.login1"
_PATH: Final = "/org/freedesktop/login1"
_MANAGER: Final = "org.freedesktop.login1.Manager"
_SESSION: Final = "org.freedesktop.login1.Session"
_PROPERTIES: Final = ("Remote", "Type", "Class")
_OTHER: Final = "other"
_TYPES: Final = (_OTHER, "unspecified", "tty", "x11", "wayland", "mir", "web")
_CLASSES: Final = (_OTHER, "user", "greeter", "lock-screen", "background")


class Sessions:
    """Asks logind.

    Args:
        roots: where the bus is.
        connect: connects to logind.
    """

    name = "logind"

    def __init__(
        self, roots: Roots, connect: Callable[[Roots, str], SystemBus] = SystemBus
    ) -> None:
        self._roots, self._connect = roots, connect

    def collect(self) -> Iterable[Family]:
        """Return the number of sessions by seat, type, class, and whether they are remote."""
        with self._connect(self._roots, _SERVICE) as bus:
            (seats,) = bus.call(_PATH, _MANAGER, "ListSeats")
            (sessions,) = bus.call(_PATH, _MANAGER, "ListSessions")
            answers = bus.properties(
                [BusProperty(path, _SESSION, name) for *_, path in sessions for name in _PROPERTIES]
            )
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for at, (_, _, _, seat, _) in enumerate(sessions):
            remote, kind, purpose = answers[3 * at : 3 * at + 3]
            if None not in (remote, kind, purpose):  # None: the session has just ended.
                key = "true" if remote else "false", _known(kind, _TYPES), _known(purpose, _CLASSES)
                counts[(seat, *key)] += 1
        family = GaugeFamily(
            "node_logind_sessions",
            "Number of sessions registered in logind.",
            labels=("seat", "remote", "type", "class"),
        )
        # A session over the network has no seat.
        names = [*(seat for seat, _ in seats), ""]
        for labels in product(names, ("true", "false"), _TYPES, _CLASSES):
            family.add(labels, counts[labels])
        return [family]


def _known(value: Any, known: tuple[str, ...]) -> str:
    return value if value in known else _OTHER
