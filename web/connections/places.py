"""Places for connections: a number for each address, a number in all, and descriptors kept free.

Where a place is lacking, the connection that has been idle longest makes room: first one of
the same address, so that a client with many connections loses its own. A connection is
refused only if none is idle. Idle are those between two requests, and those that have not
sent a whole request yet.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from model.limits import LimitName

_OWN_DESCRIPTORS = 64
"""Kept free for databases, discovery, notifications and logs; measured: 40 at most in use."""
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many connections there may be.

    Attributes:
        total: in all.
        per_address: from one IPv4 address or one IPv6 network of 64 bits.
        descriptors: how many descriptors the process may open.
    """

    total: int
    per_address: int
    descriptors: int

    def reserve(self, targets: int) -> int:
        """Return how many descriptors must stay free, of which each target takes one."""
        return min(self.descriptors // 2, _OWN_DESCRIPTORS + targets)

    def limited(self, targets: int) -> "Capacity":
        """Return the capacity that the process's descriptors allow."""
        left = self.descriptors - self.reserve(targets) - _OWN_DESCRIPTORS
        total = min(self.total, max(_FEWEST, left))
        return Capacity(total, min(self.per_address, max(1, total // 2)), self.descriptors)


class ConnectionPlace:
    """The place of one open connection.

    Attributes:
        network: whose number it counts in, None for a trusted proxy's.
        idle_since_s: since when it is idle, None while it serves a request.
        close: ends the connection at once.
    """

    __slots__ = ("close", "idle_since_s", "network")

    def __init__(self, network: str | None, now_s: float) -> None:
        self.network = network
        self.idle_since_s: float | None = now_s
        self.close: Callable[[], object] = _nothing


def _nothing() -> None:
    """End a connection that does not exist yet."""


class ConnectionPlaces:
    """The places of all connections of clients.

    Args:
        capacity: how many there may be.
        targets: returns how many targets the server scrapes.
        refused: called with the limit for each connection that is refused or closed.
    """

    def __init__(
        self,
        capacity: Capacity,
        targets: Callable[[], int],
        refused: Callable[[LimitName], None],
    ) -> None:
        self._capacity, self._targets, self._refused = capacity, targets, refused
        # For the number of targets, which rarely changes: each connection asks for it.
        self._allowed: tuple[int, Capacity, int] = (-1, capacity, 0)
        self._taken: dict[ConnectionPlace, None] = {}
        # Idle places, the one idle for longest first: at the limit, each new connection takes one.
        # A place that became idle after the list was made has been idle for less time than
        # every place in it.
        self._longest_idle = deque[tuple[float, ConnectionPlace]]()
        self._by_network = Counter[str]()

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._taken)

    def of_network(self, network: str) -> int:
        """Return the number of open connections of an address."""
        return self._by_network[network]

    def take(self, place: ConnectionPlace, descriptor: int) -> LimitName | None:
        """Give a new connection a place; return the limit that refuses it, None if none does.

        Args:
            place: the connection's place.
            descriptor: the number of its socket. The system hands out the lowest free
                number, so this is about how many descriptors are open.
        """
        capacity, most_descriptor = self._now()
        network = place.network
        if network is not None and self._by_network[network] >= capacity.per_address:
            self._refused(LimitName.ADDRESS_CONNECTIONS)
            if not self._make_room(network):
                return LimitName.ADDRESS_CONNECTIONS
        if len(self._taken) >= capacity.total:
            self._refused(LimitName.CONNECTIONS)
            if not self._make_room():
                return LimitName.CONNECTIONS
        if descriptor >= most_descriptor:
            self._refused(LimitName.DESCRIPTORS)
            if not self._make_room():
                return LimitName.DESCRIPTORS
        self._taken[place] = None
        if network is not None:
            self._by_network[network] += 1
        return None

    def _now(self) -> tuple[Capacity, int]:
        """Return the capacity, and the descriptor from which on those of scrapes begin."""
        targets = self._targets()
        known, capacity, most_descriptor = self._allowed
        if known != targets:
            capacity = self._capacity.limited(targets)
            most_descriptor = capacity.descriptors - capacity.reserve(targets)
            self._allowed = targets, capacity, most_descriptor
        return capacity, most_descriptor

    def release(self, place: ConnectionPlace) -> None:
        """Free a place; does nothing if it is free."""
        if place not in self._taken:
            return
        del self._taken[place]
        # The list of idle places may still have it, but must not keep its transport.
        place.close = _nothing
        if place.network is not None:
            self._by_network[place.network] -= 1
            if not self._by_network[place.network]:
                del self._by_network[place.network]

    def make_room(self) -> bool:
        """Close the connection that has been idle longest; return False if none is idle."""
        return self._make_room()

    def _make_room(self, network: str | None = None) -> bool:
        place = self._next_idle() if network is None else self._idle_of(network)
        if place is None:
            return False
        close = place.close
        self.release(place)
        close()
        return True

    def _next_idle(self) -> ConnectionPlace | None:
        """Return the place that has been idle longest, None if none is idle."""
        for _ in range(2):
            while self._longest_idle:
                since_s, place = self._longest_idle.popleft()
                if place.idle_since_s == since_s and place in self._taken:
                    return place
            self._longest_idle.extend(sorted(self._idle(), key=_since))
        return None

    def _idle_of(self, network: str) -> ConnectionPlace | None:
        found = (each for each in self._idle() if each[1].network == network)
        idle = min(found, key=_since, default=None)
        return None if idle is None else idle[1]

    def _idle(self) -> Iterator[tuple[float, ConnectionPlace]]:
        for place in self._taken:
            if place.idle_since_s is not None:
                yield place.idle_since_s, place


def _since(idle: tuple[float, ConnectionPlace]) -> float:
    return idle[0]
