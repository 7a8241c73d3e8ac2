"""Places of connections: no client takes another's, and the books balance."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from model.limits import LimitName
from web.connections.places import Capacity, ConnectionPlace, ConnectionPlaces
from web.settings import WebSettings


@dataclass
class House:
    """ConnectionPlaces with a record of what was refused and closed."""

    total: int = 8
    per_address: int = 3
    descriptors: int = 10_000
    targets: int = 0
    refused: list[LimitName] = field(default_factory=list)
    closed: list[ConnectionPlace] = field(default_factory=list)

    def __post_init__(self) -> None:
        capacity = Capacity(self.total, self.per_address, self.descriptors)
        self.places = ConnectionPlaces(capacity, lambda: self.targets, self.refused.append)

    def connect(
        self, network: str | None, now_s: float = 0.0, descriptor: int = 10
    ) -> ConnectionPlace | None:
        place = ConnectionPlace(network, now_s)
        place.close = lambda: self._close(place)
        return place if self.places.take(place, descriptor) is None else None

    def _close(self, place: ConnectionPlace) -> None:
        assert place.idle_since_s is not None
        self.closed.append(place)

    def busy(self, network: str | None) -> ConnectionPlace | None:
        place = self.connect(network)
        if place is not None:
            place.idle_since_s = None
        return place


def test_an_address_that_has_too_many_loses_its_own_longest_idle_connection() -> None:
    house = House()
    other = house.connect("b", 0)
    first, *_ = (house.connect("a", now_s) for now_s in (1, 2, 3))
    assert house.connect("a", 4) is not None
    assert house.closed == [first]
    assert other not in house.closed
    assert house.places.of_network("a") == 3
    assert house.refused == [LimitName.ADDRESS_CONNECTIONS]


def test_an_address_with_busy_connections_alone_is_refused_one_more() -> None:
    house = House()
    for _ in range(3):
        assert house.busy("a")
    assert house.connect("a") is None
    assert house.connect("b") is not None
    assert house.closed == []


def test_a_trusted_proxy_is_not_limited_as_one_address_is() -> None:
    house = House()
    for _ in range(8):
        assert house.busy(None)
    assert house.connect(None) is None
    assert house.refused == [LimitName.CONNECTIONS]


def test_a_full_house_closes_the_connection_that_was_idle_longest() -> None:
    house = House()
    places = [house.connect(f"a{number}", number) for number in range(8)]
    assert house.connect("b", 9) is not None
    assert house.closed == places[:1]


def test_a_connection_that_was_used_or_released_since_makes_no_room() -> None:
    house = House()
    used, released, served, idle, *_ = [house.connect(f"a{number}", number) for number in range(8)]
    assert released is not None
    assert served is not None
    assert house.connect("b", 9) is not None
    assert house.closed == [used]
    house.places.release(released)
    served.idle_since_s = 10
    assert house.connect("c", 11) is not None
    assert house.closed == [used]
    assert house.connect("d", 12) is not None
    assert house.closed == [used, idle]


def test_every_open_page_has_a_place_by_default_and_512_other_connections_too() -> None:
    settings = WebSettings()
    defaults = settings.connections
    house = House(total=defaults.total, per_address=defaults.per_address)
    for page in range(settings.live_streams):
        assert house.busy(f"reader-{page % 20}") is not None
    for number in range(512):
        assert house.connect(f"client-{number}") is not None
    assert house.closed == []


def test_descriptors_for_scrapes_are_kept() -> None:
    house = House(total=512, descriptors=300, targets=50)
    assert house.connect("a", descriptor=300 - 64 - 50 - 1) is not None
    held = house.busy("b")
    assert held is not None
    assert house.connect("c", descriptor=300 - 64 - 50) is not None
    assert house.refused == [LimitName.DESCRIPTORS]
    # The first one made room; nothing idle is left but the newest.
    assert len(house.closed) == 1


def test_one_address_cannot_take_all_places_that_few_descriptors_leave() -> None:
    house = House(total=512, per_address=256, descriptors=300)
    taken = [house.busy("a") for _ in range(300)]
    assert 0 < sum(place is not None for place in taken) <= 300 // 2
    assert house.busy("b") is not None


class PlacesMachine(RuleBasedStateMachine):
    """Connections come, work, idle and go."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.open: list[ConnectionPlace] = []
        self.now_s = 0.0

    @rule(network=st.sampled_from(["a", "b", "c", None]), descriptor=st.integers(3, 10_050))
    def connect(self, network: str | None, descriptor: int) -> None:
        self.now_s += 1
        place = self.house.connect(network, self.now_s, descriptor)
        if place is not None:
            self.open.append(place)

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        if self.open:
            place = data.draw(st.sampled_from(self.open))
            place.idle_since_s = None if place.idle_since_s is not None else self.now_s

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.open:
            place = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            self.house.places.release(place)
            self.house.places.release(place)

    @invariant()
    def books_balance(self) -> None:
        left = [place for place in self.open if place not in self.house.closed]
        assert len(self.house.places) == len(left) <= 8
        for network in ("a", "b", "c"):
            count = sum(place.network == network for place in left)
            assert self.house.places.of_network(network) == count <= 3


TestPlaces = PlacesMachine.TestCase
